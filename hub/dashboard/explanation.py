"""The explain report and the stored facts of a letter, in the reader's words: verdict, signature, revocation, files.

Reads the JSON of ``hub.validation.report`` and of the envelope's details. Older letters hold fewer facts: what is not
there is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hub.dashboard import moments, wording
from hub.dashboard.wording import Tag
from hub.language import gettext, mark, ngettext

Json = Mapping[str, Any]

_OUTCOMES: dict[str, tuple[str, str, str]] = {
    "passed": ("check", mark("Passed"), "ok"),
    "failed": ("cross", mark("Failed"), "bad"),
    "deferred": ("hourglass", mark("Cannot tell now"), "warn"),
    "skipped": ("ring", mark("Not reached"), "muted"),
}

_REVOCATION: dict[str, tuple[str, str, str]] = {
    "good": ("check", mark("Not revoked"), "ok"),
    "revoked": ("cross", mark("Revoked"), "bad"),
    "pending": ("hourglass", mark("Revocation not known yet"), "warn"),
    "unknown": ("hourglass", mark("Revocation not known yet"), "warn"),
    "stale": ("hourglass", mark("Revocation known from an outdated list only"), "warn"),
    "unchecked": ("hourglass", mark("Revocation was not checked"), "warn"),
}

_SCANS: dict[str, tuple[str, str, str]] = {
    "clean": ("check", mark("No malware found"), "ok"),
    "infected": ("cross", mark("Malware found"), "bad"),
    "not-scanned": ("refusals", mark("Not scanned for malware"), "warn"),
}

_INSPECTIONS: dict[str, tuple[str, str, str]] = {
    "too-large": ("info", mark("Too large to look into"), "muted"),
    "over-limits": ("refusals", mark("Looking into it took too long and was given up"), "warn"),
    "unreadable": ("refusals", mark("Could not be read from the inside"), "warn"),
    "encrypted": ("refusals", mark("Locked by a password: nobody could look inside"), "warn"),
    "opaque": ("info", mark("A kind of archive that this hub does not open"), "muted"),
}

# where an answer about revocation is from, unless it is an address
_SOURCES: dict[str, str] = {"configured": mark("added by the operator")}

_ROLES: dict[str, str] = {
    "signer": mark("Signer"),
    "authority": mark("Certification authority"),
    "anchor": mark("Trusted root of this hub"),
}

# question about a signature: what it says when yes, when no, when it was not reached
_QUESTIONS: tuple[tuple[str, str, str, str], ...] = (
    (
        "intact",
        mark("Unchanged since it was signed"),
        mark("Changed after it was signed"),
        mark("Whether it was changed was not reached"),
    ),
    (
        "valid",
        mark("Signed with the key of the certificate in it"),
        mark("Not signed with the key of the certificate in it"),
        mark("Whether the key fits was not reached"),
    ),
    (
        "trusted",
        mark("The certificate leads to an authority that this hub trusts"),
        mark("The certificate is not one that this hub trusts"),
        mark("Whether the certificate is trusted was not reached"),
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict in words. ``tone`` is ok, warn or bad; ``shape`` names an icon."""

    shape: str
    tone: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """How one certificate stands: ``source`` says where that is from, ``age`` how old the answer was when asked for."""

    certificate: str
    tag: Tag
    source: str
    age: str
    this_update: str
    next_update: str
    reason: str


def verdict(report: Json) -> Verdict:
    """What the hub would answer, and how much there is to do."""
    findings = report["findings"]
    if report["verdict"] == "refused":
        todo = sum(1 for one in findings if one["severity"] == "refuse")
        text = ngettext("%(num)d thing has to be mended first.", "%(num)d things have to be mended first.", todo)
        return Verdict("cross", "bad", gettext("This letter would be refused"), text % {"num": todo})
    if report["verdict"] == "deferred":
        wait = moments.age(timedelta(seconds=report.get("retry_after", 0)))
        text = gettext("Nothing is wrong with it so far. Try again in %(wait)s.") % {"wait": wait}
        return Verdict("hourglass", "warn", gettext("The hub cannot tell now"), text)
    warned = len(report["warnings"])
    text = gettext("Nothing has to be mended.")
    if warned:
        words = ngettext("The answer carries %(num)d warning.", "The answer carries %(num)d warnings.", warned)
        text = f"{text} {words % {'num': warned}}"
    return Verdict("check", "ok", gettext("This letter would be accepted"), text)


def questions(signature: Json) -> list[Tag]:
    """The three questions that are kept apart: unchanged, signed with that key, trusted."""
    if signature["outcome"] == "not-reached":
        return [Tag("ring", gettext("The document could not be read, so no signature was looked for."), "muted")]
    if signature["outcome"] == "absent":
        return [Tag("cross", gettext("The letter is not signed."), "bad")]
    found = []
    for name, yes, no, open_ in _QUESTIONS:
        answer = signature.get(name)
        if answer is None:
            found.append(Tag("ring", gettext(open_), "muted"))
        else:
            found.append(Tag("check", gettext(yes), "ok") if answer else Tag("cross", gettext(no), "bad"))
    return found


