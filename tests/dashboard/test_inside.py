"""An attachment is taken out of a kept document whole, long or short, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hub.dashboard.inside import taken_out
from hub.envelope.long_texts import LONG
from hub.envelope.writing import OutgoingAttachment, document_message
from tests.intake.register import letter

FILES = {"a1": b"short", "a2": bytes(range(256)) * (LONG // 64), "a3": b"last"}


@pytest.fixture
def document(tmp_path: Path) -> Path:
    attachments = tuple(OutgoingAttachment(f"{name}.txt", octets, content_id=name) for name, octets in FILES.items())
    path = tmp_path / "document.edxml"
    path.write_bytes(document_message(letter("H33.02", "H33.90", attachments=attachments)))
    return path


@pytest.mark.parametrize("name", FILES)
def test_every_attachment_is_taken_out_whole(document: Path, name: str) -> None:
    with taken_out(document, name, hashlib.sha256(FILES[name]).hexdigest(), document.parent) as octets:
        assert octets.read() == FILES[name]
    assert list(document.parent.iterdir()) == [document]


@pytest.mark.parametrize(("name", "sha256"), [("a2", "0" * 64), ("a9", hashlib.sha256(b"short").hexdigest())])
def test_what_was_not_accepted_is_not_given(document: Path, name: str, sha256: str) -> None:
    with pytest.raises(OSError, match="not what was accepted"):
        taken_out(document, name, sha256, document.parent)
