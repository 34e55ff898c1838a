"""Every attack of the corpus is refused with its own code, and its honest twin is accepted."""

from __future__ import annotations

from collections import Counter

import pytest
from signxml.exceptions import SignXMLException

from adapters.sandbox.pki import Identity
from tests.hostile import (
    algorithms,
    attachments,
    certificates,
    duplicates,
    joining,
    signature_forms,
    wrapping,
    xml_forms,
)
from tests.hostile.forgery import Attack, Bench, naive

CORPUS: list[Attack] = [
    *wrapping.ATTACKS,
    *signature_forms.ATTACKS,
    *algorithms.ATTACKS,
    *certificates.ATTACKS,
    *duplicates.ATTACKS,
    *joining.ATTACKS,
    *xml_forms.ATTACKS,
    *attachments.ATTACKS,
]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench.create()


@pytest.mark.parametrize("attack", CORPUS, ids=lambda attack: attack.name)
async def test_the_attack_is_refused_with_its_code_and_its_twin_is_accepted(bench: Bench, attack: Attack) -> None:
    found = await bench.finding(attack.forge(bench))
    assert found is not None
    assert found.code == attack.code, found
    assert attack.names in found.detail, found
    assert await bench.finding(attack.twin(bench)) is None


@pytest.mark.parametrize("attack", [one for one in CORPUS if one.deceives], ids=lambda attack: attack.name)
def test_a_verifier_without_the_rules_is_taken_in(bench: Bench, attack: Attack) -> None:
    """Otherwise the refusal above would prove less than it seems to."""
    forgery = attack.forge(bench)
    assert any(holds(forgery, signer) for signer in (bench.sender, bench.rsa, bench.p384))


def test_every_attack_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(attack.name for attack in CORPUS).items() if times > 1] == []


def holds(body: bytes, signer: Identity) -> bool:
    try:
        return naive(body, signer) is not None
    except SignXMLException:
        return False  # not signed by this one
