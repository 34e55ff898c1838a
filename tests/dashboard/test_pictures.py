"""The pictures that people leaf through: of every page, and really of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.dashboard.pictures import Look, index, photograph

pytestmark = pytest.mark.services


def test_pictures_are_taken_and_can_be_leafed_through(browser: Browser, tmp_path: Path) -> None:
    taken = photograph(browser, tmp_path, "empty", [Look("light", 390, "vi"), Look("dark", 390, "en")], "^/$|^/check$")
    assert [one.name for one in taken] == [
        f"{page}--empty-{look}.png" for look in ("light-390-vi", "dark-390-en") for page in ("overview", "check")
    ]
    assert all(one.read_bytes().startswith(b"\x89PNG") for one in taken)
    assert len({one.read_bytes() for one in taken}) == len(taken)
    shown = index(tmp_path).read_text(encoding="utf-8")
    assert all(f'src="{one.name}"' in shown for one in taken)
