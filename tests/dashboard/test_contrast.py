"""Contrast of the design tokens, computed as WCAG 2.2 has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hub.dashboard
from hub.dashboard.tokens import COLOURS, TEXT_PAIRS, Theme, colour, stylesheet

STATIC = Path(hub.dashboard.__file__).parent / "static"
THEMES: tuple[Theme, ...] = ("light", "dark")


def luminance(hexadecimal: str) -> float:
    channels = [int(hexadecimal[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_formula_is_wcags() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_is_readable(theme: Theme, ink: str, ground: str) -> None:
    assert contrast(colour(ink, theme), colour(ground, theme)) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("shape", ["edge", "bar-in", "bar-out", "act"])
@pytest.mark.parametrize("ground", ["sheet", "page"])
def test_controls_and_bars_stand_out(theme: Theme, shape: str, ground: str) -> None:
    assert contrast(colour(shape, theme), colour(ground, theme)) >= 3


def test_stylesheets_use_tokens_only() -> None:
    for path in STATIC.glob("*.css"):
        rules = path.read_text(encoding="utf-8")
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", rules), path.name
        assert set(re.findall(r"var\(--([a-z-]+)\)", rules)) <= {*COLOURS, "tone"}, path.name


def test_both_themes_and_paper_get_every_token() -> None:
    css = stylesheet()
    for name, (light, dark) in COLOURS.items():
        assert css.count(f"--{name}:{dark};") >= 2
        assert css.count(f"--{name}:{light};") >= 2
