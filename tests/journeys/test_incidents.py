"""An agency reports an incident, the operator is alerted and shuts its system out; what waits is there afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from hub import clock
from hub.cli import build_app
from hub.ledger import Transaction, alerts, people, systems
from hub.ledger.alerts import AlertRecord
from hub.problems import HubError
from hub.proposals import Proposals
from hub.registry.model import System
from tests.world import Office, World, eventually


def duty(transaction: Transaction) -> tuple[str, str]:
    """An operator and an administrator; their logins."""
    logins = f"truc-{clock.new_id()[-12:]}", f"quan-{clock.new_id()[-12:]}"
    for login, role in zip(logins, ("operator", "administrator"), strict=True):
        people.add_person(transaction, login, login, (role,), "-", None, clock.now())  # type: ignore[arg-type] # roles as text
    return logins


def reported(office: Office, world: World, directory: Path) -> dict[str, Any]:
    """What the command line of an agency says after a report."""
    known = {"hub": world.url, "client_id": office.client_id, "client_secret": office.secret, "agency": office.code}
    lines = {**known, "name": "Cơ quan", "key": "none.pem", "certificates": "none.pem"}
    file = directory / "profile.toml"
    file.touch(mode=0o600)
    file.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items()))
    words = ["incident", "report", "Mất thiết bị ký số", "--as", str(file), "--contact", "024 3123 4567", "--json"]
    done = CliRunner().invoke(build_app(), [*words, "--category", "key"])
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def served_by(world: World, office: Office) -> System:
    found = world.ledger.read_now(systems.by_name, office.system)
    assert found is not None
    return found


def refused(office: Office, incident: str) -> str:
    """Why the office's token does nothing any more; empty as long as it does."""
    try:
        office.client.incident(incident)
    except HubError as error:
        return error.code
    return ""


def alerts_of(world: World, subject: str) -> list[AlertRecord]:
    return [one for one in world.ledger.read_now(alerts.page, "open") if one.subject == subject]


def rejected(sender: Office, recipient: Office) -> str:
    try:
        sender.client.post_envelope(sender.letter(recipient.code))
    except HubError as error:
        return error.findings[0].code
    return ""


def test_an_incident_alerts_and_a_suspension_counts_within_moments(embedded_world: World, tmp_path: Path) -> None:
    world = embedded_world
    sender, struck = world.office(), world.office()
    operator, administrator = world.ledger.write_now(duty)
    made = reported(struck, world, tmp_path)
    alerted = eventually(
        lambda: [one for one in world.ledger.read_now(alerts.page, "open") if one.subject == made["id"]]
    )
    assert (alerted[0].kind, alerted[0].rank) == ("incident", 0)
    waits = sender.client.post_envelope(sender.letter(struck.code))
    system = served_by(world, struck)
    struck.client.release(*taken(struck))
    assert refused(struck, made["id"]) == ""
    world.ledger.write_now(Proposals().act, "system.suspend", {"system": system.id}, "nghi lộ khóa", operator)
    assert eventually(lambda: refused(struck, made["id"])) == "client-invalid"
    assert eventually(lambda: rejected(sender, struck)) == "recipient-suspended"
    record = world.ledger.write_now(Proposals().ask, "system.resume", {"system": system.id}, "đã thay khóa", operator)
    world.ledger.write_now(Proposals().confirm, record.id, administrator)
    got = eventually(lambda: inbox(struck))
    assert [one["envelope"] for one in got] == [waits["id"]]
    assert struck.client.incident(made["id"])["state"] == "open"
    [alerted] = eventually(lambda: alerts_of(world, made["id"]))
    assert (alerted.kind, alerted.rank) == ("incident", 0)


def taken(office: Office) -> tuple[str, str]:
    """The waiting delivery and its lease."""
    [one] = eventually(lambda: office.client.inbox(wait=0))
    return one["delivery"], str(one["lease"]["id"])


def inbox(office: Office) -> list[dict[str, object]]:
    try:
        return [dict(one) for one in office.client.inbox(wait=0)]
    except HubError:
        return []  # it is let in within a second
