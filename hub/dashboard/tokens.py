"""The design tokens: every colour once for each theme, and the stylesheet made of them.

Pairs that carry text keep a contrast of 4.5 : 1 or more (WCAG 2.2, 1.4.3); a test computes them.
"""

from __future__ import annotations

from typing import Literal

Theme = Literal["light", "dark"]

# name: (light, dark)
COLOURS: dict[str, tuple[str, str]] = {
    "page": ("#F6F5F1", "#111518"),
    "sheet": ("#FFFFFF", "#1A2025"),
    "ink": ("#1D2125", "#E7E4DE"),
    "muted": ("#57606A", "#A3ABB3"),
    "line": ("#DAD7CF", "#2C343B"),
    # borders of controls: 3 : 1 against sheet and page (WCAG 2.2, 1.4.11)
    "edge": ("#85817A", "#6B7680"),
    "act": ("#0B5563", "#5FB9C8"),
    "on-act": ("#FFFFFF", "#0D1417"),
    "act-soft": ("#E3EEF0", "#1C3137"),
    "ok": ("#1B6B3A", "#7FCB9C"),
    "wait": ("#3D5875", "#9DB8D6"),
    "warn": ("#835400", "#E2B45A"),
    "bad": ("#B02A1E", "#F59A8F"),
    "wait-soft": ("#EAEFF4", "#202B36"),
    "bad-soft": ("#FBEDEA", "#35211F"),
    "warn-soft": ("#FAF2E0", "#322A19"),
    "ok-soft": ("#E9F3EC", "#1B2D23"),
    "bar-in": ("#0B5563", "#5FB9C8"),
    "bar-out": ("#A37B3E", "#C9A468"),
    # the mark only, never for text
    "seal": ("#A4262C", "#C2474C"),
}

# (foreground, background) pairs that carry text
TEXT_PAIRS: tuple[tuple[str, str], ...] = (
    *((ink, ground) for ink in ("ink", "muted", "act", "ok", "wait", "warn", "bad") for ground in ("sheet", "page")),
    ("ink", "bad-soft"),
    ("ink", "warn-soft"),
    ("ink", "ok-soft"),
    ("ink", "act-soft"),
    ("act", "act-soft"),
    ("muted", "act-soft"),
    ("wait", "wait-soft"),
    ("bad", "bad-soft"),
    ("warn", "warn-soft"),
    ("ok", "ok-soft"),
    ("on-act", "act"),
)


def colour(name: str, theme: Theme) -> str:
    return COLOURS[name][0 if theme == "light" else 1]


def stylesheet() -> str:
    """Custom properties: the reader's system decides, unless ``data-theme`` on the root element does."""
    light, dark = _block("light"), _block("dark")
    return (
        f":root{{color-scheme:light;{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}\n"
        # paper has one theme
        f"@media print{{:root,:root[data-theme=dark],:root:not([data-theme=light]){{color-scheme:light;{light}}}}}\n"
    )


def _block(theme: Theme) -> str:
    return "".join(f"--{name}:{colour(name, theme)};" for name in COLOURS)
