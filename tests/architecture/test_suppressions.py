"""A warning is switched off with its code and a reason, and an exception is never swallowed."""

from __future__ import annotations

import ast
import io
import re
import tokenize

import pytest

from tests.architecture.tree import PROGRAM, ROOT, Breach, octets, parsed, python_files, report

CODES = r"[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*"
SUPPRESSION = re.compile(r"\b(?:noqa|type:\s*ignore|nosec|pragma:|pylint:|mypy:|ruff:|pyright:)", re.IGNORECASE)
ACCEPTED = re.compile(rf"(?:noqa:\s*{CODES}|type:\s*ignore\[[a-z-]+(?:,\s*[a-z-]+)*\])(?P<reason>[^#]*(?:#.*)?)$")
SKIPS = {"skip", "skipif", "xfail"}
BROAD = {"Exception", "BaseException"}


def comments(source: bytes) -> list[tuple[int, str]]:
    """Line number and text of every comment; strings are not comments."""
    tokens = tokenize.tokenize(io.BytesIO(source).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def bare_suppressions(path: str, source: bytes) -> list[Breach]:
    found = []
    for line, comment in comments(source):
        if not SUPPRESSION.match(comment.lstrip("# ")) and not re.search(r"#\s*(?:noqa|type:\s*ignore)", comment):
            continue
        accepted = ACCEPTED.search(comment)
        if accepted is None:
            found.append(Breach(path, line, f"suppression without a code: {comment}"))
        elif len(re.findall(r"\w{2,}", accepted["reason"])) < 2:
            found.append(Breach(path, line, f"suppression without a reason beside it: {comment}"))
    return found


def broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in BROAD) for kind in kinds)


def does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(step, ast.Pass) or (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
        for step in body
    )


def handles(handler: ast.ExceptHandler) -> bool:
    """Something is made of a broad exception: raised again, logged, or used by the name it was given."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Name) and handler.name and node.id == handler.name:
            return True
        if isinstance(node, ast.Attribute) and node.attr in {"exception", "error", "warning", "critical"}:
            return True
    return False


def swallowed(path: str, source: bytes, tree: ast.Module) -> list[Breach]:
    """Broad handlers that make nothing of the exception, and empty narrow ones without a word why."""
    explained = {line for line, _ in comments(source)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            if broad(node) and not handles(node):
                found.append(Breach(path, node.lineno, "a broad exception is swallowed"))
            elif does_nothing(node.body):
                lines = range(node.lineno - 1, (node.end_lineno or node.lineno) + 1)
                if not explained.intersection(lines):
                    found.append(Breach(path, node.lineno, "an exception is dropped without a word why"))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"contextlib.suppress", "suppress"}:
            if any(isinstance(kind, ast.Name) and kind.id in BROAD for kind in node.args):
                found.append(Breach(path, node.lineno, "a broad exception is suppressed"))
        elif isinstance(node, ast.keyword) and node.arg == "return_exceptions" and path.startswith(PROGRAM):
            parent = [c for c in ast.walk(tree) if isinstance(c, ast.Expr) and _awaits_with(c, node)]
            found += [Breach(path, c.lineno, "gathered exceptions are dropped unseen") for c in parent]
    return found


def _awaits_with(statement: ast.Expr, keyword: ast.keyword) -> bool:
    """The statement is a bare ``await gather(…, return_exceptions=True)``: nobody looks at the outcome."""
    value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
    return isinstance(value, ast.Call) and keyword in value.keywords


def test_every_suppression_has_a_code_and_a_reason() -> None:
    found = [breach for path in python_files() for breach in bare_suppressions(path, octets(path))]
    assert not found, report(found)


def test_every_rule_that_is_switched_off_for_all_has_a_reason_beside_it() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^ignore = \[\n(.*?)^\]", settings, re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = [*block[1].splitlines(), *re.findall(r'^"[^"]+" = \["[A-Z].*$', settings, re.MULTILINE)]
    assert lines
    assert not [line for line in lines if not re.search(r"#\s*\w{2,}", line)]


def test_no_exception_is_swallowed() -> None:
    found = [breach for path in python_files() for breach in swallowed(path, octets(path), parsed(path))]
    assert not found, report(found)


def unexplained_skips(path: str, tree: ast.Module) -> list[Breach]:
    """``pytest.mark.skip`` and its kin without ``reason=``, called or not."""
    said = {
        node.func
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and any(keyword.arg == "reason" for keyword in node.keywords)
    }
    return [
        Breach(path, node.lineno, f"{ast.unparse(node)} without a reason")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in SKIPS and node not in said
    ]


def test_every_skipped_test_says_why() -> None:
    found = [breach for path in python_files("tests") for breach in unexplained_skips(path, parsed(path))]
    assert not found, report(found)


@pytest.mark.parametrize("mark", ["pytest.mark.skip", "pytest.mark.skipif(True)", "pytest.mark.xfail(strict=True)"])
def test_unexplained_skips_are_seen(mark: str) -> None:
    assert unexplained_skips("example.py", ast.parse(f"@{mark}\ndef test_x(): ..."))
    assert not unexplained_skips("example.py", ast.parse("@pytest.mark.skip(reason='why')\ndef test_x(): ..."))


@pytest.mark.parametrize(
    "comment",
    ["# no" + "qa", "# no" + "qa: S101", "# type" + ": ignore", "# type" + ": ignore[misc]", "# ruff" + ": noqa"],
)
def test_bare_suppressions_are_seen(comment: str) -> None:
    assert bare_suppressions("example.py", f"x = 1  {comment}\n".encode())


@pytest.mark.parametrize(
    "comment", ["# no" + "qa: S101 - our own input", "# type" + ": ignore[misc]  # its stub is wrong"]
)
def test_explained_suppressions_pass(comment: str) -> None:
    assert not bare_suppressions("example.py", f"x = 1  {comment}\n".encode())


@pytest.mark.parametrize(
    "handler",
    [
        "except Exception:\n    pass",
        "except:\n    x = 1",
        "except (ValueError, Exception):\n    x = 1",
        "except ValueError:\n    pass",
    ],
)
def test_swallowed_exceptions_are_seen(handler: str) -> None:
    source = f"try:\n    f()\n{handler}\n"
    assert swallowed("example.py", source.encode(), ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "import contextlib\nwith contextlib.suppress(Exception):\n    f()\n",
        "async def f():\n    await gather(a, return_exceptions=True)\n",
    ],
)
def test_exceptions_dropped_in_other_ways_are_seen(source: str) -> None:
    assert swallowed("hub/example.py", source.encode(), ast.parse(source))


@pytest.mark.parametrize(
    "handler",
    [
        "except Exception:\n    log.exception('x')",
        "except Exception as error:\n    return Broken(error)",
        "except ValueError:\n    pass  # the file was removed by somebody else",
    ],
)
def test_handled_exceptions_pass(handler: str) -> None:
    source = "def g():\n    try:\n        f()\n" + "".join(f"    {line}\n" for line in handler.splitlines())
    assert not swallowed("example.py", source.encode(), ast.parse(source))
