"""Suspended is suspended: no document by any way, no signature; nothing is lost, and two people let in again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.sandbox.pki import Pki
from hub import clock
from hub.audit import Event
from hub.ledger import (
    Ledger,
    Transaction,
    agencies,
    carriage,
    exchange_log,
    leasing,
    people,
    proposals,
    registration,
    systems,
)
from hub.ledger.exchange_log import LogQuery
from hub.problems import Refused
from hub.proposals import KINDS, Proposals
from tests.ledger.stage import Stage, Store

REASON = "nghi lộ khóa"
SYSTEM = {"system": "h33"}


def on_duty(stage: Stage) -> Stage:
    def register(transaction: Transaction) -> None:
        for login, role in (("truc", "operator"), ("quan", "administrator"), ("doc", "auditor")):
            people.add_person(transaction, login, login, (role,), "-", None, clock.now())  # type: ignore[arg-type] # roles as text

    stage.ledger.write_now(register)
    return stage


@pytest.fixture
def duty(sqlite_store: Store) -> Stage:
    """Where it makes no difference which store it is."""
    stage = Stage(sqlite_store.open())
    stage.furnish()
    return on_duty(stage)


def act(ledger: Ledger, kind: str, arguments: dict[str, str], login: str = "truc") -> str:
    return ledger.write_now(Proposals().act, kind, arguments, REASON, login).id


def leased(stage: Stage) -> list[str]:
    now = clock.now()
    until = now + timedelta(minutes=5)
    return [one.id for one in stage.ledger.write_now(leasing.lease, "h33", clock.new_id(), 10, now, until)]


def events(stage: Stage) -> list[str]:
    found, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 1000)
    return [one["kind"] for one in found if one["kind"].startswith(("registry.", "proposal."))]


def test_nothing_is_handed_to_a_suspended_system_and_nothing_of_it_is_lost(stage: Stage) -> None:
    duty = on_duty(stage)
    waiting = duty.in_inbox("H33", "H33.01")
    before = duty.ledger.read_now(agencies.revision)
    act(duty.ledger, "system.suspend", SYSTEM)
    assert duty.ledger.read_now(agencies.revision) > before
    assert leased(duty) == []
    assert duty.ledger.read_now(carriage.due, ["h33", "h40"], clock.now()) == set()
    now = clock.now()
    claimed = duty.ledger.write_now(carriage.claim, "h33", "lease", 5, 3, now, now + timedelta(minutes=1))
    assert claimed == (None, [])
    assert not duty.ledger.read_now(agencies.find, ["H33"])["H33"].active
    entry = duty.ledger.read_now(agencies.entry, "H33.01")
    assert entry is not None
    assert (entry.active, entry.revision) == (False, before + 1)
    assert {duty.state(one) for one in waiting} == {"ready"}
    record = duty.ledger.write_now(Proposals().ask, "system.resume", SYSTEM, REASON, "truc")
    assert leased(duty) == []
    duty.ledger.write_now(Proposals().confirm, record.id, "quan")
    assert sorted(leased(duty)) == sorted(waiting)
    assert events(duty) == [
        Event.PROPOSAL_ACTED,
        Event.SYSTEM_SUSPENDED,
        Event.PROPOSAL_ASKED,
        Event.SYSTEM_RESUMED,
        Event.PROPOSAL_DECIDED,
    ]


def test_receipts_wait_for_a_suspended_system_too(duty: Stage) -> None:
    duty.accept("H33")
    duty.quiet()
    assert duty.ledger.read_now(carriage.untold, ["sender"], clock.now()) == ["sender"]
    act(duty.ledger, "system.suspend", {"system": "sender"})
    assert duty.ledger.read_now(carriage.untold, ["sender"], clock.now()) == []


def test_a_second_person_takes_a_suspension_back_but_never_whoever_is_no_operator(duty: Stage) -> None:
    done = act(duty.ledger, "system.suspend", SYSTEM)
    with pytest.raises(Refused, match="proposal-second-person"):
        duty.ledger.write_now(Proposals().confirm, done, "truc")
    with pytest.raises(Refused, match="forbidden"):
        duty.ledger.write_now(Proposals().decline, done, "doc")
    assert duty.ledger.write_now(Proposals().decline, done, "quan").state == "reverted"
    found = duty.ledger.read_now(systems.by_id, "h33")
    assert found is not None
    assert found.active


def test_a_suspended_certificate_signs_nothing_until_it_is_restored(duty: Stage) -> None:
    certificate = Pki.create().issue("H33", "Tỉnh thử nghiệm").certificate
    sha256 = duty.ledger.write_now(registration.add_certificate, "H33", certificate)
    arguments = {"agency": "H33", "certificate": sha256}
    shown = dict(duty.ledger.read_now(Proposals().plan, "certificate.suspend", arguments).lines)
    assert shown["Other certificates in use"] == "0"
    done = act(duty.ledger, "certificate.suspend", arguments)
    assert duty.ledger.read_now(agencies.holders, sha256) == frozenset()
    assert duty.ledger.write_now(Proposals().confirm, done, "quan").state == "upheld"
    record = duty.ledger.write_now(Proposals().ask, "certificate.restore", arguments, REASON, "quan")
    assert duty.ledger.read_now(agencies.holders, sha256) == frozenset()
    duty.ledger.write_now(Proposals().confirm, record.id, "truc")
    assert duty.ledger.read_now(agencies.holders, sha256) == frozenset({"H33"})
    assert not duty.ledger.read_now(proposals.open_ones)


@pytest.mark.parametrize(
    ("kind", "arguments", "code"),
    [
        ("system.suspend", {}, "request-invalid"),
        ("system.suspend", {"system": "nobody"}, "registry-unknown"),
        ("system.resume", SYSTEM, "registry-conflict"),
        ("certificate.suspend", {"agency": "H33", "certificate": "ab"}, "registry-unknown"),
        ("certificate.restore", {"agency": "H33", "certificate": "ab"}, "registry-unknown"),
    ],
)
def test_what_cannot_be_suspended_is_refused(duty: Stage, kind: str, arguments: dict[str, str], code: str) -> None:
    with pytest.raises(Refused, match=code):
        duty.ledger.read_now(Proposals().plan, kind, arguments)


def test_only_what_cannot_wait_is_done_before_a_second_person_looks() -> None:
    urgent = {name for name, kind in KINDS.items() if kind.urgent and name.startswith(("system.", "certificate."))}
    assert {"system.suspend", "certificate.suspend"} <= urgent
    assert not urgent & {"system.resume", "certificate.restore"}
