"""The blows. Each scenario lets letters flow, strikes, waits for the end and answers its counts."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass

import httpx

from hub import clock
from hub.clock import rfc3339
from tests.chaos.books import Books, Tally
from tests.chaos.stage import RECIPIENTS, Stage
from tests.world import ROLES, eventually

ENVELOPES = 200
PATIENCE = 120.0  # seconds for everything to be settled after a blow
POSTS_A_SECOND = 20


def kill_a_role(stage: Stage, seed: int, role: str, envelopes: int = ENVELOPES) -> Tally:
    """SIGKILL one role at a random moment of the flow, start it again after a short pause."""
    chance = random.Random(seed)
    blow_at = int(chance.uniform(0.02, 0.9) * envelopes * (1 + RECIPIENTS))
    books, since = Books(), rfc3339(clock.now())
    letters = stage.letters(envelopes)
    with stage.traffic(books, seed) as traffic:
        traffic.send(letters)
        eventually(lambda: traffic.check() or books.progress >= blow_at, PATIENCE, every=0.002)
        time.sleep(chance.uniform(0, 0.05))
        stage.world.kill(role)
        time.sleep(chance.uniform(0.1, 1.5))
        stage.world.start(role)
        counts = stage.close_books(books, traffic, since, PATIENCE)
    assert set(stage.processes()) == set(ROLES)
    return counts


def role_of(seed: int, number: int) -> str:
    """All roles in turn, in an order of the seed's; the last rounds begin again."""
    order = random.Random(seed).sample(ROLES, len(ROLES))
    return order[number % len(order)]


def stop_the_broker(stage: Stage, seed: int, seconds: float) -> Tally:
    """RabbitMQ away for ``seconds`` during intake: every post is answered 201, all arrives later, nobody restarts."""
    books, since = Books(), rfc3339(clock.now())
    processes = stage.processes()
    letters = stage.letters(int((seconds + 4) * POSTS_A_SECOND))
    with stage.traffic(books, seed) as traffic:
        posting = _Posting(stage, books, letters)
        posting.start()
        time.sleep(2)
        stage.rabbitmq.stop()
        before = posting.answers.total()
        time.sleep(seconds)
        during = posting.answers.total() - before
        stage.rabbitmq.start()
        posting.finish()
        counts = stage.close_books(books, traffic, since, PATIENCE)
    assert posting.answers == Counter({201: len(letters)}), posting.answers
    # that it goes on is the promise; how fast is the bench's business
    assert during >= seconds, f"only {during} posts in {seconds} s without the broker"
    assert stage.processes() == processes, "a process was restarted"
    return counts


def wipe_the_broker(stage: Stage, seed: int, envelopes: int) -> Tally:
    """The broker loses its disk while all is published and nothing taken over: the sweep publishes all of it again."""
    books, since = Books(), rfc3339(clock.now())
    stage.world.kill("deliver")
    letters = stage.letters(envelopes)
    with stage.traffic(books, seed) as traffic:
        traffic.send(letters)
        expected = envelopes * RECIPIENTS

        def published() -> bool:
            traffic.check()
            return len(stage.world.log_entries(since=since, kind="delivery.published")) >= expected

        eventually(published, PATIENCE, every=0.3)
        stage.rabbitmq.wipe()
        stage.world.start("deliver")
        counts = stage.close_books(books, traffic, since, PATIENCE)
    again = {entry["delivery"] for entry in stage.world.log_entries(since=since, kind="delivery.republished")}
    assert again == set(books.expected()), f"{len(again)} of {expected} were published again"
    return counts


def restart_the_database(stage: Stage, seed: int, seconds: float, *, crash: bool = False) -> Tally:
    """PostgreSQL away: posts are answered 503 with Retry-After; it recovers by itself and nothing accepted is lost."""
    books, since = Books(), rfc3339(clock.now())
    processes = stage.processes()
    letters = stage.letters(int((seconds + 4) * POSTS_A_SECOND))
    with stage.traffic(books, seed) as traffic:
        posting = _Posting(stage, books, letters)
        posting.start()
        time.sleep(2)
        (stage.postgresql.kill if crash else stage.postgresql.stop)()
        time.sleep(seconds)
        stage.postgresql.start()
        posting.finish()
        counts = stage.close_books(books, traffic, since, PATIENCE)
    assert set(posting.answers) <= {201, 200, 503}, posting.answers
    assert posting.answers[503] > 0, "nothing was posted while the database was away"
    assert not posting.faults, posting.faults[:5]
    assert stage.processes() == processes, "a process was restarted"
    return counts


@dataclass(frozen=True, slots=True)
class _Letter:
    document_id: str
    octets: bytes


class _Posting(threading.Thread):
    """Posts at a steady pace with one try each, and looks at every answer; what got a 503 is posted again later."""

    def __init__(self, stage: Stage, books: Books, letters: dict[str, bytes]) -> None:
        super().__init__(daemon=True)
        self._stage = stage
        self._books = books
        self._waiting = [_Letter(*one) for one in letters.items()]
        books.sent.update({one: hashlib.sha256(octets).hexdigest() for one, octets in letters.items()})
        self._error: BaseException | None = None
        self.answers: Counter[int] = Counter()
        self.faults: list[str] = []
        # before the blow: the token lasts longer than the scenario, as a real client's does
        self._token = stage.sender.client.access_token()

    def run(self) -> None:
        try:
            with httpx.Client(base_url=self._stage.world.url, timeout=30, trust_env=False) as client:
                while self._waiting:
                    began = time.monotonic()
                    self._post(client, self._waiting.pop(0))
                    time.sleep(max(0.0, 1 / POSTS_A_SECOND - (time.monotonic() - began)))
        except BaseException as error:  # handed to the main thread by finish()
            self._error = error

    def _post(self, client: httpx.Client, letter: _Letter) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/xml"}
        answer = client.post("/v1/envelopes", content=letter.octets, headers=headers)
        self.answers[answer.status_code] += 1
        if answer.status_code in (200, 201):
            self._books.promise(letter.document_id, answer.json())
            return
        self._waiting.append(letter)
        problem = answer.json()
        if problem.get("code") != "ledger-unavailable" or not answer.headers.get("Retry-After", "").isdigit():
            self.faults.append(f"{answer.status_code} {dict(answer.headers)} {problem}")

    def finish(self) -> None:
        self.join(PATIENCE)
        if self._error is not None:
            raise self._error
        assert not self.is_alive(), f"posting hangs: {self.answers}"
