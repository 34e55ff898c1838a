"""Agencies at work in threads: senders that repeat until they are answered, recipients, some of them careless."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue

from adapters.client import CallRefused, HubClient, HubUnreachable
from adapters.client.conversation import RetryPolicy
from adapters.client.replies import LeasedDelivery
from tests.chaos.books import Books
from tests.world import Office

SENDERS = 3
LEASE_SECONDS = 4
CARELESS_LEASE_SECONDS = 2
CARELESS_SHARE = 0.3  # of what a careless recipient takes, it forgets this much, as one that crashed would
# Patient but bounded; what is left over the traffic's own loops repeat: posting and settling are idempotent.
POLICY = RetryPolicy(attempts=8, first=0.05, cap=1.0)


class Traffic:
    """``with Traffic(…) as traffic``: recipients take from the start; ``send`` starts the senders."""

    def __init__(self, url: str, books: Books, sender: Office, recipients: Iterable[Office], seed: int) -> None:
        self._url = url
        self._books = books
        self._sender = sender
        self._recipients = list(recipients)
        self._seed = seed
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._letters: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self._failed: list[BaseException] = []

    def __enter__(self) -> Traffic:
        for number, office in enumerate(self._recipients):
            self._start(self._take, office, None)
            self._start(self._take, office, random.Random(self._seed + number))
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads), "an agency hangs"

    def send(self, letters: dict[str, bytes]) -> None:
        """Post letters (by document id) from several connections."""
        for document_id, letter in letters.items():
            self._books.sent[document_id] = hashlib.sha256(letter).hexdigest()
            self._letters.put((document_id, letter))
        for _ in range(SENDERS):
            self._start(self._post)

    def check(self) -> None:
        """Raise what an agency stumbled over."""
        if self._failed:
            raise self._failed[0]

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as error:  # handed to the main thread by check()
                self._failed.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _client(self, office: Office) -> HubClient:
        return HubClient(self._url, office.client_id, office.secret, policy=POLICY)

    def _post(self) -> None:
        with self._client(self._sender) as client:
            while not self._stop.is_set():
                try:
                    document_id, letter = self._letters.get_nowait()
                except Empty:
                    return
                self._until_answered(
                    lambda letter=letter: client.post_envelope(letter),
                    lambda answer, document_id=document_id: self._books.promise(document_id, answer),
                )

    def _until_answered(self, call: Callable[[], object], then: Callable[..., None]) -> None:
        while not self._stop.is_set():
            try:
                answer = call()
            except (HubUnreachable, CallRefused) as error:
                _only_passing(error)
                continue
            then(answer)
            return

    def _take(self, office: Office, careless: random.Random | None) -> None:
        lease = LEASE_SECONDS if careless is None else CARELESS_LEASE_SECONDS
        with self._client(office) as client:
            while not self._stop.is_set():
                asked_at = time.monotonic()
                try:
                    taken = client.inbox(limit=8, wait=1, lease=lease)
                except (HubUnreachable, CallRefused) as error:
                    _only_passing(error)
                    continue
                self._books.show((one["delivery"] for one in taken), asked_at)
                for one in taken:
                    if careless is None or careless.random() > CARELESS_SHARE:
                        self._handle(client, one)

    def _handle(self, client: HubClient, one: LeasedDelivery) -> None:
        """Fetch, compare, settle. What fails midway is shown again when its lease has run out."""
        try:
            content = client.content(one["envelope"])
            self._books.receive(one["delivery"], one["document_id"], hashlib.sha256(content).hexdigest())
            client.settle(one["delivery"], one["lease"]["id"])
        except (HubUnreachable, CallRefused) as error:
            if not (isinstance(error, CallRefused) and error.code == "lease-lost"):
                _only_passing(error)
            return
        self._books.close(one["delivery"])


def _only_passing(error: HubUnreachable | CallRefused) -> None:
    """A hub or a line that is away, or said to be, is what these agencies live with; a refusal is a defect."""
    if isinstance(error, CallRefused) and error.status not in (408, 503):
        raise error