def role(name: str) -> str:
    return gettext(_ROLES[name]) if name in _ROLES else name


def revocation(word: str) -> Tag:
    """The tag of a status; an unknown one shows itself."""
    return _tag(_REVOCATION, word)


def settled(rows: object, settlements: list[dict[str, Any]]) -> list[Json]:
    """The facts of acceptance, each replaced by what became known of the same certificate later."""
    known = {one.get("certificate_sha256"): one for one in settlements}
    listed = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [known.get(row.get("certificate_sha256"), row) for row in listed]


def is_pending(signer: Json, facts: list[Json]) -> bool:
    """Whether it is still not known of some certificate that it was not revoked."""
    if not facts:
        return signer.get("revocation") == "pending"
    return any(row.get("status") == "pending" for row in facts)


def revocations(rows: object) -> list[Revocation]:
    """The status of each certificate, as the report or the envelope's details have it."""
    listed = rows if isinstance(rows, list) else []
    return [_revocation(row) for row in listed if isinstance(row, dict)]


def _revocation(row: Json) -> Revocation:
    seconds = row.get("age_seconds")
    kind = str(row.get("kind") or "")
    named = str(row.get("source") or "")
    source = gettext(_SOURCES[named]) if named in _SOURCES else named
    return Revocation(
        certificate=str(row.get("certificate") or ""),
        tag=revocation(str(row.get("status") or "")),
        source=" · ".join(part for part in (kind.upper(), source) if part),
        age=moments.age(timedelta(seconds=seconds)) if isinstance(seconds, int | float) else "",
        this_update=moments.exact_of_text(str(row.get("this_update") or "")),
        next_update=moments.exact_of_text(str(row.get("next_update") or "")),
        reason=_why(row),
    )


def check_outcomes(report: Json) -> list[tuple[Json, Tag]]:
    """The checks with their outcomes. A check for malware that nobody made did not pass, whatever the verdict is."""
    unscanned = any(file.get("scan") == "not-scanned" for file in report["attachments"])
    return [
        (row, scan("not-scanned") if unscanned and (row["name"], row["outcome"]) == ("malware", "passed") else tag)
        for row, tag in ((row, _tag(_OUTCOMES, row["outcome"])) for row in report["checks"])
    ]


def _why(row: Json) -> str:
    early = gettext("revoked before the letter was accepted") if row.get("revoked_before_acceptance") else ""
    return " · ".join(part for part in (str(row.get("reason") or ""), early) if part)


def scan(word: str) -> Tag:
    return _tag(_SCANS, word)


def inspection(word: str) -> Tag:
    """Why something could not be told of an attachment."""
    return _tag(_INSPECTIONS, word)


def file_facts(file: Json) -> str:
    """``PDF · 3 pages · 12 KB``: what is known of an attachment in one line."""
    pages, size = file.get("pages"), file.get("size")
    parts = [str(file.get("kind") or "").upper() or str(file.get("content_type") or "")]
    if isinstance(pages, int) and pages > 0:
        parts.append(ngettext("%(num)d page", "%(num)d pages", pages) % {"num": pages})
    if isinstance(size, int):
        parts.append(wording.size(size))
    if file.get("form") == "part":
        parts.append(gettext("sent beside the document"))
    return " · ".join(part for part in parts if part)


def document_signatures(file: Json) -> list[tuple[Tag, str]]:
    """The signatures inside a PDF (PAdES): who signed and whether it holds, and when or why not.

    An earlier signature does not cover what a later one added; only octets behind the last one are nobody's.
    """
    rows = [row for row in file.get("signatures") or () if isinstance(row, dict)]
    covered = any(row.get("covers_whole", True) for row in rows)
    return [(_signed(row, covered), _when_or_why(row)) for row in rows]


def _signed(row: Json, covered: bool) -> Tag:
    who = ", ".join(str(row[name]) for name in ("signer", "organisation") if row.get(name)) or gettext("unknown signer")
    if not row.get("valid"):
        return Tag("cross", gettext("Signed by %(who)s, but the signature does not hold") % {"who": who}, "bad")
    if not covered:
        return Tag("refusals", gettext("Signed by %(who)s, then something was added") % {"who": who}, "warn")
    if not row.get("trusted"):
        return Tag("refusals", gettext("Signed by %(who)s, whom this hub does not know") % {"who": who}, "warn")
    return Tag("check", gettext("Signed by %(who)s") % {"who": who}, "ok")


def _when_or_why(row: Json) -> str:
    parts = (moments.exact_of_text(str(row.get("signed_at") or "")), str(row.get("problem") or ""))
    return " · ".join(part for part in parts if part)


def _tag(table: dict[str, tuple[str, str, str]], word: str) -> Tag:
    shape, text, tone = table.get(word, ("dot", word, "muted"))
    return Tag(shape, gettext(text) if text else "", tone)
