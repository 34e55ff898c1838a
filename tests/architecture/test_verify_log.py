"""The program that checks the log shares nothing with the one that writes it but the Merkle tree."""

from __future__ import annotations

import ast

from tests.architecture.tree import ROOT, parsed

VERIFIER = ROOT / "hub" / "audit" / "verify_log.py"
PURE = {"hub.audit.merkle", "hub.audit.ranges"}


def imported(name: str) -> set[str]:
    tree = parsed(ROOT / "hub" / "audit" / f"{name}.py")
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {
        one
        for node in nodes
        for one in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }


def test_the_verifier_shares_the_pure_tree_only() -> None:
    assert {one for one in imported("verify_log") if one.split(".")[0] in ("hub", "adapters")} == PURE


def test_the_tree_that_it_shares_is_pure() -> None:
    assert {one for one in imported("ranges") if one.startswith("hub")} == {"hub.audit.merkle"}
    assert not {one for one in imported("merkle") if one.startswith(("hub", "adapters"))}
