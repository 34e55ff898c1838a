"""``lienthong inbox``: see what waits for an agency, take it byte for byte, refuse or settle one delivery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import options, output
from hub.language import _

if TYPE_CHECKING:
    from adapters.client import HubClient, Profile
    from adapters.client.replies import LeasedDelivery

_LIMIT = 100
_LEASE = 120

Take = Annotated[Path | None, typer.Option(metavar="DIR", help=_("Take everything into this directory and settle it."))]
Refuse = Annotated[str, typer.Option(metavar="DELIVERY", help=_("Refuse this delivery for good; give --reason."))]
Settle = Annotated[str, typer.Option(metavar="DELIVERY", help=_("Close this delivery as taken."))]
Wait = Annotated[int, typer.Option(min=0, max=60, help=_("Seconds to wait for something to arrive."))]


def inbox(
    profile: options.As,
    take: Take = None,
    refuse: Refuse = "",
    settle: Settle = "",
    reason: options.Reason = "",
    wait: Wait = 0,
    as_json: output.AsJson = False,
) -> None:
    from adapters.client.profile import Profile

    if sum(map(bool, (take, refuse, settle))) > 1:
        raise typer.BadParameter(_("Give one of --take, --refuse, --settle."))
    if refuse and not reason:
        raise typer.BadParameter(_("A refusal needs a reason: --reason TEXT."))
    agency = Profile.load(profile)
    with options.connect(agency) as client, _leased(client, agency, wait) as waiting:
        if take:
            _take_all(client, waiting, take)
        elif refuse or settle:
            _close(client, waiting, refuse or settle, reason)
        else:
            _list(waiting)


@contextmanager
def _leased(client: HubClient, agency: Profile, wait: int) -> Iterator[dict[str, LeasedDelivery]]:
    """What waits for this agency, under leases; whatever is left in the mapping is given back at the end.

    A system may serve several agencies: deliveries to the others are given back at once.
    """
    waiting = {item["delivery"]: item for item in client.inbox(limit=_LIMIT, wait=wait, lease=_LEASE)}
    own = {key: item for key, item in waiting.items() if item["recipient"] == agency.agency}
    try:
        yield own
    finally:
        for key, item in waiting.items():
            if key in own or item["recipient"] != agency.agency:
                client.release(key, item["lease"]["id"])


def _list(waiting: dict[str, LeasedDelivery]) -> None:
    rows = [
        (item["delivery"], f"{item['number']}/{item['notation']}", item["sender"], item["priority"], _subject(item))
        for item in waiting.values()
    ]
    heads = (_("Delivery"), _("Number"), _("From"), _("Priority"), _("Subject"))
    lines = output.table(heads, rows) if rows else [_("Nothing is waiting.")]
    output.show(list(waiting.values()), lines)


def _subject(item: LeasedDelivery) -> str:
    """The subject; of what an operator sent again, also why: it is no accident."""
    replay = item.get("replay")
    if not replay:
        return item["subject"]
    return f"{item['subject']} ({_('sent again, round %(round)s') % replay}: {replay['reason']})"


def _close(client: HubClient, waiting: dict[str, LeasedDelivery], delivery: str, reason: str) -> None:
    from hub.problems import Refused

    held = waiting.pop(delivery, None)
    if held is None:
        raise Refused("not-found", delivery, "delivery")
    lease = held["lease"]["id"]
    answer = client.refuse(delivery, reason, lease) if reason else client.settle(delivery, lease)
    output.show(answer, [f"{delivery}: {answer['state']}"])


def _take_all(client: HubClient, waiting: dict[str, LeasedDelivery], directory: Path) -> None:
    """Files first, then settle: a crash in between only means that the same files are written again."""
    from hub.cli.taking import folder_of, save

    taken: list[dict[str, object]] = []
    lines: list[str] = []
    while waiting:
        delivery, item = next(iter(waiting.items()))
        folder = folder_of(item, directory)
        files = save(item, client.content_files(item["envelope"], folder), folder)
        answer = client.settle(delivery, item["lease"]["id"])
        del waiting[delivery]
        taken.append({**item, "state": answer["state"], "receipt": answer.get("receipt"), "files": files})
        lines += [f"{delivery}  {item['document_id']}  {file}" for file in files]
    output.show(taken, lines or [_("Nothing is waiting.")])


def register(app: typer.Typer) -> None:
    app.command("inbox", help=_("See, take, refuse or settle what waits for the agency."))(inbox)
