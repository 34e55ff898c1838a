"""What is wrong with a page: axe-core's rules of WCAG 2.2 AA, and questions of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

SCRIPT = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_OPTIONS = {"runOnly": {"type": "tag", "values": _TAGS}, "resultTypes": ["violations"], "elementRef": False}


def violations(page: Page, *, contrast: bool = True) -> dict[str, list[str]]:
    """The rules that the page breaks, each with the places; the page must have been made with ``SCRIPT`` in it.

    Contrast is by far the slowest rule, and our own questions ask it too: ``make pictures`` asks it of every page.
    """
    options = _OPTIONS if contrast else _OPTIONS | {"rules": {"color-contrast": {"enabled": False}}}
    found: list[dict[str, Any]] = page.evaluate(
        f"""async () => (await axe.run(document, {json.dumps(options)})).violations.map(
            one => ({{id: one.id, places: one.nodes.map(node => node.html.slice(0, 200))}}))"""
    )
    return {one["id"]: one["places"] for one in found}
