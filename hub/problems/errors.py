"""The errors that may cross rooms, and the finding that each of them carries."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a catalogue code, what exactly, where, and by which rule of a profile, if by one.

    ``location`` is an XPath for XML, a JSON Pointer for JSON, a header or parameter name otherwise. Both are cut at
    ``LONGEST`` characters.
    """

    code: str
    detail: str = ""
    location: str = ""
    rule: str = ""

    def __post_init__(self) -> None:
        for name in ("detail", "location"):
            text = getattr(self, name)
            if len(text) > LONGEST:  # a part of what came may stand in it, of any length
                object.__setattr__(self, name, f"{text[: LONGEST - 1]}…")


class HubError(Exception):
    """Base of the three kinds; carries at least one finding, the first of which names the problem."""

    def __init__(self, code: str, detail: str = "", location: str = "", *, findings: tuple[Finding, ...] = ()) -> None:
        self.findings: tuple[Finding, ...] = findings or (Finding(code, detail, location),)
        super().__init__(f"{code}: {detail}" if detail else code)

    @property
    def code(self) -> str:
        return self.findings[0].code

    @property
    def detail(self) -> str:
        return self.findings[0].detail


class Refused(HubError):
    """The caller must change something; repeating the same request will be refused again."""


class Deferred(HubError):
    """The hub cannot tell now; the same request may succeed after ``retry_after`` seconds."""

    def __init__(self, code: str, detail: str = "", location: str = "", *, retry_after: int = 30) -> None:
        super().__init__(code, detail, location)
        self.retry_after = retry_after


class Misconfigured(HubError):
    """The operator must change something: settings, keys, schema version."""
