"""Legal holds: each scope keeps what it says, and lifting takes two people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from hub import clock
from hub.ledger import Transaction
from hub.ledger import holds as stored
from hub.ledger.audit_tables import legal_hold
from hub.ledger.holds import Scope
from hub.problems import Refused
from hub.retention import holds
from tests.retention.archive import Archive


def code_of(work: Any, *arguments: Any) -> str:
    with pytest.raises(Refused) as refusal:
        work(*arguments)
    return refusal.value.code


def place(archive: Archive, scope: Scope, by: str = "three") -> str:
    hold_id, _ = archive.ledger.write_now(holds.place, scope, "Thanh tra", by)
    return hold_id


SCOPES: dict[str, Callable[[str], Scope]] = {
    "envelope": lambda envelope: Scope(envelope=envelope),
    "document": lambda _: Scope(document_id="5/2014"),
    "sender": lambda _: Scope(sender="G22", until=date(2014, 6, 1)),
    "recipient": lambda _: Scope(recipient="H40"),
    "days": lambda _: Scope(since=date(2014, 6, 1), until=date(2014, 6, 1)),
}


@pytest.mark.parametrize("kind", SCOPES)
def test_what_a_hold_names_stays_and_the_rest_goes(archive: Archive, kind: str) -> None:
    # the first and the last moment of 1 June in Vietnam
    held = archive.letter(b"held", "H40", at=datetime(2014, 5, 31, 17, tzinfo=UTC), document_id="5/2014")
    archive.letter(b"free", "H33", at=datetime(2014, 6, 1, 17, tzinfo=UTC), document_id="6/2014")
    place(archive, SCOPES[kind](held))
    plan = archive.ledger.read_now(archive.purges.plan)
    assert [(one.kept, one.envelopes, one.octets) for one in plan.groups] == [("", 1, 4), ("held", 1, 4)]


async def test_a_hold_placed_after_the_confirmation_still_keeps(archive: Archive) -> None:
    envelope = archive.letter(b"held")
    archive.letter(b"free")
    purge = archive.confirmed()
    place(archive, Scope(envelope=envelope))
    assert await archive.carrying.step() == 1
    view = archive.ledger.read_now(archive.purges.view, purge)
    assert (view.record.state, view.progress.purged, view.progress.kept) == ("done", 1, 1)
    assert archive.payloads.has(archive.file(b"held"), 4)


def test_lifting_takes_a_second_person(archive: Archive) -> None:
    hold_id = place(archive, Scope(sender="G22"))
    write = archive.ledger.write_now
    assert code_of(write, holds.lift, hold_id, "one") == "reason-missing"
    assert write(holds.lift, hold_id, "one", "Xong thanh tra").state == "lifting"
    assert code_of(write, holds.lift, hold_id, "one", "Xong") == "hold-second-person"
    assert code_of(write, holds.lift, hold_id, "four") == "forbidden"
    archive.letter(b"letter")
    assert archive.ledger.read_now(archive.purges.plan).envelopes == 0, "it stands until the second person agrees"
    assert write(holds.lift, hold_id, "three").state == "lifted"
    assert archive.ledger.read_now(archive.purges.plan).envelopes == 1
    assert code_of(write, holds.lift, hold_id, "two") == "hold-lifted"
    [lifted] = archive.entries("retention.hold_lifted")
    assert (lifted["actor"], lifted["detail"]["asked_by"]) == ("person:three", "one")


def test_a_hold_that_is_kept_needs_a_new_proposal(shelf: Archive) -> None:
    hold_id = place(shelf, Scope(sender="G22"))
    write = shelf.ledger.write_now
    write(holds.lift, hold_id, "one", "Xong")
    assert shelf.ledger.read_now(stored.waiting) == 1
    assert write(holds.keep, hold_id, "two").state == "standing"
    assert shelf.ledger.read_now(stored.waiting) == 0
    assert write(holds.lift, hold_id, "two", "Xong").state == "lifting"
    kinds = ("hold_placed", "lift_asked", "lift_declined", "hold_lifted")
    assert [len(shelf.entries(f"retention.{kind}")) for kind in kinds] == [1, 2, 1, 0]


def test_the_store_itself_refuses_one_person_alone(archive: Archive) -> None:
    hold_id = place(archive, Scope(sender="G22"))
    archive.ledger.write_now(holds.lift, hold_id, "one", "Xong")
    mine = update(legal_hold).where(legal_hold.c.id == hold_id)
    alone = mine.values(lifted_by="one", lifted_at=clock.now())
    unasked = mine.values(lifted_by="two", lifted_at=clock.now(), lift_asked_by=None, lift_asked_at=None)
    for statement in (alone, unasked):
        with pytest.raises(IntegrityError):
            archive.ledger.write_now(_execute, statement)


def _execute(transaction: Transaction, statement: Any) -> None:
    transaction.execute(statement)


@pytest.mark.parametrize(
    ("scope", "by", "code"),
    [
        (Scope(), "one", "request-invalid"),
        (Scope(since=date(2020, 1, 2), until=date(2020, 1, 1)), "one", "request-invalid"),
        (Scope(sender="G22"), "four", "forbidden"),
        (Scope(sender="G22"), "nobody", "forbidden"),
    ],
)
def test_a_hold_that_says_nothing_or_comes_from_others_is_refused(
    shelf: Archive, scope: Scope, by: str, code: str
) -> None:
    assert code_of(shelf.ledger.write_now, holds.place, scope, "Thanh tra", by) == code


def test_a_scope_is_read_back_as_it_was_written() -> None:
    scope = Scope("e", "d", "s", "r", date(2020, 1, 1), date(2020, 2, 1))
    assert Scope.of(scope.json()) == scope
    assert Scope.of({}) == Scope()
