"""Revocation lists: whose they are, what they say, and which forms must never be read as a complete list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.pki import Authority, Pki, new_key
from hub import clock
from hub.signatures.revocation.answers import SKEW, Held, Revoked, weigh
from hub.signatures.revocation.crl import RevocationList
from hub.signatures.revocation.judging import Revocation
from tests.signatures.revocations import DAY, MINUTE, crl, der, loaded, openssl, path, trust

SERIAL = 4711
NAME = x509.UniformResourceIdentifier("http://example.test/list.crl")


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


def test_a_list_says_who_is_revoked_when_and_why(pki: Pki) -> None:
    reason = (x509.CRLReason(x509.ReasonFlags.key_compromise), False)
    issued = clock.now().replace(microsecond=0) - DAY
    found = RevocationList.load(der(crl(pki.issuing, entries=[(SERIAL, [reason]), (5, [])], issued=issued, number=7)))
    assert found.revoked(SERIAL) == Revoked(issued, "keyCompromise")
    assert found.revoked(5) == Revoked(issued, "unspecified")
    assert found.revoked(6) is None
    assert (found.this_update, found.next_update, found.number, found.defect) == (issued, issued + DAY, 7, "")


def test_only_the_very_issuer_signs_its_list(pki: Pki) -> None:
    found = RevocationList.load(der(pki.issuing.crl()))
    assert found.signed_by(pki.issuing.certificate)
    assert not found.signed_by(pki.root.certificate)
    impostor = Authority(new_key("p384"), pki.issuing.certificate)
    assert not RevocationList.load(der(impostor.crl())).signed_by(pki.issuing.certificate)


def test_an_authority_whose_key_usage_forbids_it_signs_no_list(pki: Pki) -> None:
    """RFC 5280 §6.3.3 (f)."""
    leaf = pki.issue("H33.02", "Sở Nội vụ")  # digitalSignature, not cRLSign
    made = crl(Authority(leaf.key, leaf.certificate))
    assert not RevocationList.load(der(made)).signed_by(leaf.certificate)


def point(**more: object) -> x509.IssuingDistributionPoint:
    fields: dict[str, object] = {
        "full_name": [NAME], "relative_name": None, "only_contains_user_certs": False,
        "only_contains_ca_certs": False, "only_some_reasons": None, "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }  # fmt: skip
    return x509.IssuingDistributionPoint(**{**fields, **more})  # type: ignore[arg-type]  # the fields by name


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.2"), b"\x05\x00")
DEFECTS = {
    "delta": ([(x509.DeltaCRLIndicator(1), True)], [], "delta"),
    "indirect": ([(point(indirect_crl=True), True)], [], "issuing distribution point"),
    "only for users": ([(point(only_contains_user_certs=True), True)], [], "issuing distribution point"),
    "only some reasons": (
        [(point(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise])), True)],
        [],
        "issuing distribution point",
    ),
    "unknown critical extension": ([(UNKNOWN, True)], [], "1.3.6.1.4.1.55555.2"),
    "unknown critical extension of an entry": ([], [(UNKNOWN, True)], "1.3.6.1.4.1.55555.2"),
    "entry of another issuer": (
        [],
        [(x509.CertificateIssuer([x509.DirectoryName(x509.Name([]))]), True)],
        "certificate issuer",
    ),
    "removeFromCRL in a complete list": (
        [],
        [(x509.CRLReason(x509.ReasonFlags.remove_from_crl), False)],
        "removeFromCRL",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
async def test_a_list_of_another_form_neither_clears_nor_is_misread(pki: Pki, name: str) -> None:
    extensions, entry, words = DEFECTS[name]
    made = crl(pki.issuing, *extensions, entries=[(SERIAL, entry)] if entry else [])
    found = RevocationList.load(der(made))
    assert words in found.defect
    identity = pki.issue("H33.02", "Sở Nội vụ")
    leaf, _ = await Revocation().standings(path(identity, pki), trust(pki, pki.root.crl(), made), clock.now())
    assert leaf.status == "unknown"
    assert words in leaf.reason


def test_an_unknown_extension_that_is_not_critical_changes_nothing(pki: Pki) -> None:
    assert RevocationList.load(der(crl(pki.issuing, (UNKNOWN, False)))).defect == ""


@pytest.mark.parametrize("algorithm", [hashes.SHA224(), hashes.SHA3_256()])
def test_a_weakly_or_strangely_signed_list_is_not_relied_on(pki: Pki, algorithm: hashes.HashAlgorithm) -> None:
    assert algorithm.name in RevocationList.load(der(crl(pki.issuing, algorithm=algorithm))).defect


@pytest.mark.parametrize("octets", [b"", b"\x30", b"<html>404</html>", b"\x30\x03\x02\x01\x01"])
def test_what_is_no_list_is_a_value_error(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own words
        RevocationList.load(octets)


def test_numbers_and_times_never_go_back(pki: Pki) -> None:
    now = clock.now()
    old, same, new = loaded(
        *(crl(pki.issuing, number=n, issued=now - age) for n, age in ((4, DAY), (5, DAY), (5, MINUTE)))
    )
    back, none = loaded(crl(pki.issuing, number=3), crl(pki.issuing, number=None))
    assert not new.goes_back_behind(old)
    assert not same.goes_back_behind(old)
    assert old.goes_back_behind(new)
    assert back.goes_back_behind(old), "a higher time with a lower number"
    assert not none.goes_back_behind(old)


async def test_configured_lists_alone_tell_what_they_can(pki: Pki) -> None:
    identity, judge = pki.issue("H33.02", "Sở Nội vụ"), Revocation()
    chain = path(identity, pki)

    async def words(*lists: x509.CertificateRevocationList) -> list[str]:
        found = await judge.standings(chain, trust(pki, *lists), clock.now())
        return [one.status for one in found]

    assert await words(pki.root.crl(), pki.issuing.crl()) == ["good", "good"]
    assert await words(pki.root.crl()) == ["unsourced", "good"]
    assert await words(pki.root.crl(), pki.issuing.crl(issued=clock.now() - 30 * DAY)) == ["unknown", "good"]
    assert await words(pki.root.crl(), pki.issuing.crl(issued=clock.now() + DAY)) == ["unknown", "good"], "premature"
    impostor = Authority(new_key("p384"), pki.issuing.certificate)
    impostor.revoke(identity.certificate)
    assert await words(pki.root.crl(), impostor.crl()) == ["unsourced", "good"], "neither revokes nor clears"


async def test_an_old_list_still_revokes_and_a_revoked_authority_takes_its_leaves_with_it() -> None:
    pki = Pki.create()
    identity = pki.issue("H33.02", "Sở Nội vụ")
    pki.issuing.revoke(identity.certificate, clock.now() - 40 * DAY)
    old = pki.issuing.crl(issued=clock.now() - 30 * DAY)
    found = await Revocation().standings(path(identity, pki), trust(pki, pki.root.crl(), old), clock.now())
    assert [one.status for one in found] == ["revoked", "good"]
    pki.root.revoke(pki.issuing.certificate)
    other = pki.issue("H33.03", "Sở Tài chính")
    found = await Revocation().standings(path(other, pki), trust(pki, pki.root.crl(), pki.issuing.crl()), clock.now())
    assert [one.status for one in found] == ["good", "revoked"]


async def test_an_answer_older_than_the_policy_allows_is_stale_before_its_end(pki: Pki) -> None:
    identity = pki.issue("H33.02", "Sở Nội vụ")
    lists = trust(pki, pki.root.crl(), pki.issuing.crl(issued=clock.now() - 3 * DAY, days=30))
    for max_age, word in ((None, "good"), (4 * DAY, "good"), (2 * DAY, "unknown")):
        judge = Revocation(max_age=max_age)
        for _ in range(2):  # the second time from memory
            leaf, _root = await judge.standings(path(identity, pki), lists, clock.now())
            assert leaf.status == word
    judge = Revocation(max_age=4 * DAY)
    assert (await judge.standings(path(identity, pki), lists, clock.now()))[0].status == "good"
    later = await judge.standings(path(identity, pki), lists, clock.now() + 2 * DAY)
    assert later[0].status == "unknown", "what is remembered ends with its age"


@dataclass(frozen=True)
class Said:
    """An answer of any age about one serial."""

    this_update: datetime
    next_update: datetime
    word: str
    kind: str = "crl"
    der: bytes = b""
    sha256: str = ""

    def revoked(self, serial: int) -> Revoked | None:
        return None if self.word == "good" else Revoked(self.this_update, self.word)


NOW = datetime.fromisoformat("2026-11-22T03:00:00+00:00")
SAID = st.builds(
    lambda begun, lives, word: Held(Said(NOW + begun, NOW + begun + lives, word), ""),
    st.timedeltas(-10 * DAY, DAY),
    st.timedeltas(timedelta(0), 20 * DAY),
    st.sampled_from(["good", "keyCompromise", "certificateHold"]),
)


@settings(max_examples=400, deadline=None)
@given(said=st.lists(SAID, max_size=5), max_age=st.none() | st.timedeltas(MINUTE, 10 * DAY))
def test_good_is_never_said_without_a_fresh_answer_or_against_a_revocation(
    said: list[Held], max_age: timedelta | None
) -> None:
    found = weigh(said, SERIAL, NOW, max_age)
    words = {held.answer.word for held in said if isinstance(held.answer, Said)}
    if "keyCompromise" in words:
        assert found.revoked is not None
    if found.revoked is None and found.fresh:
        assert found.by is not None
        answer = found.by.answer
        assert answer.revoked(SERIAL) is None
        assert answer.this_update <= NOW + SKEW
        assert answer.next_update >= NOW
        assert max_age is None or NOW - answer.this_update <= max_age
    if found.revoked is not None and found.revoked.reason == "certificateHold":
        begun = [held for held in said if held.answer.this_update <= NOW + SKEW]
        newest = max(begun, key=lambda held: held.answer.this_update).answer
        assert newest.this_update == found.revoked.at, "a hold ends with the next answer that does not name it"


async def test_openssl_judges_lists_alike(tmp_path: Path) -> None:
    pki = Pki.create()
    good, bad = pki.issue("H33.02", "Sở Nội vụ"), pki.issue("H33.03", "Sở Tài chính")
    pki.issuing.revoke(bad.certificate)
    cases = {
        "fresh": (pki.issuing.crl(), "good"),
        "stale": (pki.issuing.crl(issued=clock.now() - 30 * DAY), "unknown"),
        "premature": (pki.issuing.crl(issued=clock.now() + DAY), "unknown"),
        "stranger's": (Authority(new_key("p384"), pki.issuing.certificate).crl(), "unsourced"),
        "unknown critical": (crl(pki.issuing, (UNKNOWN, True)), "unknown"),
    }
    (tmp_path / "root.pem").write_bytes(pki.anchor_pem)
    (tmp_path / "issuing.pem").write_bytes(pki.issuing.certificate_pem)
    for name, (made, word) in cases.items():
        (tmp_path / "lists.pem").write_bytes(pki.root.crl_pem() + made.public_bytes(Encoding.PEM))
        for identity in (good, bad):
            (tmp_path / "leaf.pem").write_bytes(identity.certificate_pem)
            status, _ = openssl(
                tmp_path, "verify", "-x509_strict", "-crl_check_all", "-CAfile", "root.pem",
                "-untrusted", "issuing.pem", "-CRLfile", "lists.pem", "leaf.pem",
            )  # fmt: skip
            found = await Revocation().standings(path(identity, pki), trust(pki, pki.root.crl(), made), clock.now())
            assert (status == 0) == all(one.status == "good" for one in found), name
            if identity is good:
                assert found[0].status == word, name
