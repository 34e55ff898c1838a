"""``lienthong dead-letters``: what the hub gave up, why, what was tried, and whether its octets are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import clock
from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _

if TYPE_CHECKING:
    from hub.ledger import PayloadStore
    from hub.ledger.carriage import Attempt
    from hub.ledger.dead_letters import DeadLetter


def dead_letters(
    agency: Annotated[str, typer.Option(metavar="CODE", help=_("Sender or recipient, by code or name."))] = "",
    system: Annotated[str, typer.Option(metavar="NAME")] = "",
    code: Annotated[str, typer.Option(metavar="CODE", help=_("Why the delivery was given up."))] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    before: Annotated[str, typer.Option(metavar="CURSOR", help=_("Go on after this cursor."))] = "",
    data: Data = None,
    as_json: output.AsJson = False,
) -> None:
    """The latest first; `lienthong replay plan --state dead` sends them again."""
    from hub import settings
    from hub.ledger import PayloadStore, purged
    from hub.ledger import dead_letters as stored
    from hub.ledger.dead_letters import Filters

    wanted = Filters(agency=agency, system=system, code=code)
    with opened(data) as ledger:
        page = ledger.read_now(stored.page, wanted, before=before, limit=limit)
        gone = ledger.read_now(purged.of_envelopes, [one.envelope_id for one in page.rows])
        attempts = ledger.read_now(stored.attempts_of, [one.id for one in page.rows])
        total = ledger.read_now(stored.count)
    payloads = PayloadStore(Path(settings.load(data_dir=data).data_dir) / "payloads")
    rows = [_shown(one, attempts.get(one.id, []), payloads) | {"purged": one.envelope_id in gone} for one in page.rows]
    output.show({"total": total, "dead_letters": rows, "next": page.older or None}, _lines(rows, total, page.older))


def _shown(one: DeadLetter, attempts: list[Attempt], payloads: PayloadStore) -> dict[str, Any]:
    from hub.delivery.failures import FAILURES
    from hub.language import gettext

    failure = FAILURES.get(one.code)
    return {
        "delivery": one.id,
        "envelope": one.envelope_id,
        "document_id": one.document_id,
        "sender": one.sender_code,
        "recipient": one.recipient_code,
        "system": one.system_name,
        "channel": one.channel,
        "died_at": clock.rfc3339(one.died_at),
        "code": one.code,
        "explanation": "" if failure is None else gettext(failure.text),
        "detail": one.detail,
        "round": one.round,
        "attempts": [
            {
                "number": each.number,
                "ended_at": clock.rfc3339(each.ended_at),
                "outcome": each.outcome,
                "code": each.code,
                "detail": each.detail,
                "next_at": None if each.next_at is None else clock.rfc3339(each.next_at),
            }
            for each in attempts
        ],
        "sha256": one.sha256,
        "size": one.size,
        "kept": payloads.has(one.sha256, one.size),
        "replay_asked": one.asked_in,
    }


def _lines(rows: list[dict[str, Any]], total: int, older: str) -> list[str]:
    if not rows:
        return [_("No dead letters.")]
    heads = (_("Given up (UTC)"), _("Delivery"), _("Recipient"), _("Document id"), _("Code"), _("Why"), _("Octets"))
    lines = output.table(
        heads,
        [
            (
                row["died_at"][:19],
                row["delivery"],
                row["recipient"],
                row["document_id"],
                row["code"],
                row["detail"] or row["explanation"],
                _("purged") if row["purged"] else _("kept") if row["kept"] else _("MISSING"),
            )
            for row in rows
        ],
    )
    lines.append(_("Dead letters") + f": {total}")
    return [*lines, *([_("Go on with") + f": --before {older}"] if older else [])]


def register(app: typer.Typer) -> None:
    app.command("dead-letters", help=_("What could not be delivered, and why."))(dead_letters)
