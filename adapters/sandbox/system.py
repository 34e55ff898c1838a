"""A simulated document system: signs, posts, takes, checks, settles and reports over the hub's real HTTP interface.

One system serves several offices, as a province's does. Its decisions come from a seeded stream; its books are on disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from adapters.client import AsyncHubClient, CallRefused, verify_receipt
from adapters.client.replies import Document, LeasedDelivery
from adapters.sandbox.agencies import TrialAgency
from adapters.sandbox.book import Book, Matter
from adapters.sandbox.documents import Correspondence, LetterWriter
from hub import clock
from hub.envelope.writing import Letter, Party, Reference, StatusReport, document_message, status_message
from hub.problems import HubError, Refused
from hub.signatures.jws import kid_of
from hub.signatures.sign import Signer, sign

_log = logging.getLogger("lienthong.sandbox")

_WRONG_CODE, _DAMAGED = 0.02, 0.01  # shares of the letters that a sender gets wrong
_ABSENT = 0.05  # how often nobody looks at the inbox for a while

_RETURNED = (
    "Văn bản không thuộc thẩm quyền giải quyết của đơn vị",
    "Tệp đính kèm thiếu phụ lục nêu trong văn bản",
    "Văn bản gửi trùng, đơn vị đã nhận bản trước",
)
_STEPS = {
    "01": "Phần mềm quản lý văn bản đã nhận, văn thư chưa xử lý",
    "03": "Văn thư tiếp nhận, vào sổ văn bản đến",
    "04": "Lãnh đạo phân công xử lý",
    "05": "Đang xử lý văn bản đến",
    "06": "Hoàn thành xử lý",
}


@dataclass(frozen=True, slots=True)
class Tempo:
    """Seconds. ``letter_every`` is the mean pause between this system's letters; ``office`` scales its desk work."""

    letter_every: float = 2.5
    office: float = 1.0
    poll: int = 20
    trouble: float = 3.0


@dataclass(slots=True)
class Tally:
    """What a system did since it was started."""

    sent: int = 0
    taken: int = 0
    refused: int = 0
    reported: int = 0
    blunders: int = 0
    proved: int = 0
    troubles: int = 0


