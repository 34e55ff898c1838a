"""One catalogue of codes: every code is used somewhere, every used code is in it, both languages explain each."""

from __future__ import annotations

import ast
import re

import pytest

from hub.envelope.names import PROFILE
from hub.problems import CATALOGUE
from hub.validation.rules import profile
from tests.architecture.tree import PROGRAM, Breach, parsed, python_files, report

RAISED_BY = {"Finding", "Refused", "Deferred", "Misconfigured", "HubError"}
SHAPE = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")
RETRYABLE_STATUS = {408, 423, 425, 429, 500, 502, 503, 504}


def strings(path: str) -> set[str]:
    return {n.value for n in ast.walk(parsed(path)) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def literal_codes(tree: ast.Module) -> list[tuple[int, str]]:
    """Line and code of every error or finding that is made with its code written in place."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in RAISED_BY:
            named = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            for value in [*node.args[:1], *named]:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found.append((node.lineno, value.value))
    return found


def test_every_code_is_raised_somewhere() -> None:
    used = {value for path in python_files(*PROGRAM) for value in strings(path)}
    used |= {rule.code for rule in profile(PROFILE).rules.values()}
    assert not sorted(set(CATALOGUE) - used), "codes that nothing raises"


def test_every_raised_code_is_in_the_catalogue() -> None:
    found = []
    for path in python_files(*PROGRAM):
        for line, code in literal_codes(parsed(path)):
            if code not in CATALOGUE:
                found.append(Breach(path, line, f"{code!r} is not in the catalogue"))
    assert not found, report(found)


def test_every_rule_of_a_profile_raises_a_code_of_the_catalogue() -> None:
    assert not sorted({rule.code for rule in profile(PROFILE).rules.values()} - set(CATALOGUE))


def test_every_code_is_asked_of_by_a_test() -> None:
    """By its name, or through the row of the profile that raises it: rows with ``check`` are tried from the table."""
    named = {value for path in python_files("tests") if "/architecture/" not in path for value in strings(path)}
    rows = {rule.code for rule in profile(PROFILE).rules.values() if rule.check or rule.name in named}
    assert sorted(set(CATALOGUE) - named - rows) == [], "codes that no test asks of"


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_the_code_is_explained_in_both_languages(code: str) -> None:
    problem = CATALOGUE[code]
    assert problem.code == code
    assert SHAPE.fullmatch(code)
    for english, vietnamese in ((problem.title_en, problem.title_vi), (problem.remedy_en, problem.remedy_vi)):
        assert english.strip()
        assert english != vietnamese
        assert not vietnamese.isascii(), "Vietnamese is written with its marks"


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_retrying_agrees_with_the_http_status(code: str) -> None:
    problem = CATALOGUE[code]
    assert 400 <= problem.status <= 599
    assert not problem.retryable or problem.status in RETRYABLE_STATUS
    assert problem.retryable or problem.status != 503


def test_codes_written_in_place_are_seen() -> None:
    source = "raise Refused('no-such-code', 'x')\nproblems.Finding(code='other-code')\nlog('third-code')"
    assert literal_codes(ast.parse(source)) == [(1, "no-such-code"), (2, "other-code")]
