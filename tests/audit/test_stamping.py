"""Time stamps over checkpoints, on both stores: bounds, outages of one authority, and what comes after them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Table, insert

from adapters.tsa import HttpInquiry
from hub import clock
from hub.audit import Entry, Event
from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.audit.stamping import LONGEST_PAUSE, Stamper, Stamping, Unanswered, Unstamped, address, stamped
from hub.ledger import exchange_log, log_tables, log_troubles, timestamps, transparency
from hub.ledger.timestamps import Bounds, LedgerStamping
from hub.problems import Deferred
from hub.signatures.timestamps import MOST_OCTETS, NotStamped, Stamp, TimeTrust, checked
from tests.ledger.stage import Stage
from tests.services.issuer import Answerer, Issuer, Reply
from tests.services.tsa import REPLY, TimeAuthority, root

SIGNING = Signing([NoteSigner("hub.test/log", Ed25519PrivateKey.generate())])


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TimeAuthority, TimeAuthority]]:
    above = root()
    with (
        TimeAuthority(tmp_path_factory.mktemp("first"), above) as first,
        TimeAuthority(tmp_path_factory.mktemp("second"), above) as second,
    ):
        yield first, second


@pytest.fixture
def authority(authorities: tuple[TimeAuthority, TimeAuthority]) -> TimeAuthority:
    authorities[0].down = False
    return authorities[0]


@pytest.fixture(scope="module")
def trust(authorities: tuple[TimeAuthority, TimeAuthority]) -> TimeTrust:
    return TimeTrust.parse(authorities[0].root.pem)


def grow(stage: Stage, count: int = 1) -> list[int]:
    """So many more entries, sealed; their numbers."""
    entries = [Entry(Event.LOG_QUERIED, clock.now(), actor="test", detail={"entries": n}) for n in range(count)]
    stage.ledger.write_now(exchange_log.append, entries)
    stage.ledger.write_now(transparency.seal, SIGNING, 1000)
    numbers = stage.ledger.read_now(transparency.numbers_of, [one.id for one in entries])
    return sorted(numbers.values())


def stamper(stage: Stage, url: str, trust: TimeTrust, **more: float) -> Stamper:
    return Stamper(LedgerStamping(stage.ledger), HttpInquiry(20), url, trust, **{"every": 0, **more})


def bounds(stage: Stage, number: int | None) -> Bounds:
    return stage.ledger.read_now(timestamps.bounds, number)


async def test_the_newest_checkpoint_is_stamped_once_as_the_log_signed_it(
    stage: Stage, authority: TimeAuthority, trust: TimeTrust
) -> None:
    one = stamper(stage, authority.url, trust)
    before = authority.answered
    await one.step()
    assert authority.answered == before, "an empty log has nothing to stamp"
    grow(stage)
    [number] = grow(stage)
    for _ in range(3):
        await one.step()
    assert authority.answered == before + 1
    [kept] = stage.ledger.read_now(timestamps.latest)
    newest = stage.ledger.read_now(transparency.newest)
    assert newest is not None
    assert (kept.size, kept.note, kept.authority) == (newest.size, newest.note, authority.url)
    assert "Verification: OK" in authority.verify(kept.token, newest.note.encode())
    assert checked(kept.token, newest.note.encode(), trust).at == kept.stamped_at
    assert stage.ledger.read_now(timestamps.covering, number) == [kept]
    assert bounds(stage, number).not_after == kept.stamped_at


async def test_two_processes_at_once_keep_one_stamp_of_each_authority(
    stage: Stage, authorities: tuple[TimeAuthority, TimeAuthority], authority: TimeAuthority, trust: TimeTrust
) -> None:
    grow(stage)
    urls = [one.url for one in authorities] * 2
    await asyncio.gather(*(stamper(stage, url, trust).step() for url in urls))
    assert sorted(one.authority for one in stage.ledger.read_now(timestamps.latest)) == sorted(set(urls))


async def test_several_processes_together_ask_no_more_often_than_one(
    stage: Stage, authority: TimeAuthority, trust: TimeTrust
) -> None:
    one, other = (stamper(stage, authority.url, trust, every=3600) for _ in range(2))
    grow(stage)
    before = authority.answered
    await one.step()
    grow(stage)
    await other.step()
    assert authority.answered == before + 1
    await stamper(stage, authority.url, trust).step()
    assert authority.answered == before + 2


def test_a_stamp_kept_while_the_clock_was_wrong_delays_no_other(stage: Stage) -> None:
    now = clock.now()
    grow(stage)
    newest = stage.ledger.read_now(transparency.newest)
    assert newest is not None
    stamp = Stamp(b"", now, "1.2", "CN=Time authority")
    stage.ledger.write_now(timestamps.keep, "a", newest.size, stamp, now + timedelta(days=1))
    grow(stage)
    assert stage.ledger.read_now(timestamps.due, "a", 3600, now) is not None
    assert stage.ledger.read_now(timestamps.due, "a", 3600, now + timedelta(days=1, minutes=5)) is None


async def test_an_outage_leaves_leaves_pending_and_the_next_batch_covers_all_of_them(
    stage: Stage, authority: TimeAuthority, trust: TimeTrust
) -> None:
    one = stamper(stage, authority.url, trust, alarm_after=0)
    [first] = grow(stage)
    assert bounds(stage, None) == Bounds(None, None, None)
    assert bounds(stage, first).pending_since is not None
    await one.step()
    stamp = bounds(stage, first).not_after
    assert stamp is not None
    assert bounds(stage, first).pending_since is None
    authority.down = True
    waiting = [number for _ in range(3) for number in grow(stage)]
    await one.step()
    for number in waiting:
        told = bounds(stage, number)
        assert (told.not_before, told.not_after) == (stamp, None)
        assert told.sealed_at is not None
        assert told.pending_since == told.sealed_at
    [trouble] = stage.ledger.read_now(log_troubles.every)
    assert (trouble.kind, trouble.subject, trouble.detail) == ("timestamp", authority.url, "answers 503")
    authority.down = False
    await one.step()
    assert stage.ledger.read_now(log_troubles.every) == []
    [later] = {bounds(stage, number).not_after for number in waiting}
    assert later is not None
    assert later >= stamp
    assert bounds(stage, first).not_after == stamp


async def test_a_short_outage_is_no_trouble_and_the_pause_grows_to_a_limit(
    stage: Stage, authority: TimeAuthority, trust: TimeTrust
) -> None:
    grow(stage)
    authority.down = True
    one = stamper(stage, authority.url, trust, every=10)
    pauses = [await one.step() for _ in range(8)]
    assert stage.ledger.read_now(log_troubles.every) == []
    assert 8 <= pauses[0] <= 10
    assert 16 <= pauses[1] <= 20
    assert LONGEST_PAUSE * 0.8 <= pauses[-1] <= LONGEST_PAUSE
    authority.down = False
    assert await one.step() == 10


class Memory:
    """A store whose only checkpoint is always due; tells who was stamped."""

    def __init__(self, failures: int = 0) -> None:
        self.kept: dict[str, asyncio.Event] = {}
        self.failures = failures
        self.began = asyncio.Event()

    async def due(self, authority: str, pause: float) -> Unstamped | None:
        if self.failures:
            self.failures -= 1
            raise Deferred("store-unavailable")
        return Unstamped(1, "note")

    async def keep(self, authority: str, size: int, stamp: Stamp) -> None:
        self.kept.setdefault(authority, asyncio.Event()).set()

    async def alarm(self, authority: str, detail: str) -> None:
        raise AssertionError(detail)

    async def only(self, authorities: list[str]) -> None:
        self.kept = {one: asyncio.Event() for one in authorities}
        self.began.set()


async def test_an_authority_that_never_answers_holds_up_no_other(authority: TimeAuthority, trust: TimeTrust) -> None:
    with Issuer() as silent:
        url = silent.serve("/tsa", lambda _body: Reply(pause=5))
        store, inquiry = Memory(failures=2), HttpInquiry(600)
        stampers = [Stamper(store, inquiry, one, trust, every=0.01) for one in (url, authority.url)]
        running = asyncio.create_task(Stamping(store, stampers).run())
        await store.began.wait()
        await store.kept[authority.url].wait()
        assert not store.kept[url].is_set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_alarms_about_authorities_that_are_not_asked_any_more_end(stage: Stage) -> None:
    for kind, subject in (("timestamp", "http://gone.test"), ("timestamp", "http://here.test"), ("witness", "w")):
        stage.ledger.write_now(log_troubles.note, kind, subject, "", clock.now())
    await LedgerStamping(stage.ledger).only(["http://here.test"])
    assert [one.subject for one in stage.ledger.read_now(log_troubles.every)] == ["http://here.test", "w"]
    await LedgerStamping(stage.ledger).only([])
    assert [one.subject for one in stage.ledger.read_now(log_troubles.every)] == ["w"]


def test_bounds_count_only_stamps_given_before_the_leaf_was_sealed(stage: Stage) -> None:
    start = clock.now().replace(microsecond=0)

    def at(minutes: float) -> datetime:
        return start + timedelta(minutes=minutes)

    def put(table: Table, row: dict[str, object]) -> None:
        stage.ledger.write_now(lambda transaction: transaction.execute(insert(table).values(row)) and None)

    for number in range(4):
        put(log_tables.log_checkpoint, {"size": number + 1, "root": b"", "note": "", "at": at(number)})

    def stamp(number: int, minutes: float, authority: str = "a") -> None:
        row = {"size": number + 1, "authority": authority, "token": b"", "stamped_at": at(minutes), "at": at(minutes)}
        put(log_tables.log_timestamp, row)

    first, second, third, fourth = range(4)
    stamp(first, 0.5)
    stamp(second, 2.5)  # asked for before the third was sealed, answered after
    stamp(third, 2.6, "b")
    stamp(third, 2.4, "c")
    assert bounds(stage, first) == Bounds(at(0), None, at(0.5), "a")
    assert bounds(stage, second) == Bounds(at(1), at(0.5), at(2.5), "a")
    assert bounds(stage, third) == Bounds(at(2), at(0.5), at(2.4), "c")
    assert bounds(stage, fourth) == Bounds(at(3), at(2.6), None)
    assert bounds(stage, None) == Bounds(None, at(2.6), None)
    assert [one.authority for one in stage.ledger.read_now(timestamps.covering, first)] == ["a", "c", "b"]
    unknown = stage.ledger.read_now(timestamps.bounds_of, clock.new_id())
    assert (unknown.sealed_at, unknown.pending_since) == (None, None)


def test_an_address_is_shown_without_its_password() -> None:
    assert address("https://user:secret@tsa.test:8443/rfc3161?x=1") == "https://tsa.test:8443/rfc3161?x=1"
    assert address("http://tsa.test") == "http://tsa.test"


HTML = Reply(b"<html>sign in</html>", headers={"Content-Type": "text/html; charset=utf-8"})


@pytest.mark.parametrize(
    ("answerer", "reason"),
    [
        (lambda _body: Reply(b"\0" * 10_000_000, headers={"Content-Type": REPLY}), f"more than {MOST_OCTETS}"),
        (lambda _body: HTML, "answers with text/html"),
        (lambda _body: Reply(HTML.body), "not a time-stamp response"),
        (lambda _body: Reply(status=302, headers={"Location": "/elsewhere"}), r"302 \(redirects are not followed"),
        (lambda _body: Reply(b"x", headers={"Content-Encoding": "gzip"}), "compressed"),
        (lambda _body: Reply(b"x" * 50, drip=0.2), "no answer within 0.5 s"),
        (lambda _body: Reply(pause=2), "no answer within 0.5 s"),
    ],
    ids=["10 MB", "HTML", "HTML without a type", "redirect", "compressed", "drip", "silence"],
)
async def test_what_comes_over_http_is_bounded_and_told(answerer: Answerer, reason: str, trust: TimeTrust) -> None:
    with Issuer() as server:
        patience = 0.5 if "within" in reason else 20
        with pytest.raises((Unanswered, NotStamped), match=reason):
            await stamped(HttpInquiry(patience), server.serve("/tsa", answerer), b"note", trust)


async def test_nobody_at_the_address_is_a_reason(trust: TimeTrust) -> None:
    with Issuer() as server:
        url = server.url
    with pytest.raises(Unanswered):
        await stamped(HttpInquiry(20), url, b"note", trust)
