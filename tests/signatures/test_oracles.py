"""Our own verification against two others, signxml and xmlsec1.

What ours accepts both accept, over the same octets. What ours refuses by its arithmetic both refuse; what it refuses
for another reason is refused by a rule of the profile, which they do not have.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sandbox.pki import Identity
from hub.signatures.sign import sign
from tests.hostile.forgery import MORE, Bench, Form, seal
from tests.hostile.test_attacks import CORPUS
from tests.hostile.test_fuzz import BENCH, HONEST, SIGNED, Change, changes
from tests.signatures.decorated import decorations
from tests.signatures.oracles import ARITHMETIC, Answer, Xmlsec1, ours, signxml_holds, trusted

_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
METHODS = [
    ("p256", MORE + "ecdsa-sha256"),
    ("p384", MORE + "ecdsa-sha384"),
    *(("rsa", f"{MORE}rsa-{name}") for name in ("sha256", "sha384", "sha512")),
    ("rsa", _2007 + "sha256-rsa-MGF1"),
]
ELSEWHERE = ("attachment-", "edxml-", "xml-")  # refused before the signature, or with one like all others
# xmlsec1 looks for the leaf among the certificates; by the profile the leaf comes first
LEAF_ANYWHERE = "another agency's certificate first"


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench.create()


@pytest.fixture(scope="module")
def xmlsec1(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Xmlsec1:
    return Xmlsec1(tmp_path_factory.mktemp("xmlsec1"), bench.register)


def agreed(body: bytes, answer: Answer, known: x509.Certificate | None = None) -> bool:
    """Whether signxml says the same, as far as the profile's rules leave it to arithmetic.

    It is given the first certificate of the letter, or the ``known`` one where that has the same key: what else was
    changed in a certificate is for the path to find.
    """
    if answer.first is None or (answer.code and answer.code not in ARITHMETIC):
        return True
    same = known is not None and known.public_key() == answer.first.public_key()
    certificate = known if same and known is not None else answer.first
    return signxml_holds(body, certificate) == (None if answer.code else answer.octets)


def test_on_the_hostile_corpus_the_other_two_agree_with_every_verdict_that_is_arithmetic(
    bench: Bench, xmlsec1: Xmlsec1
) -> None:
    seen: Counter[str] = Counter()
    differs = []
    for attack in CORPUS:
        if attack.code.startswith(ELSEWHERE):
            continue
        body = attack.forge(bench)
        answer = ours(body)
        seen[answer.code] += 1
        if not agreed(body, answer):
            differs.append((attack.name, "signxml", answer.code))
        if answer.code in ARITHMETIC and attack.name != LEAF_ANYWHERE and xmlsec1.holds(body):
            differs.append((attack.name, "xmlsec1", answer.code))
        # xmlsec1 answers about the certificates together with the signature
        if not answer.code and trusted(body, bench.register) and not xmlsec1.holds(body):
            differs.append((attack.name, "xmlsec1", "holds"))
    assert differs == []
    assert min(seen[""], *(seen[code] for code in ARITHMETIC)) > 3  # none of the three was left out


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=decorations(), method=st.sampled_from(METHODS))
def test_a_letter_in_any_dress_holds_for_all_three_and_no_longer_when_a_text_was_changed(
    bench: Bench, xmlsec1: Xmlsec1, made: tuple[Callable[[bytes], bytes], Form], method: tuple[str, str]
) -> None:
    decorate, form = made
    signers: dict[str, Identity] = {"p256": bench.sender, "p384": bench.p384, "rsa": bench.rsa}
    signer = signers[method[0]]
    body = seal(decorate(bench.message()), signer, replace(form, method=method[1]))
    answer = ours(body)
    assert answer.code == ""
    assert answer.octets == signxml_holds(body, signer.certificate)
    assert "MGF1" in method[1] or xmlsec1.holds(body)  # xmlsec1 1.2 has no PSS
    changed = body.replace(b"H33.90", b"H33.91")
    assert ours(changed).code == "signature-digest"
    assert signxml_holds(changed, signer.certificate) is None


@pytest.mark.parametrize("kind", ["sender", "rsa"])
def test_no_octet_with_a_bit_turned_over_is_accepted_where_signxml_refuses(
    bench: Bench, xmlsec1: Xmlsec1, kind: str
) -> None:
    signer: Identity = getattr(bench, kind)
    body = sign(bench.message(), signer.signer)
    signed, seen = ours(body).octets, Counter[str]()
    lot = random.Random(kind)  # one bit of every tenth octet, another one with every kind
    for place in range(lot.randrange(10), len(body), 10):
        turned = body[:place] + bytes([body[place] ^ 1 << lot.randrange(8)]) + body[place + 1 :]
        answer = ours(turned)
        seen[answer.code] += 1
        assert agreed(turned, answer, signer.certificate), (place, answer.code)
        assert answer.code or answer.octets == signed, place
        if not answer.code and trusted(turned, bench.register):  # else it was a bit of a certificate
            assert xmlsec1.holds(turned), place
    assert {"xml-malformed", "signature-digest", "signature-invalid"} <= set(seen)


@settings(max_examples=200)
@given(st.lists(changes, min_size=1, max_size=3))
def test_no_letter_changed_after_signing_is_accepted_where_signxml_refuses(made: list[Change]) -> None:
    body = HONEST
    for change in made:
        body = change(body)
    answer = ours(body)
    assert agreed(body, answer, BENCH.sender.certificate), answer.code
    assert answer.code or answer.octets == SIGNED
