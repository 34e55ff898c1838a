"""Lists of decisions and of certificates, secrets and rehearsals, as both stores keep them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.sandbox.pki import Pki
from hub import clock
from hub.ledger import (
    Ledger,
    Transaction,
    agencies,
    certificates,
    credentials,
    decisions,
    people,
    registration,
    rehearsals,
    systems,
)
from hub.ledger.holds import Scope
from hub.problems import Refused
from hub.proposals import Proposals
from hub.proposals.certificates import packed
from hub.retention import holds as lifting
from hub.signatures import rehearsing

CODE, REASON = "H33.07", "đổi khóa"


@pytest.fixture
def pki(ledger: Ledger) -> Pki:
    """Of a registry with one agency that signs by a certificate which ends in twenty days."""
    made = Pki.create()
    ending = made.issue(CODE, "Sở Y tế", moment=clock.now() - timedelta(days=3 * 365 - 20))

    def register(transaction: Transaction) -> None:
        for login in ("asks", "decides"):
            people.add_person(transaction, login, login, ("administrator",), "-", None, clock.now())
        registration.add_anchor(transaction, made.root.certificate)
        registration.add_system(transaction, "so y te", "pull")
        registration.add_agency(transaction, CODE, "Sở Y tế", "so y te", certificate=ending.certificate)

    ledger.write_now(register)
    return made


def test_a_certificate_is_bound_when_two_people_want_it_and_only_if_it_is_still_believed(
    ledger: Ledger, pki: Pki
) -> None:
    known, following = Proposals(), pki.issue(CODE, "Sở Y tế")
    ders = tuple(one.public_bytes(Encoding.DER) for one in following.chain)
    asked = ledger.write_now(known.ask, "certificate.add", packed(CODE, ders), REASON, "asks")
    assert rehearsing.fingerprint(following.certificate) in dict(asked.shown)["Certificate"]
    ledger.write_now(known.confirm, asked.id, "decides")
    assert len(ledger.read_now(agencies.certificates, CODE)) == 2
    with pytest.raises(Refused, match="registry-conflict"):
        ledger.write_now(known.ask, "certificate.add", packed(CODE, ders), REASON, "asks")
    late = pki.issue(CODE, "Sở Y tế")
    ders = tuple(one.public_bytes(Encoding.DER) for one in late.chain)
    asked = ledger.write_now(known.ask, "certificate.add", packed(CODE, ders), REASON, "asks")
    pki.issuing.revoke(late.certificate)
    ledger.write_now(registration.add_list, pki.issuing.crl())
    with pytest.raises(Refused, match="certificate-revoked"):
        ledger.write_now(known.confirm, asked.id, "decides")
    view = ledger.read_now(known.view, asked.id)
    assert view.hindrance is not None
    assert view.hindrance.code == "certificate-revoked"
    ledger.write_now(known.decline, asked.id, "asks")
    for wrong, code in (({}, "request-invalid"), (packed("nobody", ders), "registry-unknown")):
        with pytest.raises(Refused, match=code):
            ledger.write_now(known.ask, "certificate.add", wrong, REASON, "asks")
    with pytest.raises(Refused, match="not base64"):
        ledger.write_now(known.ask, "certificate.add", {"agency": CODE, "certificate": "%"}, REASON, "asks")


def test_all_that_waits_and_all_that_is_over_are_one_list_each(ledger: Ledger, pki: Pki) -> None:
    sha256 = ledger.read_now(agencies.certificates, CODE)[0].sha256
    known, arguments = Proposals(), {"agency": CODE, "certificate": sha256}
    asked = ledger.write_now(known.ask, "certificate.withdraw", arguments, REASON, "asks")
    hold, _reached = ledger.write_now(lifting.place, Scope(sender="H33"), "Thanh tra", "asks")
    ledger.write_now(lifting.lift, hold, "asks", "xong")
    assert [one.source for one in ledger.read_now(decisions.waiting)] == ["proposal", "hold"]
    assert ledger.read_now(decisions.number_waiting) == 2
    assert ledger.read_now(decisions.decided) == []
    ledger.write_now(known.confirm, asked.id, "decides")
    ledger.write_now(lifting.lift, hold, "decides")
    both = ledger.read_now(decisions.decided)
    assert [(one.source, one.decided_by) for one in both] == [("hold", "decides"), ("proposal", "decides")]
    [first] = ledger.read_now(decisions.decided, None, 1)
    assert first.ended_at is not None
    [second] = ledger.read_now(decisions.decided, (first.ended_at, first.id), 1)
    assert (first.id, second.id) == (hold, asked.id)
    assert ledger.read_now(certificates.ending) == [], "it was taken away"


def test_certificates_come_by_their_end_page_by_page(ledger: Ledger, pki: Pki) -> None:
    now = clock.now()
    ledger.write_now(registration.add_certificate, CODE, pki.issue(CODE, "Sở Y tế").certificate)
    soon, later = ledger.read_now(certificates.ending)
    assert (soon.others, later.others) == (1, 0)
    place = (soon.not_after, soon.sha256, soon.agency_code)
    assert ledger.read_now(certificates.ending, None, None, place) == [later]
    assert ledger.read_now(certificates.ending, now, now + certificates.SOON) == [soon]
    assert ledger.read_now(certificates.ending, None, now) == []
    assert ledger.read_now(certificates.steps, now) == {30: 1}
    assert ledger.read_now(certificates.steps, now + timedelta(days=15)) == {7: 1}


def test_secrets_and_rehearsals_end_in_their_time(ledger: Ledger, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    rotated = ledger.write_now(credentials.rotate, "so y te", timedelta(hours=1), actor="person:asks")
    known = ledger.read_now(systems.by_client, rotated.client_id)
    assert known is not None
    [former] = ledger.read_now(credentials.former, known.id, clock.now())
    assert known.former == (former,)
    der = pki.issue(CODE, "Sở Y tế").certificate.public_bytes(Encoding.DER)
    one = ledger.write_now(rehearsals.ask, CODE, der, "hub.test", "person:asks")
    assert ledger.write_now(rehearsals.answer, one.id, b"no", "person:asks", None) != ""
    later = clock.now() + timedelta(hours=24)
    monkeypatch.setattr("hub.clock.now", lambda: later)
    with pytest.raises(Refused, match="rehearsal-over"):
        ledger.write_now(rehearsals.answer, one.id, b"no", "person:asks", None)
    ended = ledger.read_now(systems.by_client, rotated.client_id)
    assert ended is not None
    assert ended.former == ()
    assert ledger.write_now(credentials.end_former, "so y te") == 0
