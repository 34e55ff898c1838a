"""Certificates on the pages: what ends next, a new one judged and bound by two people, its key rehearsed; secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from adapters.sandbox.pki import Flaw
from hub.audit import Event
from hub.ledger import agencies, registration, systems
from hub.registry.model import is_secret_of
from hub.signatures import rehearsing
from tests.dashboard.conftest import Reader, Site
from tests.dashboard.test_accessibility import wrong
from tests.dashboard.test_decisions import kinds_of
from tests.dashboard.two_people import Desk, desk_in
from tests.intake.register import Register

pytestmark = pytest.mark.services

OF_AGENCY = "/agencies/H33.07/certificates"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_in(tmp_path_factory.mktemp("certificates")) as made:
        yield made


def looked_at(client: httpx.Client, content: bytes, *, pasted: bool = False) -> httpx.Response:
    if pasted:
        return client.post(f"{OF_AGENCY}/check", files={"certificate_text": (None, content)})
    return client.post(f"{OF_AGENCY}/check", files={"certificate": ("moi.pem", content)})


def proposed(client: httpx.Client, page: httpx.Response) -> str:
    """The proposal made from a page that judged a certificate well; its address."""
    sealed = re.search(r'name="certificates" value="([^"]+)"', page.text)
    assert sealed is not None
    asked = client.post(OF_AGENCY, data={"certificates": sealed[1], "reason": "đổi khóa năm 2027"})
    assert asked.status_code == 303, asked.text
    return asked.headers["location"]


def test_what_ends_next_stands_first_and_what_has_ended_is_a_list_of_its_own(desk: Desk) -> None:
    soon = desk["truc"].get("/certificates").text
    assert "Within 30 days" in soon
    assert "Sở Y tế" in soon
    assert "none yet" in soon
    assert "Sở Tài chính" not in soon
    ended = desk["truc"].get("/certificates?show=expired").text
    assert "Ended, and still bound to the agency" in ended
    assert "Sở Tài chính" in ended
    every = desk["truc"].get("/certificates?show=all").text
    assert every.index("Sở Tài chính") < every.index("Sở Y tế") < every.index("An Phú")
    following = desk["truc"].get("/certificates", params={"show": "all", "after": after(desk, "H33.07")}).text
    assert "An Phú" in following
    assert "Sở Y tế" not in following


def after(desk: Desk, code: str) -> str:
    [held] = [one for one in desk.ledger.read_now(agencies.certificates, code) if one.withdrawn_at is None]
    return f"{held.not_after.isoformat()}|{held.sha256}|{code}"


def test_a_certificate_is_judged_bound_by_two_people_and_its_key_rehearsed_before(desk: Desk) -> None:
    one, two = desk["quan"], desk["tri"]
    following = desk.pki.issue("H33.07", "Sở Y tế", key="rsa2048")
    page = looked_at(one, following.chain_pem)
    assert "Leads to a trusted authority" in page.text
    assert "Both can sign from" in page.text
    assert "RSA 2048" in page.text
    decision = proposed(one, page)
    sha256 = rehearsing.fingerprint(following.certificate)
    shown = one.get(decision).text
    assert sha256 in shown
    assert "From then on the hub accepts what the agency signs with this key" in shown
    assert one.post(f"{decision}/confirm").status_code == 403

    asked = one.post(f"{OF_AGENCY}/{sha256}/rehearse")
    address = asked.headers["location"]
    text = one.get(f"{address}/challenge").text
    assert rehearsing.fields(text)["certificate"] == sha256
    other = desk.pki.issue("H33.07", "Sở Y tế", key="rsa2048")
    elsewhere = text.replace(sha256, rehearsing.fingerprint(other.certificate))
    failed = one.post(address, files={"signature": ("sig", rehearsing.sign(elsewhere, other.key, other.certificate))})
    assert failed.status_code == 422
    assert "not made over this text" in failed.text
    right = rehearsing.sign(text, following.key, following.certificate)
    assert one.post(address, files={"signature": ("sig", right)}).status_code == 303
    assert "the agency can change to it" in one.get(address).text
    assert one.post(address, files={"signature": ("sig", right)}).status_code == 409
    assert "Rehearsed" in desk["truc"].get(OF_AGENCY).text

    assert two.post(f"{decision}/confirm").status_code == 303
    assert sha256 in {item.sha256 for item in desk.ledger.read_now(agencies.certificates, "H33.07")}
    assert "that ends later" in one.get("/certificates").text
    assert "signs with this certificate already" in looked_at(one, following.chain_pem, pasted=True).text
    assert kinds_of(desk.ledger, "registry.rehearsed") == [Event.CERTIFICATE_REHEARSED] * 2
    rehearsal = one.post(f"{OF_AGENCY}/{'0' * 64}/rehearse")
    assert rehearsal.status_code == 404


def test_a_certificate_that_would_not_be_believed_names_the_rule(desk: Desk) -> None:
    client = desk["quan"]
    for flaw, said in ((Flaw.OTHER_CA, "Rule:"), (Flaw.WEAK_KEY, "RSA, 1024 bits"), (Flaw.CA_LEAF, "CA flag")):
        page = looked_at(client, desk.pki.issue("H33.07", "Sở Y tế", flaw=flaw).chain_pem)
        assert said in page.text, flaw
        assert 'name="certificates"' not in page.text, "it cannot be proposed"
    revoked = desk.pki.issue("H33.07", "Sở Y tế")
    desk.pki.issuing.revoke(revoked.certificate)
    desk.ledger.write_now(registration.add_list, desk.pki.issuing.crl())
    assert "on a list of its issuer" in looked_at(client, revoked.chain_pem).text
    key = looked_at(client, desk.identities["H33.07"].key_pem)
    assert key.status_code == 422
    assert "a private key is in the file" in key.text
    assert looked_at(client, b"not a certificate").status_code == 422
    assert looked_at(client, b"").status_code == 400
    later = looked_at(client, desk.pki.issue("H33.07", "Sở Y tế", flaw=Flaw.NOT_YET_VALID).chain_pem, pasted=True)
    assert "Valid from" in later.text
    assert 'name="certificates"' in later.text, "it is registered before it is needed"


def test_taking_a_certificate_away_says_what_is_left_and_takes_two(desk: Desk) -> None:
    sha256 = rehearsing.fingerprint(desk.identities["H33.12"].certificate)
    address = f"/agencies/H33.12/certificates/{sha256}/withdraw"
    assert desk["quan"].post(address, data={"reason": " "}).status_code == 422
    asked = desk["quan"].post(address, data={"reason": "hết hạn"})
    assert "What the agency signs with then" in desk["tri"].get(asked.headers["location"]).text
    assert desk["tri"].post(asked.headers["location"] + "/confirm").status_code == 303
    [held] = desk.ledger.read_now(agencies.certificates, "H33.12")
    assert held.withdrawn_at is not None
    assert "Withdrawn" in desk["tri"].get("/agencies/H33.12/certificates").text


def test_a_secret_is_shown_once_and_the_one_before_counts_until_it_is_ended(desk: Desk) -> None:
    client, address = desk["quan"], "/systems/system-soyte/credentials"
    seen = re.search(r'name="seen" value="([^"]+)"', client.get(address).text)
    assert seen is not None
    form = {"overlap": "24", "seen": seen[1]}
    page = client.post(address, data=form)
    assert page.headers["cache-control"] == "no-store"
    secret = re.search(r'<code class="doc breakable secret">([^<]+)<', page.text)
    assert secret is not None
    assert secret[1] not in client.get(address).text
    again = client.post(address, data=form)
    assert again.status_code == 409, "the form sent twice makes one secret"
    known = desk.ledger.read_now(systems.by_client, "soyte")
    assert known is not None
    now = known.former[0].ends_at
    assert [is_secret_of(known, one, now) for one in (secret[1], "soyte", "x")] == [True, False, False]
    assert client.post(f"{address}/end").status_code == 303
    ended = desk.ledger.read_now(systems.by_client, "soyte")
    assert ended is not None
    assert ended.former == ()
    assert kinds_of(desk.ledger, "registry.credential") == [Event.CREDENTIAL_ROTATED, Event.CREDENTIAL_ENDED]
    assert client.post(address, data={"overlap": "1000"}).status_code == 422
    assert desk["truc"].get(address).status_code == 403


@pytest.mark.parametrize(("width", "theme", "language"), [(320, "dark", "vi"), (1280, "light", "en")])
def test_the_pages_are_whole_for_everybody(
    desk: Desk, read: Callable[..., Reader], width: int, theme: str, language: str
) -> None:
    register = Register()
    site = Site(desk.address, desk.ledger, {}, register, desk.identities["H33.07"])
    reader = read(site, width=width, theme=theme, language=language, script=False)
    token = desk["quan"].cookies["lienthong-session"]
    reader.page.context.add_cookies([{"name": "lienthong-session", "value": token, "url": desk.address}])
    asked = desk["quan"].post(f"{OF_AGENCY}/{rehearsing.fingerprint(desk.identities['H33.07'].certificate)}/rehearse")
    paths = ("/certificates?show=all", OF_AGENCY, asked.headers["location"], "/systems/system-anphu/credentials")
    for path in (*paths, "/decisions"):
        page = reader.open(path)
        assert wrong(page) == {}, path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    reader.open(OF_AGENCY)
    reader.page.fill("#certificate_text", desk.pki.issue("H33.07", "Sở Y tế").chain_pem.decode())
    reader.follow(".upload .button-main")
    assert wrong(reader.page) == {}
    assert reader.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert reader.complaints == []
