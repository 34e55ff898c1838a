"""Browsers as people call them: ``Chrome · Windows`` instead of the whole User-Agent (RFC 9110 §10.1.5)."""

from __future__ import annotations

# what stands in the header, and what people call it; the first that is there counts
_PROGRAMS = (
    ("coc_coc_browser", "Cốc Cốc"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_MACHINES = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def words(agent: str) -> str:
    """Program and machine; the beginning of what the browser says when it names neither."""
    found = [next((name for mark, name in table if mark in agent), "") for table in (_PROGRAMS, _MACHINES)]
    return " · ".join(filter(None, found)) or agent[:60] or "–"
