"""Small files, small functions, and names that say what is inside."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from tests.architecture.tree import PROGRAM, Breach, parsed, python_files, report, text, tracked

FILE_LINES = 400
FUNCTION_LINES = 60
SCREEN_LINES = 150  # the dashboard is where such projects rot first
WRITTEN_BY_HAND = (".py", ".html", ".css", ".js", ".sh", ".mako")
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "service", "manager", "base", "misc", "stuff"}


def long_functions(path: str, tree: ast.Module) -> list[Breach]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                found.append(Breach(path, node.lineno, f"{node.name} has {lines} lines, {FUNCTION_LINES} at most"))
    return found


def empty_name(path: str) -> list[Breach]:
    parts = [*PurePosixPath(path).parts[:-1], PurePosixPath(path).stem]
    words = {word for part in parts for word in part.lower().split("_")}
    return [Breach(path, 1, f"the name {word!r} says nothing") for word in sorted(words & EMPTY_NAMES)]


def test_no_file_is_longer_than_the_budget() -> None:
    found = []
    for path in tracked():
        if path.endswith(WRITTEN_BY_HAND):
            lines = (text(path) or "").count("\n")
            if lines > FILE_LINES:
                found.append(Breach(path, lines, f"{lines} lines, {FILE_LINES} at most"))
    assert not found, report(found)


def test_no_screen_is_longer_than_the_budget() -> None:
    screens = [path for path in python_files("hub") if path.startswith("hub/dashboard/screens/")]
    assert len(screens) > 30
    sizes = {path: (text(path) or "").count("\n") for path in screens}
    long = [Breach(path, lines, f"{lines} lines, {SCREEN_LINES} at most") for path, lines in sizes.items()]
    found = [breach for breach in long if breach.line > SCREEN_LINES]
    assert not found, report(found)


def test_no_function_is_longer_than_the_budget() -> None:
    # a migration is one list of statements, generated and then never changed
    written = [path for path in python_files() if not path.startswith("alembic/versions/")]
    found = [breach for path in written for breach in long_functions(path, parsed(path))]
    assert not found, report(found)


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [breach for path in python_files() for breach in empty_name(path)]
    assert not found, report(found)


def test_every_package_says_what_it_is_in_charge_of_and_what_goes_in_and_out() -> None:
    found = []
    for folder in sorted({str(PurePosixPath(path).parent) for path in python_files(*PROGRAM)}):
        init = f"{folder}/__init__.py"
        if init not in tracked():
            found.append(Breach(init, 1, "the package has no __init__.py"))
            continue
        words = " ".join((ast.get_docstring(parsed(init)) or "").lower().split())
        needed = [] if folder == "hub" else ["in charge of", "comes in", "goes out"]
        found += [Breach(init, 1, f"the docstring does not say {phrase!r}") for phrase in needed if phrase not in words]
    assert not found, report(found)


def test_every_module_says_what_it_is() -> None:
    found = [Breach(p, 1, "no module docstring") for p in python_files(*PROGRAM) if not ast.get_docstring(parsed(p))]
    assert not found, report(found)


def test_the_rules_bite() -> None:
    body = "".join(f"    x = {n}\n" for n in range(FUNCTION_LINES))
    assert long_functions("a.py", ast.parse(f"async def f():\n{body}"))
    assert not long_functions("a.py", ast.parse(f"def f():\n{body}".rsplit("    x", 1)[0]))
    assert empty_name("hub/pdf_utils.py")
    assert empty_name("hub/common/x.py")
    assert not empty_name("hub/database/services.py")
    assert re.search(r"\.py$", python_files(*PROGRAM)[0])
