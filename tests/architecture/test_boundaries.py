"""Only validation makes verified things, private names stay at home, and every XML parser is a hardened one."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import PROGRAM, Breach, parsed, python_files, report

VERIFIED = {"VerifiedEnvelope", "VerifiedStatus"}
PARSING = {"fromstring", "fromstringlist", "parse", "XML", "XMLID", "iterparse", "HTML"}
HARDENED = {"resolve_entities": False, "no_network": True, "load_dtd": False}


def room(path: str) -> str:
    """``hub/validation/form.py`` → ``hub.validation``."""
    return ".".join(path.removesuffix(".py").split("/")[:2])


def made_elsewhere(path: str, tree: ast.Module) -> list[Breach]:
    if room(path) == "hub.validation":
        return []
    return [
        Breach(path, node.lineno, f"{ast.unparse(node.func)} is made outside the validation sequence")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in VERIFIED
    ]


def private_imports(path: str, tree: ast.Module) -> list[Breach]:
    """Names with a leading underscore that are imported from another room."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PROGRAM):
            private = [a.name for a in node.names if a.name.startswith("_") and not a.name.endswith("_")]
            abroad = ".".join(node.module.split(".")[:2]) != room(path)
            found += [Breach(path, node.lineno, f"{name} is private to {node.module}") for name in private if abroad]
    return found


def soft_parsers(path: str, tree: ast.Module) -> list[Breach]:
    """lxml parsers that are not hardened, and parsing with lxml's default one."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        owner, _, name = ast.unparse(node.func).rpartition(".")
        if name == "XMLParser":
            said = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
            weak = [f"{key}={value}" for key, value in HARDENED.items() if said.get(key) is not value]
            found += [Breach(path, node.lineno, f"a parser without {option}") for option in weak]
        chosen = len(node.args) > 1 or "parser" in {keyword.arg for keyword in node.keywords}
        if owner == "etree" and name in PARSING and not chosen:
            found.append(Breach(path, node.lineno, f"etree.{name} with lxml's default parser"))
    return found


@pytest.mark.parametrize("rule", [made_elsewhere, private_imports, soft_parsers], ids=lambda rule: rule.__name__)
def test_the_boundary_holds(rule: object) -> None:
    assert callable(rule)
    found = [breach for path in python_files(*PROGRAM) for breach in rule(path, parsed(path))]
    assert not found, report(found)


def test_the_rules_bite() -> None:
    assert made_elsewhere("hub/intake/x.py", ast.parse("v = verdict.VerifiedEnvelope(a=1)"))
    assert not made_elsewhere("hub/validation/x.py", ast.parse("v = VerifiedEnvelope(a=1)"))
    assert private_imports("hub/intake/x.py", ast.parse("from hub.validation.verdict import _SEAL"))
    assert not private_imports("hub/validation/x.py", ast.parse("from hub.validation.verdict import _SEAL"))
    assert soft_parsers("x.py", ast.parse("p = etree.XMLParser(resolve_entities=False)"))
    assert soft_parsers("x.py", ast.parse("t = etree.fromstring(body)"))
    hardened = "etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)"
    assert not soft_parsers("x.py", ast.parse(f"t = etree.fromstring(body, {hardened})"))
