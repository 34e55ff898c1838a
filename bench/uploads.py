"""Long documents sent and taken by one pair of agencies, every one of them whole afterwards."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from adapters.client import HubClient, beside
from adapters.sandbox.documents import simple_pdf
from hub.envelope.writing import OutgoingAttachment
from tests.world import World, eventually

MIB = 1 << 20
LINE = b"Van ban thu nghiem, khong co gia tri phap ly. 0123456789\n"
_PATIENCE = 600  # seconds


class Uploads:
    """Files are made in the world's own directory, so they go when it goes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sender, self.recipient = world.office(), world.office()
        self._numbers = itertools.count()
        self._waiting = 0  # letters that were sent and not taken

    def warm_up(self) -> None:
        """Let everything that starts when first needed start: connections, and processes that read PDFs."""
        letters = [self.sender.letter(self.recipient.code) for _ in range(20)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._post, letters))
        self._waiting = len(letters)
        self.empty_inbox()
        time.sleep(1)

    def empty_inbox(self) -> None:
        """Everything that was sent has come, and is settled without being looked at."""
        client = self.recipient.client
        while self._waiting:
            for one in eventually(lambda: client.inbox(limit=100, wait=5), _PATIENCE):
                client.settle(one["delivery"])
                self._waiting -= 1

    def file(self, octets: int) -> Path:
        """So many octets of text."""
        path = self._path("txt")
        block = LINE * (MIB // len(LINE))
        with path.open("wb") as out:
            left = octets
            while left:
                left -= out.write(block[:left])
        return path

    def pdf(self, octets: int) -> Path:
        """A PDF of one page with so many octets of pictures nobody sees, as a scanner's is."""
        page = simple_pdf("Phụ lục", [["Một trang"]])
        path = self._path("pdf")
        # behind the catalogue and before the table: an unused object is no defect (ISO 32000-1 §7.3.10)
        table = page.rindex(b"xref\n", 0, page.rindex(b"startxref"))
        stream = b"9999 0 obj\n<< /Length %d >>\nstream\n" % octets
        with path.open("wb") as out:
            out.write(page[:table] + stream)
            for start in range(0, octets, MIB):
                out.write(b"\x7f" * min(MIB, octets - start))
            moved = out.write(b"\nendstream\nendobj\n") + len(stream) + octets
            out.write(page[table:].replace(b"startxref\n%d" % table, b"startxref\n%d" % (table + moved)))
        return path

    def send_part(self, path: Path, media_type: str = "text/plain") -> None:
        self._waiting += 1
        listed, part = beside(path, media_type)
        with self._client() as client:
            client.post_envelope(self.sender.letter(self.recipient.code, attachments=(listed,)), [part])

    def send_parts(self, path: Path, count: int) -> None:
        """The same file ``count`` times at once, each with a letter of its own."""
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(self.send_part, [path] * count))

    def inline(self, attachment: int) -> Path:
        """A letter with a text of about so many octets inside."""
        content = LINE * (attachment // len(LINE))
        path = self._path("xml")
        one = OutgoingAttachment("van-ban.txt", content, "text/plain")
        path.write_bytes(self.sender.letter(self.recipient.code, attachments=(one,)))
        return path

    def explain(self, letter: Path) -> None:
        answer = self._send("/v1/envelopes:check", letter)
        assert answer["verdict"] == "accepted", answer

    def post(self, letter: Path) -> None:
        self._waiting += 1
        answer = self._send("/v1/envelopes", letter)
        assert answer["acknowledgement"], answer

    def post_all(self, letters: list[Path]) -> None:
        with ThreadPoolExecutor(len(letters)) as pool:
            list(pool.map(self.post, letters))

    def take(self, part: Path | None = None) -> None:
        """The next letter into files, with what was sent as its part."""
        (delivery,) = eventually(lambda: self.recipient.client.inbox(limit=1, wait=5), _PATIENCE)
        self._waiting -= 1
        folder = self.world.directory / "taken"
        folder.mkdir()
        with self._client(self.recipient.client_id, self.recipient.secret) as client:
            files = client.content_files(delivery["envelope"], folder)
        assert files.document.sha256 == delivery["sha256"]
        if part is not None:
            (one,) = files.parts.values()
            with part.open("rb") as octets:
                assert one.sha256 == hashlib.file_digest(octets, "sha256").hexdigest(), "not what was sent"
        self.recipient.client.settle(delivery["delivery"])
        shutil.rmtree(folder)

    def _path(self, ending: str) -> Path:
        return self.world.directory / f"upload-{next(self._numbers)}.{ending}"

    def _client(self, client_id: str = "", secret: str = "") -> HubClient:
        return HubClient(self.world.url, client_id or self.sender.client_id, secret or self.sender.secret)

    def _post(self, letter: bytes) -> None:
        with self._client() as client:
            client.post_envelope(letter)

    def _send(self, path: str, letter: Path) -> dict[str, object]:
        """The letter from its file, in pieces: ten of them are not held here either."""
        headers = {
            "Authorization": f"Bearer {self.sender.client.access_token()}",
            "Content-Type": "application/xml",
        }
        with letter.open("rb") as body:
            answer = httpx.post(self.world.url + path, content=body, headers=headers, timeout=_PATIENCE)
        assert answer.is_success, answer.text
        found: dict[str, object] = answer.json()
        return found
