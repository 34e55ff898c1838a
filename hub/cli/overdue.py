"""``lienthong overdue``: what the hub waits for in vain, on the hub's own machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hub import clock
from hub.cli import output
from hub.cli.store import Data, opened
from hub.language import _

Agency = Annotated[str, typer.Option("--agency", metavar="CODE", help=_("Sent or received by this agency only."))]
Before = Annotated[str, typer.Option("--before", metavar="CURSOR", help=_("Go on before this cursor."))]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000)]


def overdue(
    agency: Agency = "", before: Before = "", limit: Limit = 50, data: Data = None, as_json: output.AsJson = False
) -> None:
    from hub import settings
    from hub.ledger import overdue as missed
    from hub.receipts import deadline_policy

    now = clock.now()
    policy = deadline_policy.load(settings.load(data_dir=data).deadlines)
    with opened(data) as ledger:
        page = ledger.read_now(missed.page, now, agency_text=agency, before=before, limit=limit)
    shown = [_shown(policy, row, now) for row in page.rows]
    heads = (_("Deadline (UTC)"), _("Late"), _("What"), _("Class"), _("Recipient"), _("Sender"), _("Document"))
    rows = [
        (
            one["deadline"][:16],
            one["late_minutes"],
            one["overdue"],
            one["class"],
            one["recipient"],
            one["sender"],
            one["document"],
            one["delivery"],
        )
        for one in shown
    ]
    lines = output.table((*heads, _("Delivery")), rows) if rows else [_("Nothing is overdue.")]
    if page.older:
        lines.append(f"{_('Go on with')}: --before {page.older}")
    output.show({"overdue": shown, "next": page.older or None}, lines)


def _shown(policy: Any, row: Any, now: Any) -> dict[str, Any]:
    """``late_minutes`` are working minutes where the class counts in office hours."""
    return {
        "delivery": row.id,
        "envelope": row.envelope_id,
        "overdue": row.which,
        "deadline": clock.rfc3339(row.deadline),
        "late_minutes": int(policy.late(row, row.deadline, now).total_seconds() // 60),
        "class": policy.class_of(row).name,
        "recipient": row.recipient_code,
        "sender": row.sender_code,
        "document": f"{row.number}/{row.notation}",
        "subject": row.subject,
        "state": row.state,
        "status": row.status_code,
    }


def register(app: typer.Typer) -> None:
    app.command("overdue", help=_("List deliveries that have missed a deadline."))(overdue)
