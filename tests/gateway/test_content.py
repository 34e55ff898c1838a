"""The octets of an accepted document with parts: which form is given, to whom, whole and in ranges."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from adapters.client import FilePart, beside
from adapters.client.files import body_of
from hub.envelope.writing import OutgoingAttachment
from tests.gateway.edge import Edge, problem
from tests.world import World

TEXT = b"Mot trang\r\n" * 400


class Sent:
    """One accepted letter with one part."""

    def __init__(self, world: World, directory: Path) -> None:
        self.sender, self.recipient, self.stranger = (world.office() for _ in range(3))
        file = directory / "Phụ lục 1.txt"
        file.write_bytes(TEXT)
        self.listed, self.part = beside(file, "text/plain")
        self.letter = self.sender.letter(self.recipient.code, attachments=(self.listed,))
        self.accepted = self.sender.client.post_envelope(self.letter, [self.part])
        self.content = self.accepted["links"]["content"]
        self.attachment = f"/v1/envelopes/{self.accepted['id']}/attachments/{self.part.content_id}"


@pytest.fixture(scope="module")
def sent(world: World, tmp_path_factory: pytest.TempPathFactory) -> Sent:
    return Sent(world, tmp_path_factory.mktemp("sent"))


def test_the_whole_is_given_back_as_it_can_be_posted_again(edge: Edge, sent: Sent) -> None:
    answer = edge.get(sent.content, by=sent.recipient)
    assert answer.headers["content-type"].startswith('multipart/related; type="application/xml"; boundary="')
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert sent.letter in answer.content
    assert TEXT in answer.content
    again = edge.post(
        "/v1/envelopes",
        by=sent.sender,
        content=answer.content,
        headers={"Content-Type": answer.headers["content-type"]},
    )
    assert (again.status_code, again.json()["id"]) == (200, sent.accepted["id"])
    assert edge.get(sent.content, by=sent.sender).content == answer.content, "made the same at every call"


@pytest.mark.parametrize(
    ("accept", "whole"),
    [
        ("", True),
        ("*/*", True),
        ("multipart/related", True),
        ("multipart/*, application/xml;q=0.9", True),
        ("application/xml, */*;q=0.1", False),
        ("application/xml", False),
        ("application/xml, multipart/related;q=0", False),
        ("application/*, multipart/related;q=x", False),
        ("text/html", True),
    ],
)
def test_the_form_that_is_asked_for_is_given(edge: Edge, sent: Sent, accept: str, whole: bool) -> None:
    answer = edge.get(sent.content, by=sent.recipient, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("multipart/related" if whole else "application/xml")
    assert (answer.content == sent.letter) is not whole
    assert answer.headers["vary"] == "Accept"
    tag = answer.headers["etag"]
    known = edge.get(sent.content, by=sent.recipient, headers={"Accept": accept, "If-None-Match": tag})
    assert (known.status_code, known.content) == (304, b"")


def test_the_two_forms_have_different_tags_and_the_document_alone_its_own_digest(edge: Edge, sent: Sent) -> None:
    whole = edge.get(sent.content, by=sent.recipient)
    alone = edge.get(sent.content, by=sent.recipient, headers={"Accept": "application/xml"})
    assert whole.headers["etag"] != alone.headers["etag"] == f'"{sent.accepted["sha256"]}"'
    assert "repr-digest" in alone.headers
    assert "repr-digest" not in whole.headers


def test_one_attachment_is_given_whole_and_in_ranges(edge: Edge, sent: Sent) -> None:
    answer = edge.get(sent.attachment, by=sent.recipient)
    assert (answer.status_code, answer.content) == (200, TEXT)
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Ph%E1%BB%A5%20l%E1%BB%A5c%201.txt"
    assert answer.headers["etag"] == f'"{hashlib.sha256(TEXT).hexdigest()}"'
    part = edge.get(sent.attachment, by=sent.recipient, headers={"Range": "bytes=11-20"})
    assert (part.status_code, part.content) == (206, TEXT[11:21])
    known = edge.get(sent.attachment, by=sent.recipient, headers={"If-None-Match": answer.headers["etag"]})
    assert known.status_code == 304


def test_only_sender_recipients_and_auditor_get_them(edge: Edge, world: World, sent: Sent) -> None:
    for path in (sent.content, sent.attachment):
        problem(edge.get(path), "authentication-required")
        problem(edge.get(path, by=sent.stranger), "not-found")
        assert edge.get(path, by=sent.sender).status_code == 200
        auditor = {"Authorization": f"Bearer {world.auditor.access_token()}"}
        assert edge.get(path, headers=auditor).status_code == 200
    problem(edge.get(f"{sent.attachment}x", by=sent.recipient), "not-found")
    problem(edge.get(f"/v1/envelopes/{sent.accepted['id']}/attachments/..%2f..%2fx", by=sent.recipient), "not-found")


def test_an_attachment_inside_the_document_comes_with_its_content(edge: Edge, sent: Sent) -> None:
    inside = OutgoingAttachment("a.txt", TEXT, "text/plain", content_id="a1")
    accepted = sent.sender.client.post_envelope(sent.sender.letter(sent.recipient.code, attachments=(inside,)))
    problem(edge.get(f"/v1/envelopes/{accepted['id']}/attachments/a1", by=sent.recipient), "not-found")
    shown = edge.get(f"/v1/envelopes/{accepted['id']}", by=sent.recipient).json()
    assert (shown["form"], shown["content_size"]) == ("inline", shown["size"])


def test_a_lost_part_is_not_passed_over(edge: Edge, world: World, sent: Sent, tmp_path: Path) -> None:
    file = tmp_path / "khac.txt"
    file.write_bytes(TEXT[:-1])
    listed, part = beside(file, "text/plain")
    accepted = sent.sender.client.post_envelope(sent.sender.letter(sent.recipient.code, attachments=(listed,)), [part])
    assert listed.part is not None
    digest = listed.part.sha256
    (world.settings.data_dir / "payloads" / "sha256" / digest[:2] / digest).unlink()
    problem(edge.get(accepted["links"]["content"], by=sent.recipient), "payload-unavailable")
    path = f"/v1/envelopes/{accepted['id']}/attachments/{part.content_id}"
    problem(edge.get(path, by=sent.recipient), "payload-unavailable")
    repeated = sent.sender.client.post_envelope(sent.sender.letter(sent.recipient.code, attachments=(listed,)), [part])
    assert repeated["id"] != accepted["id"]
    assert edge.get(path, by=sent.recipient).content == TEXT[:-1], "kept again, it is there for both"


def test_a_wrong_form_of_the_head_is_refused_before_the_body_is_read(edge: Edge, sent: Sent) -> None:
    body = body_of(sent.letter, [sent.part])
    answer = edge.post(
        "/v1/envelopes",
        by=sent.sender,
        content=iter(body),
        headers={"Content-Type": body.media_type, "Content-Encoding": "gzip"},
    )
    problem(answer, "media-type-unsupported")
    answer = edge.post(
        "/v1/envelopes",
        by=sent.sender,
        content=sent.letter,
        headers={"Content-Type": "application/xml; charset=utf-16"},
    )
    problem(answer, "xml-encoding")


def test_a_part_may_be_sent_from_any_file(sent: Sent, tmp_path: Path) -> None:
    empty = tmp_path / "rong.txt"
    empty.write_bytes(b"")
    octets = b"".join(body_of(sent.letter, [FilePart("a1", empty)]))
    assert len(octets) == body_of(sent.letter, [FilePart("a1", empty)]).length
