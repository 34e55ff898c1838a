"""Purges by two people: what goes, what stays, and that a crash anywhere leaves nothing half true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from hub import clock
from hub.audit import merkle
from hub.audit.leaves import leaf_of_receipt
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.delivery.replay import Replays
from hub.ledger import Transaction, envelopes, purged, purges, receipts, tables, transparency
from hub.ledger.audit_tables import purge, purge_item
from hub.ledger.payload_removal import Removal
from hub.ledger.replays import Choice
from hub.problems import Refused
from hub.receipts.deadline_policy import load
from hub.retention import carrying_out
from hub.retention.carrying_out import CarryingOut
from hub.signatures.jws import open_jws
from tests.ledger.stage import Stage
from tests.retention.archive import LONG_AGO, Archive, digest_of


def code_of(work: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(Refused) as refusal:
        work(*arguments, **more)
    return refusal.value.code


def state_of(archive: Archive, purge_id: str) -> tuple[str, int, int]:
    view = archive.ledger.read_now(archive.purges.view, purge_id)
    return view.record.state, view.progress.purged, view.progress.kept


def items(archive: Archive) -> list[Any]:
    return archive.ledger.read_now(lambda transaction: transaction.execute(select(purge_item)).all())


# ---------------------------------------------------------------- two people


async def test_two_people_purge_what_is_past_its_time_and_the_log_says_so(archive: Archive) -> None:
    old = archive.letter(b"old", "H33", "H40", parts=[b"beside"], document_id="1/2014")
    young = archive.letter(b"young", at=clock.now() - timedelta(days=3650))
    permanent = archive.letter(b"permanent", document_type="Quyết định")
    purge_id = archive.ask()
    assert await archive.carrying.step() == 0, "nothing happens before confirmation"
    assert state_of(archive, purge_id)[0] == "asked"
    archive.ledger.write_now(archive.purges.confirm, purge_id, "three")
    assert await archive.carrying.step() == 1
    assert state_of(archive, purge_id) == ("done", 1, 0)

    assert not archive.payloads.has(digest_of(b"old"), 3)
    assert not archive.payloads.has(digest_of(b"beside"), 6)
    assert archive.payloads.has(digest_of(b"young"), 5)
    assert archive.payloads.has(digest_of(b"permanent"), 9)
    told = archive.ledger.read_now(purged.of_envelopes, [old, young, permanent])
    assert [(one.envelope_id, one.asked_by, one.decided_by) for one in told.values()] == [(old, "one", "three")]
    [entry] = archive.entries("retention.payload_purged")
    assert (entry["envelope_id"], entry["document_id"], entry["actor"]) == (old, "1/2014", "person:three")
    assert entry["detail"]["purge"] == purge_id
    assert entry["detail"]["policy_class"] == "correspondence"
    assert [(one["sha256"], one["size"], one["removed"]) for one in entry["detail"]["files"]] == [
        (digest_of(b"old"), 3, True),
        (digest_of(b"beside"), 6, True),
    ]
    assert len(archive.entries("retention.purge_asked")) == len(archive.entries("retention.purge_decided")) == 1
    assert code_of(archive.ledger.read_now, purged.require_octets, old) == "content-purged"
    archive.ledger.read_now(purged.require_octets, young)


def test_one_person_alone_purges_nothing(archive: Archive) -> None:
    archive.letter(b"old")
    purge_id, write = archive.ask(), archive.ledger.write_now
    assert code_of(write, archive.purges.confirm, purge_id, "one") == "purge-second-person"
    assert code_of(write, archive.purges.confirm, purge_id, "four") == "forbidden"
    assert code_of(write, archive.purges.ask, "Hết hạn", "three") == "forbidden", "auditors do not ask"
    mine = update(purge).where(purge.c.id == purge_id)
    alone = mine.values(state="confirmed", decided_by="one", decided_at=clock.now())
    for statement in (alone, mine.values(state="confirmed")):
        with pytest.raises(IntegrityError):
            write(_execute, statement)


def _execute(transaction: Transaction, statement: Any) -> None:
    transaction.execute(statement)


def test_a_declined_purge_stays_declined_and_frees_its_envelopes(archive: Archive) -> None:
    archive.letter(b"old")
    purge_id, write = archive.ask(), archive.ledger.write_now
    assert code_of(archive.ask) == "purge-empty", "it waits in the first one"
    assert write(archive.purges.decline, purge_id, "one").record.state == "declined", "whoever asked may take it back"
    assert code_of(write, archive.purges.confirm, purge_id, "two") == "purge-decided"
    second = archive.ask()
    assert write(archive.purges.confirm, second, "two").record.state == "confirmed"
    assert write(archive.purges.confirm, second, "three").record.decided_by == "two", "one decision"
    assert code_of(write, archive.purges.decline, second, "two") == "purge-decided"
    assert code_of(write, archive.purges.confirm, "none", "two") == "not-found"


def test_what_was_shown_is_what_is_asked_for(shelf: Archive) -> None:
    shelf.letter(b"old")
    seen = shelf.ledger.read_now(shelf.purges.plan).seen
    shelf.letter(b"older")
    assert code_of(shelf.ask, seen=seen) == "purge-changed"
    assert shelf.ask(seen=shelf.ledger.read_now(shelf.purges.plan).seen)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"day": clock.now().date() + timedelta(days=2)}, "request-invalid"),
        ({"policy_class": "no-such"}, "request-invalid"),
        ({"sender": "H99"}, "purge-empty"),
        ({"policy_class": "invitation"}, "purge-empty"),
    ],
)
def test_a_plan_for_nothing_or_for_tomorrow_is_refused(shelf: Archive, arguments: dict[str, Any], code: str) -> None:
    shelf.letter(b"old")
    assert code_of(shelf.ask, **arguments) == code


# ---------------------------------------------------------------- what stays


async def test_what_is_not_closed_for_a_day_is_never_due(archive: Archive) -> None:
    archive.letter(b"open", closed=False)
    late = archive.letter(b"just taken", closed=False)
    archive.close(late, clock.now() - timedelta(hours=23))
    plan = archive.ledger.read_now(archive.purges.plan)
    assert [(one.kept, one.envelopes) for one in plan.groups] == [("open", 2)]
    assert code_of(archive.ask) == "purge-empty"


async def test_octets_that_another_letter_names_stay_until_that_one_goes_too(archive: Archive) -> None:
    archive.letter(b"same", parts=[b"appendix"])
    living = archive.letter(b"appendix", document_type="Quyết định", parts=[b"same"])
    await archive.purge()
    [entry] = archive.entries("retention.payload_purged")
    assert [one["removed"] for one in entry["detail"]["files"]] == [False, False]
    assert archive.payloads.has(digest_of(b"same"), 4)
    archive.ledger.read_now(purged.require_octets, living)


async def test_two_letters_with_the_same_octets_go_together(shelf: Archive) -> None:
    shelf.letter(b"same")
    shelf.letter(b"same", "H40")
    await shelf.purge()
    assert len(shelf.entries("retention.payload_purged")) == 2
    assert not shelf.path(digest_of(b"same")).exists()


def _dead(archive: Archive, body: bytes) -> tuple[str, str]:
    envelope = archive.letter(body)
    found = select(tables.delivery.c.id).where(tables.delivery.c.envelope_id == envelope)
    delivery = archive.ledger.read_now(lambda transaction: transaction.execute(found).scalar_one())
    dead = update(tables.delivery).where(tables.delivery.c.id == delivery).values(state="dead", reason="expired")
    archive.ledger.write_now(lambda transaction: transaction.execute(dead))
    return envelope, delivery


async def test_what_was_purged_is_not_sent_again(archive: Archive, stage: Stage) -> None:
    _, delivery = _dead(archive, b"dead")
    desk = Replays(stage.signer, load())
    asked = archive.ledger.write_now(desk.ask, Choice(deliveries=(delivery,)), "Gửi lại", "four")
    await archive.purge()
    [candidate] = archive.ledger.read_now(desk.plan, Choice(deliveries=(delivery,))).candidates
    assert candidate.skipped == "purged"
    assert code_of(archive.ledger.write_now, desk.confirm, asked, "one") == "replay-empty"


async def test_what_is_sent_again_after_the_confirmation_is_not_purged(archive: Archive, stage: Stage) -> None:
    _, delivery = _dead(archive, b"dead")
    purge_id = archive.confirmed()
    desk = Replays(stage.signer, load())
    asked = archive.ledger.write_now(desk.ask, Choice(deliveries=(delivery,)), "Gửi lại", "four")
    archive.ledger.write_now(desk.confirm, asked, "one")
    assert await archive.carrying.step() == 0
    assert state_of(archive, purge_id) == ("done", 0, 1)
    assert [one.kept for one in items(archive)] == ["open"]
    assert archive.payloads.has(digest_of(b"dead"), 4)


# ---------------------------------------------------------------- crashes


class Crash(Exception):
    """The process ends here."""


def crash(*_: Any, **__: Any) -> None:
    raise Crash


def crashing_after(work: Callable[..., Any]) -> Callable[..., Any]:
    def first(*arguments: Any, **more: Any) -> Any:
        work(*arguments, **more)
        raise Crash

    return first


@pytest.mark.parametrize("where", ["after claiming", "after moving aside", "after removing", "before the last commit"])
async def test_a_crash_anywhere_is_made_good_by_the_next_round(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    envelope = archive.letter(b"old", parts=[b"beside"])
    purge_id = archive.confirmed()
    with monkeypatch.context() as patch:
        if where == "after claiming":
            patch.setattr(Removal, "remove", crash)
        elif where == "after moving aside":
            settle = Removal.settle
            calls: list[int] = []

            def second_time(removal: Removal) -> Any:
                calls.append(1)
                return settle(removal) if len(calls) < 3 else crash()

            patch.setattr(Removal, "settle", second_time)
        elif where == "after removing":
            patch.setattr(Removal, "remove", crashing_after(Removal.remove))
        else:
            patch.setattr(carrying_out, "_finish", crashing_after(carrying_out._finish))
        with pytest.raises(Crash):
            await archive.carrying.step()
    assert archive.entries("retention.payload_purged") == [], "the log says nothing that is not so"
    assert code_of(archive.ledger.read_now, purged.require_octets, envelope) == "content-purged"
    again = CarryingOut(archive.ledger, archive.payloads)
    assert await again.step() == 1
    assert state_of(archive, purge_id) == ("done", 1, 0)
    assert len(archive.entries("retention.payload_purged")) == 1
    assert not archive.path(digest_of(b"old")).exists()
    assert not list(archive.payloads.leaving.iterdir())
    assert await again.step() == 0


async def test_two_sweeps_at_once_purge_everything_once(archive: Archive) -> None:
    for number in range(15):
        archive.letter(b"%d" % number)
    purge_id = archive.confirmed()
    sweeps = [CarryingOut(archive.ledger, archive.payloads, batch=4) for _ in range(3)]
    counts = await asyncio.gather(*(one.step() for one in sweeps))
    assert sum(counts) == 15
    assert state_of(archive, purge_id) == ("done", 15, 0)
    assert len(archive.entries("retention.payload_purged")) == 15


# ---------------------------------------------------------------- afterwards


async def test_receipts_log_digests_and_proofs_stay_and_verify(archive: Archive, stage: Stage) -> None:
    envelope = archive.letter(b"old")
    before = archive.ledger.read_now(receipts.of_envelope, envelope, None)
    signing = Signing([NoteSigner(stage.signer.log, Ed25519PrivateKey.generate())])
    archive.ledger.write_now(transparency.seal, signing, 100)
    proved = archive.ledger.read_now(transparency.proofs, [before[0].id])[before[0].id]
    accepted = [one for one in archive.entries("envelope.accepted") if one["envelope_id"] == envelope]
    await archive.purge()
    archive.ledger.write_now(transparency.seal, signing, 100)
    again = archive.ledger.read_now(transparency.proofs, [before[0].id])[before[0].id]
    assert again == proved, "the proof against the first checkpoint that covers it"
    assert archive.ledger.read_now(receipts.of_envelope, envelope, None) == before
    key = stage.signer.key
    said = open_jws(before[0].jws, {key.kid: key.public}, "lienthong-receipt+jws")
    assert said["sha256"] == digest_of(b"old")
    leaf, checkpoint = merkle.leaf_hash(leaf_of_receipt(before[0].jws, said)), again.checkpoint
    assert merkle.verify_inclusion(leaf, again.number, checkpoint.size, again.path, checkpoint.root)
    record = archive.ledger.read_now(envelopes.find, envelope)
    assert record is not None
    assert (record.sha256, record.size) == (digest_of(b"old"), 3)
    assert [one for one in archive.entries("envelope.accepted") if one["envelope_id"] == envelope] == accepted


async def test_thousands_of_letters_go_a_batch_at_a_time(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 5_000 if archive.ledger.dialect == "sqlite" else 1_000
    many(archive, count)
    purge_id = archive.confirmed()
    held: list[int] = []
    going = purges.going

    def watched(transaction: Transaction, purge: str, after: str, limit: int) -> list[purges.Item]:
        found = going(transaction, purge, after, limit)
        held.append(len(found))
        return found

    monkeypatch.setattr(purges, "going", watched)
    assert await archive.carrying.step() == count
    assert max(held) == carrying_out.BATCH, "nothing of a purge is in memory but one batch"
    assert state_of(archive, purge_id) == ("done", count, 0)


def many(archive: Archive, count: int) -> None:
    """Letters that need no files (what is not there counts as removed) and have no deliveries that might be open."""
    row = archive.stage.acceptance(at=clock.now() - LONG_AGO).envelope
    times = {"received_at": clock.now() - LONG_AGO, "promulgated_on": date(2014, 1, 1)}
    rows = [
        {**row, **times, "id": clock.new_id(), "document_id": f"{number}", "sha256": digest_of(b"%d" % number)}
        for number in range(count)
    ]
    archive.ledger.write_now(lambda transaction: transaction.execute(insert(tables.envelope), rows))
