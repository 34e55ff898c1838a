"""The environment, the clock and randomness are read in one place each."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

import pytest

from tests.architecture.tree import PROGRAM, Breach, parsed, python_files, report

ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}
CLOCK = {
    *(f"datetime.{name}" for name in ("now", "utcnow", "today")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    *("date.today", "datetime.date.today"),
    *(f"time.{name}{unit}" for name in ("time", "monotonic", "perf_counter", "process_time") for unit in ("", "_ns")),
    *("time.localtime", "time.gmtime", "time.ctime"),
    *("func.now", "func.current_timestamp", "sqlalchemy.func.now"),
}
RANDOM_MODULES = ("random", "secrets")
RANDOM = {"os.urandom", "uuid.uuid1", "uuid.uuid4", "os.getrandom"}

ENVIRONMENT_PLACES = {"hub/settings.py": "the one place"}
CLOCK_PLACES = {"hub/clock.py": "the one place"}
RANDOM_PLACES = {
    "hub/clock.py": "the one place: identifiers and secrets",
    "adapters/client/conversation.py": "jitter between retries, in the agency's own process",
    "adapters/sandbox/": "a seeded generator makes the same simulated traffic every time",
}


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for an attribute chain of names; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        start = dotted(node.value)
        return f"{start}.{node.attr}" if start else ""
    return ""


def imported_names(tree: ast.Module) -> dict[str, str]:
    """What each local name stands for: ``{"urandom": "os.urandom", "t": "time"}``."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def uses(path: str, tree: ast.Module, forbidden: Callable[[str], bool]) -> list[Breach]:
    """Every mention of a forbidden dotted name, whatever it was imported as."""
    names, found = imported_names(tree), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            written = dotted(node)
            head, _, rest = written.partition(".")
            meant = f"{names.get(head, head)}.{rest}" if rest else names.get(head, head)
            if any(forbidden(name) for name in (meant, written) if name):
                found.append(Breach(path, node.lineno, f"{meant} belongs elsewhere"))
    return found


def reads_environment(name: str) -> bool:
    return name in ENVIRONMENT


def reads_clock(name: str) -> bool:
    return name in CLOCK


def draws_lots(name: str) -> bool:
    return name in RANDOM or (name.split(".")[0] in RANDOM_MODULES and "." in name)


RULES = [
    pytest.param(reads_environment, ENVIRONMENT_PLACES, id="environment"),
    pytest.param(reads_clock, CLOCK_PLACES, id="clock"),
    pytest.param(draws_lots, RANDOM_PLACES, id="randomness"),
]


@pytest.mark.parametrize(("forbidden", "places"), RULES)
def test_it_is_read_in_its_one_place_only(forbidden: Callable[[str], bool], places: dict[str, str]) -> None:
    found = []
    for path in python_files(*PROGRAM):
        if not path.startswith(tuple(places)):
            found += uses(path, parsed(path), forbidden)
    assert not found, report(found)


@pytest.mark.parametrize(("forbidden", "places"), RULES)
def test_its_one_place_does_read_it(forbidden: Callable[[str], bool], places: dict[str, str]) -> None:
    first = next(iter(places))
    assert uses(first, parsed(first), forbidden), f"{first} no longer reads it: the rule looks at the wrong names"


def test_database_time_is_not_read_in_statements() -> None:
    pattern = re.compile(r"\b(CURRENT_TIMESTAMP|clock_timestamp\(|statement_timestamp\(|strftime\('%)", re.IGNORECASE)
    found = []
    for path in python_files(*PROGRAM):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.search(node.value):
                found.append(Breach(path, node.lineno, "a statement reads the database's clock"))
    assert not found, report(found)


@pytest.mark.parametrize(
    ("source", "forbidden"),
    [
        ("import os\nx = os.environ['A']", reads_environment),
        ("from os import getenv\nx = getenv('A')", reads_environment),
        ("import os as o\nx = o.environ", reads_environment),
        ("from datetime import datetime\nx = datetime.now()", reads_clock),
        ("import datetime as dt\nx = dt.datetime.utcnow()", reads_clock),
        ("import time as t\nx = t.time()", reads_clock),
        ("from time import monotonic\nx = monotonic()", reads_clock),
        ("import random\nx = random.random()", draws_lots),
        ("from secrets import token_hex\nx = token_hex()", draws_lots),
        ("import uuid\nx = uuid.uuid4()", draws_lots),
    ],
)
def test_the_rules_bite(source: str, forbidden: Callable[[str], bool]) -> None:
    assert uses("example.py", ast.parse(source), forbidden)


def test_harmless_code_passes() -> None:
    source = "from hub import clock\nimport os, uuid\nx = clock.now(), os.path.join('a'), uuid.UUID(int=1)"
    for forbidden in (reads_environment, reads_clock, draws_lots):
        assert not uses("example.py", ast.parse(source), forbidden)
