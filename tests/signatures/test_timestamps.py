"""Time stamps: OpenSSL's authority is believed, and every answer that proves nothing is refused by its reason."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub import clock
from hub.signatures import der
from hub.signatures.timestamps import MOST_OCTETS, NotStamped, Stamp, TimeTrust, answered, checked, question
from tests.services.tsa import OTHER_POLICY, POLICY, Certificate, TimeAuthority, root, signer
from tests.signatures.forged_stamps import Forgery

MESSAGE = b"hub.test/log\n7\nroot\n\n\xe2\x80\x94 signature\n"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeAuthority]:
    with TimeAuthority(tmp_path_factory.mktemp("tsa"), root()) as made:
        yield made


@pytest.fixture(scope="module")
def trust(authority: TimeAuthority) -> TimeTrust:
    return TimeTrust.parse(authority.root.pem)


def forged(forgery: Forgery, trust: TimeTrust, message: bytes = MESSAGE) -> Stamp:
    asked = question(MESSAGE)
    return answered(asked, forgery.answer(asked.octets), message, trust, clock.now())


def refused(forgery: Forgery, trust: TimeTrust) -> str:
    with pytest.raises(NotStamped) as caught:
        forged(forgery, trust)
    return str(caught.value)


def test_openssl_and_the_hub_agree_on_a_token(authority: TimeAuthority, trust: TimeTrust) -> None:
    asked = question(MESSAGE)
    stamp = answered(asked, authority.reply(asked.octets), MESSAGE, trust, clock.now())
    assert abs(stamp.at - clock.now()) < timedelta(minutes=1)
    assert (stamp.policy, stamp.signer) == (POLICY, "CN=Time authority")
    assert "Verification: OK" in authority.verify(stamp.token, MESSAGE)
    assert checked(stamp.token, MESSAGE, trust) == stamp
    assert "Verification: OK" not in authority.verify(stamp.token, MESSAGE + b"x")
    with pytest.raises(NotStamped, match="another document"):
        checked(stamp.token, MESSAGE + b"x", trust)


def test_the_configured_policy_is_asked_for_and_no_other_counts(authority: TimeAuthority, trust: TimeTrust) -> None:
    wanted = TimeTrust(trust.anchors, OTHER_POLICY)
    asked = question(MESSAGE, OTHER_POLICY)
    assert answered(asked, authority.reply(asked.octets), MESSAGE, wanted, clock.now()).policy == OTHER_POLICY
    unspoken = question(MESSAGE)
    with pytest.raises(NotStamped, match=f"policy {POLICY}, not {OTHER_POLICY}"):
        answered(unspoken, authority.reply(unspoken.octets), MESSAGE, wanted, clock.now())


def test_a_policy_that_the_authority_does_not_have_is_a_rejection(authority: TimeAuthority, trust: TimeTrust) -> None:
    asked = question(MESSAGE, "2.999.123456789")
    with pytest.raises(NotStamped, match=r"status: rejected: Requested policy is not supported"):
        answered(asked, authority.reply(asked.octets), MESSAGE, trust, clock.now())


def test_every_question_has_another_nonce() -> None:
    assert len({question(MESSAGE).nonce for _ in range(50)}) == 50


def test_an_answer_to_another_question_is_refused(authority: TimeAuthority, trust: TimeTrust) -> None:
    answer = authority.reply(question(MESSAGE).octets)
    with pytest.raises(NotStamped, match="nonce is another"):
        answered(question(MESSAGE), answer, MESSAGE, trust, clock.now())
    other = question(b"another checkpoint")
    with pytest.raises(NotStamped, match="imprint is another"):
        answered(other, authority.reply(other.octets), MESSAGE, trust, clock.now())


def test_an_honest_forgery_passes_so_the_others_fail_for_their_own_reason(
    authority: TimeAuthority, trust: TimeTrust
) -> None:
    stamp = forged(Forgery(authority.own), trust)
    assert "Verification: OK" in authority.verify(stamp.token, MESSAGE)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nonce": 5}, "nonce is another"),
        ({"imprint": b"\1" * 32}, "imprint is another"),
        ({"imprint": b"\1" * 20, "digest": "sha1"}, "imprint by 1.3.14.3.2.26, not SHA-256"),
        ({"status": "granted_with_mods"}, "status: granted with modifications"),
        ({"status": "rejection"}, "status: rejected"),
        ({"status": "waiting"}, "status: waiting"),
        ({"certificates": ()}, "without the authority's certificate"),
        ({"signed_with": "sha1"}, "signed with 1.3.14.3.2.26"),
        ({"referring": False}, "does not say by which certificate"),
    ],
    ids=lambda one: "+".join(one) if isinstance(one, dict) else "",
)
def test_a_wrong_answer_is_refused(
    authority: TimeAuthority, trust: TimeTrust, changes: dict[str, object], reason: str
) -> None:
    assert reason in refused(Forgery(authority.own, **changes), trust)


@pytest.mark.parametrize("away", [timedelta(hours=-1), timedelta(hours=1)], ids=["slow", "fast"])
def test_a_clock_that_is_an_hour_off_is_refused(authority: TimeAuthority, trust: TimeTrust, away: timedelta) -> None:
    assert "its time is" in refused(Forgery(authority.own, at=clock.now() + away), trust)


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        (lambda above: signer(above, ()), "not for time stamps alone"),
        (lambda above: signer(above, critical=False), "not for time stamps alone"),
        (lambda above: signer(above, (ExtendedKeyUsageOID.CODE_SIGNING,)), "not for time stamps alone"),
        (
            lambda above: signer(above, (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING)),
            "not for time stamps alone",
        ),
        (lambda above: signer(above, valid=(-9 * DAY, -2 * DAY)), "valid until"),
        (lambda above: signer(above, valid=(2 * DAY, 9 * DAY)), "valid from"),
        (lambda _above: signer(root()), "its certificate: "),
        (lambda above: signer(signer(above)), "its certificate: "),
    ],
    ids=["no purpose", "not critical", "other purpose", "two purposes", "expired", "early", "other root", "no CA"],
)
def test_a_certificate_that_is_no_time_authoritys_is_refused(
    authority: TimeAuthority, trust: TimeTrust, own: object, reason: str
) -> None:
    assert callable(own)
    made: Certificate = own(authority.root)
    assert reason in refused(Forgery(made), trust)


def test_a_signature_meant_for_another_certificate_is_refused(authority: TimeAuthority, trust: TimeTrust) -> None:
    forgery = Forgery(authority.own, reference=signer(authority.root))
    assert "meant for another certificate" in refused(forgery, trust)


def test_a_path_over_an_issuer_holds_with_the_issuer_in_the_token_or_among_the_anchors(trust: TimeTrust) -> None:
    top = root()
    issuer = root(top)
    own = signer(issuer)
    alone, both = TimeTrust.parse(top.pem), TimeTrust.parse(top.pem + issuer.pem)
    assert forged(Forgery(own, certificates=(own, issuer)), alone).signer == "CN=Time authority"
    assert forged(Forgery(own), both).signer == "CN=Time authority"
    assert "its certificate: " in refused(Forgery(own), alone)
    assert "its certificate: " in refused(Forgery(own, certificates=(own, issuer)), trust)


def test_an_old_token_holds_as_of_its_own_time(authority: TimeAuthority) -> None:
    above = root()
    past = signer(above, valid=(-DAY / 2, -DAY / 4))
    asked = question(MESSAGE)
    at = clock.now() - DAY / 3
    answer = Forgery(past, at=at).answer(asked.octets)
    trust = TimeTrust.parse(above.pem)
    stamp = answered(asked, answer, MESSAGE, trust, at)
    assert checked(stamp.token, MESSAGE, trust).at == at.replace(microsecond=0)


@pytest.mark.parametrize(
    "answer", [b"", b"<html>busy</html>", b"\0" * (10 * 1024 * 1024)], ids=["nothing", "HTML", "10 MB"]
)
def test_what_is_no_answer_is_refused(trust: TimeTrust, answer: bytes) -> None:
    with pytest.raises(NotStamped, match=rf"not a time-stamp response|more than {MOST_OCTETS} octets"):
        answered(question(MESSAGE), answer, MESSAGE, trust, clock.now())


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # of a certificate that the chance made so
def test_no_mutilated_token_does_anything_but_hold_or_be_refused(authority: TimeAuthority, trust: TimeTrust) -> None:
    asked, chance = question(MESSAGE), random.Random(7)
    answer, held = authority.reply(asked.octets), 0
    whole = answered(asked, answer, MESSAGE, trust, clock.now())
    for _ in range(1500):
        octets = bytearray(answer)
        octets[chance.randrange(len(octets))] = chance.randrange(256)
        octets = octets[: chance.choice((len(octets), chance.randrange(len(octets))))]
        try:
            stamp = answered(asked, bytes(octets), MESSAGE, trust, clock.now())
        except NotStamped:
            continue
        held += 1
        assert (stamp.at, stamp.policy) == (whole.at, whole.policy)
    assert held < 60


def test_octets_after_the_token_are_refused(authority: TimeAuthority, trust: TimeTrust) -> None:
    asked = question(MESSAGE)
    stamp = answered(asked, authority.reply(asked.octets), MESSAGE, trust, clock.now())
    with pytest.raises(NotStamped):
        checked(stamp.token + b"\0", MESSAGE, trust)


@pytest.mark.parametrize("octets", [b"\x30", b"\x30\x05\x01", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff"])
def test_der_that_is_cut_short_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match="cut short"):
        list(der.elements(octets))


def test_long_elements_are_written_as_they_are_read() -> None:
    for size in (0, 127, 128, 255, 256, 70_000):
        assert list(der.elements(der.element(der.SET, b"a" * size))) == [(der.SET, b"a" * size)]