class SimulatedSystem:
    """Run it as one task; cancel the task to stop it. Trouble with the hub is logged, counted and waited out."""

    def __init__(
        self,
        client: AsyncHubClient,
        offices: Mapping[str, tuple[TrialAgency, Signer]],
        everybody: tuple[TrialAgency, ...],
        book: Book,
        *,
        seed: str,
        tempo: Tempo,
    ) -> None:
        self.client = client
        self.offices = offices
        self.everybody = everybody
        self.book = book
        self.tempo = tempo
        self.tally = Tally()
        self._seed = seed
        # one stream for each loop, so that the order in which they run changes nothing
        written = sum(book.numbers.values())
        self._post = _stream(f"{seed}/post/{written}")
        self._clerk = _stream(f"{seed}/clerk/{written}")
        self._writer = LetterWriter(f"{seed}/letters/{written}")
        self._jwks: Document | None = None

    async def run(self) -> None:
        """Write, take, report and read receipts until cancelled."""
        async with asyncio.TaskGroup() as work:
            for matter in list(self.book.matters.values()):
                work.create_task(self._work_on(matter))
            work.create_task(self._keep_doing(self._write_one))
            work.create_task(self._keep_doing(lambda: self._take_some(work)))
            work.create_task(self._keep_doing(self._read_receipts))

    async def _keep_doing(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except HubError as error:
                self.tally.troubles += 1
                _log.warning("%s: %s", "/".join(self.offices), error)
                await asyncio.sleep(self.tempo.trouble)

    async def _keys(self, receipt: str) -> Document:
        """The hub's keys; read again when they do not hold the one that signed this receipt: it may be new."""
        if self._jwks is None or all(key["kid"] != kid_of(receipt) for key in self._jwks["keys"]):
            self._jwks = await self.client.jwks()
        return self._jwks

    async def _write_one(self) -> None:
        morning_post = 0.2 if self.tally.sent < 4 else 1.0
        await asyncio.sleep(self._post.expovariate(1.0 / (self.tempo.letter_every * morning_post)))
        sender, signer = self._post.choice(list(self.offices.values()))
        recipients = self._writer.recipients(sender, self.everybody)
        number = self.book.next_number(sender.code)
        letter = self._writer.write(Correspondence(sender, recipients, number))
        mistake = self._post.random()
        if mistake < _WRONG_CODE + _DAMAGED:
            await self._blunder(letter, signer, wrong_code=mistake < _WRONG_CODE)
            return
        acceptance = await self.client.post_envelope(sign(document_message(letter), signer))
        acknowledgement = acceptance["acknowledgement"]
        proof = verify_receipt(acknowledgement, await self._keys(acknowledgement))
        if proof.get("sha256") != acceptance["sha256"]:
            raise Refused("signature-digest", "the acknowledgement is about other octets")
        self.tally.sent += 1

    async def _blunder(self, letter: Letter, signer: Signer, *, wrong_code: bool) -> None:
        """What goes wrong in real offices: a code mistyped, a letter changed after signing. The hub must refuse."""
        if wrong_code:
            stranger = Party(f"{letter.recipients[0].code}.99", letter.recipients[0].name)
            message = sign(document_message(replace(letter, recipients=(stranger,))), signer)
        else:
            signed = sign(document_message(letter), signer)
            message = signed.replace(b"<edXML:Subject>V/v ", b"<edXML:Subject>v/v ", 1)
        try:
            await self.client.post_envelope(message)
        except CallRefused as refusal:
            if refusal.code != ("recipient-unknown" if wrong_code else "signature-digest"):
                raise
            self.tally.blunders += 1
            return
        raise Refused("hub-internal", f"{letter.identifier} was accepted although it is wrong")

    async def _take_some(self, work: asyncio.TaskGroup) -> None:
        if self._clerk.random() < _ABSENT:
            await asyncio.sleep(self._clerk.uniform(4, 15) * self.tempo.office)
        for delivery in await self.client.inbox(limit=10, wait=self.tempo.poll, lease=120):
            await self._take(delivery, work)

    async def _take(self, delivery: LeasedDelivery, work: asyncio.TaskGroup) -> None:
        lease = delivery["lease"]["id"]
        if delivery["recipient"] not in self.offices:
            await self.client.release(delivery["delivery"], lease)
            raise Refused("registry-unknown", delivery["recipient"])
        content = await self.client.content(delivery["envelope"])
        if hashlib.sha256(content).hexdigest() != delivery["sha256"]:
            await self.client.release(delivery["delivery"], lease)
            raise Refused("signature-digest", f"{delivery['document_id']} arrived damaged")
        draw = _stream(f"{self._seed}/{delivery['document_id']}/{delivery['recipient']}")
        if draw.random() < 0.04:
            await self.client.refuse(delivery["delivery"], draw.choice(_RETURNED), lease)
            self.tally.refused += 1
            return
        await self.client.settle(delivery["delivery"], lease)
        self.tally.taken += 1
        matter = Matter(
            delivery=delivery["delivery"],
            recipient=delivery["recipient"],
            sender=delivery["sender"],
            document_id=delivery["document_id"],
            code=f"{delivery['number']}/{delivery['notation']}",
            steps=_plan(draw),
        )
        self.book.matters[matter.delivery] = matter
        self.book.save()
        work.create_task(self._work_on(matter))

    async def _work_on(self, matter: Matter) -> None:
        while matter.steps:
            pause, code, description = matter.steps[0]
            await asyncio.sleep(pause * self.tempo.office)
            try:
                await self._report(matter, code, description)
            except HubError as error:
                self.tally.troubles += 1
                _log.warning("%s: status %s: %s", matter.recipient, code, error)
                if not isinstance(error, Refused) or getattr(error, "retryable", False):
                    await asyncio.sleep(self.tempo.trouble)
                    continue
            matter.steps.pop(0)
            self.book.save()
        self.book.matters.pop(matter.delivery, None)
        self.book.save()

    async def _report(self, matter: Matter, code: str, description: str) -> None:
        """Most statuses go as JSON; the last one as a signed edXML status message, as an older system would send it."""
        if code == "06":
            agency, signer = self.offices[matter.recipient]
            about = Reference(matter.sender, matter.document_id, matter.code)
            report = StatusReport(Party(agency.code, agency.name), about, code, description, clock.now())
            await self.client.report_status_message(sign(status_message(report), signer))
        else:
            await self.client.report_status(matter.delivery, code, description)
        self.tally.reported += 1

    async def _read_receipts(self) -> None:
        """Follow the feed and prove every receipt against the hub's published keys."""
        page = await self.client.feed(self.book.cursor, wait=self.tempo.poll)
        for receipt in page["receipts"]:
            verify_receipt(receipt["jws"], await self._keys(receipt["jws"]))
            self.tally.proved += 1
        if page["next"] and page["next"] != self.book.cursor:
            self.book.cursor = page["next"]
            self.book.save()


def _plan(draw: random.Random) -> list[tuple[float, str, str]]:
    """What the office will do: 01, then 02, or 03, 04 or 05 (some skip both), and mostly 06; some are late."""
    slow = 8.0 if draw.random() < 0.12 else 1.0
    steps = [(draw.uniform(0.2, 1.5), "01", _STEPS["01"])]
    if draw.random() < 0.08:
        return [*steps, (draw.uniform(2, 6), "02", draw.choice(_RETURNED))]
    steps.append((draw.uniform(2, 8) * slow, "03", _STEPS["03"]))
    for code in ("04", "05"):
        if draw.random() < 0.6:
            steps.append((draw.uniform(3, 12) * slow, code, _STEPS[code]))
    if draw.random() < 0.85:
        steps.append((draw.uniform(5, 30) * slow, "06", _STEPS["06"]))
    return steps


def _stream(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - behaviour that a seed repeats, no secret
