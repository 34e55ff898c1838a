"""Documents with files beside them: sent from files, received into files, also when an answer breaks off."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.client import AsyncHubClient, ContentFiles, FilePart, beside
from adapters.client.files import body_of
from hub.problems import Refused
from tests.world import World

TEXT = b"Mot trang\r\n" * 100_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("files")) as built:
        built.start("up")
        yield built


async def test_one_event_loop_sends_and_receives_files(world: World, tmp_path: Path) -> None:
    sender, recipient = world.office(), world.office()
    file = tmp_path / "a.txt"
    file.write_bytes(TEXT)
    listed, part = beside(file, "text/plain")
    letter = sender.letter(recipient.code, attachments=(listed,))
    async with AsyncHubClient(world.url, sender.client_id, sender.secret) as client:
        assert (await client.check_envelope(letter, [part]))["verdict"] == "accepted"
        accepted = await client.post_envelope(letter, [part])
    async with AsyncHubClient(world.url, recipient.client_id, recipient.secret) as client:
        files = await client.content_files(accepted["id"], tmp_path)
        assert await client.content(accepted["id"]) == letter
    assert files.document.path.read_bytes() == letter
    assert files.parts[part.content_id].path.read_bytes() == TEXT
    assert listed.part is not None
    assert files.parts[part.content_id].sha256 == listed.part.sha256


def test_an_answer_that_broke_off_is_received_anew(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(TEXT)
    body = body_of(b"<x/>", [FilePart("a1", file)])
    whole = b"".join(body)
    received = ContentFiles(tmp_path)
    headers = {"content-type": body.media_type}
    received.begin(headers)
    received.write(whole[:5000])
    with pytest.raises(Refused):
        received.end()
    received.begin(headers)
    received.write(whole)
    received.end()
    assert received.document.path.read_bytes() == b"<x/>"
    assert {name: one.path.read_bytes() for name, one in received.parts.items()} == {"a1": TEXT}
    received.begin({"content-type": "application/xml"})
    received.write(b"<y/>")
    received.end()
    assert (received.document.path.read_bytes(), received.parts) == (b"<y/>", {})
    received.forget()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.txt"]


def test_a_body_is_made_anew_for_every_try(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(TEXT)
    body = body_of(b"<x/>", [FilePart("a1", file)])
    first = io.BytesIO(b"".join(body)).getvalue()
    assert b"".join(body) == first
    assert len(first) == body.length
    file.write_bytes(TEXT[:-1])
    with pytest.raises(OSError, match="missing"):
        b"".join(body)
