"""The explain report in a terminal: the verdict first, then what to mend, then who signed what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub import language
from hub.language import _, mark
from hub.problems import CATALOGUE

_VERDICTS = {"accepted": mark("accepted"), "refused": mark("refused"), "deferred": mark("cannot be told now")}
_OUTCOMES = {"valid": mark("valid"), "invalid": mark("not valid"), "absent": mark("absent")}
_ROLES = {"signer": mark("signer"), "authority": mark("authority"), "anchor": mark("trust anchor")}


def lines(report: dict[str, Any]) -> Iterator[str]:
    """``report`` as ``POST /v1/envelopes:check`` answers it."""
    yield _("Verdict") + ": " + _(_VERDICTS.get(report["verdict"], report["verdict"]))
    for finding in report["findings"]:
        yield from _finding(finding)
    for warning in report["warnings"]:
        yield _("Warning") + ":"
        yield from _finding(warning)
    yield from _signature(report["signature"])
    failed = [row["name"] for row in report["checks"] if row["outcome"] == "failed"]
    passed = sum(row["outcome"] == "passed" for row in report["checks"])
    yield _("Checks passed") + f": {passed} / {len(report['checks'])}" + (f" ({', '.join(failed)})" if failed else "")


def _finding(finding: dict[str, Any]) -> Iterator[str]:
    spoken = language.current.get()
    row = CATALOGUE.get(finding["code"])
    title = finding.get("title", "") if row is None else row.title(spoken)
    yield f"  {title} [{finding['code']}]"
    for part in (finding["location"], finding["detail"], "" if row is None else row.remedy(spoken)):
        if part:
            yield f"    {part}"


def _signature(signature: dict[str, Any]) -> Iterator[str]:
    outcome = signature["outcome"]
    if outcome == "not-reached":
        return
    yield _("Signature") + ": " + _(_OUTCOMES[outcome])
    if signature.get("algorithm"):
        yield f"  {signature['algorithm']}, {signature['digest']}"
    for one in signature.get("chain", ()):
        valid = f"{one['not_before'][:10]} – {one['not_after'][:10]}"
        yield f"  {_(_ROLES[one['role']])}: {one['subject']}, {one['key']}, {valid}"
    for one in signature.get("revocation", ()):
        yield "  " + _("Revocation") + f": {one['status']}, {one.get('source') or '–'}"
