"""Hostile providers, hostile ways back: nobody gets in, and nothing is used that was used before."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hub.problems import CATALOGUE
from tests.openid.conftest import Door, parameters
from tests.openid.provider import CLIENT, Make, Provider
from tests.openid.tokens import keyed, token, unsigned

STRANGER = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="package")
def _known(_door: Door) -> None:
    _door.person("biet")
    _door.entered("biet", subject="account-1")


@pytest.fixture
def known(door: Door, _known: None) -> Door:
    """The account of the provider is a person's here, so that only what is hostile stands in the way."""
    return door


def lying(**changes: object) -> Callable[[Provider], None]:
    return lambda provider: provider.changes.update(changes)


def making(make: Make) -> Callable[[Provider], None]:
    return lambda provider: setattr(provider, "make", make)


LIES: dict[str, Callable[[Provider], None]] = {
    "another nonce": lying(nonce="n"),
    "another audience": lying(aud="other"),
    "another audience beside this one": lying(aud=[CLIENT, "other"], azp="other"),
    "another issuer": lying(iss="https://id.example"),
    "expired": lying(exp=1_700_000_000),
    "issued yesterday": lying(iat=1_700_000_000),
    "no subject": lying(sub=None),
    "no signature": making(lambda provider, claims: unsigned(claims)),
    "the public key as a secret": making(lambda provider, claims: keyed(provider.key, provider.kid, claims)),
    "a stranger's key": making(lambda provider, claims: token(STRANGER, provider.kid, claims)),
    "no token": making(lambda provider, claims: ""),
    "another issuer on the way back": lambda provider: setattr(provider, "answers_as", "https://id.example"),
    "no issuer on the way back, but promised": lambda provider: provider.described.update(
        authorization_response_iss_parameter_supported=True
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_does_not_fit_opens_nothing(known: Door, lie: str) -> None:
    LIES[lie](known.provider)
    browser = known.browser()
    before = len(known.entries("person.login"))
    answer = known.sign_in(browser)
    assert (answer.status_code, CATALOGUE["openid-refused"].title_vi in answer.text) == (403, True)
    assert browser.get("/log").status_code == 303
    assert len(known.entries("person.login")) == before


def test_the_same_without_a_lie_opens_the_door(known: Door) -> None:
    known.provider.answers_as = known.provider.url
    known.provider.described["authorization_response_iss_parameter_supported"] = True
    assert known.sign_in(known.browser()).status_code == 303


def test_a_way_back_is_gone_once(known: Door) -> None:
    browser = known.browser()
    held = dict(browser.cookies)
    back = known.agree(known.leave(browser))
    held = dict(browser.cookies)
    assert browser.get(back).status_code == 303
    redeemed = known.provider.asked.count("/token")
    again = known.browser()
    again.cookies.update(held)
    assert again.get(back).status_code == 403
    assert known.provider.asked.count("/token") == redeemed, "the code was not even shown"


def test_an_old_code_under_a_new_state_is_refused_by_its_challenge(known: Door) -> None:
    victim, thief = known.browser(), known.browser()
    code = parameters(known.agree(known.leave(victim)))["code"]
    state = parameters(known.agree(known.leave(thief)))["state"]
    answer = thief.get(f"/login/openid/back?{urlencode({'code': code, 'state': state})}")
    assert answer.status_code == 403
    assert thief.get("/log").status_code == 303


def test_a_way_back_that_another_browser_left_by_opens_nothing(known: Door) -> None:
    """Whoever is made to open somebody's way back would be signed in as that person (RFC 6749 §10.12)."""
    back = known.agree(known.leave(known.browser()))
    for other in (known.browser(), known.browser()):
        known.leave(other)
        assert other.get(back).status_code == 403
    assert known.browser().get(back).status_code == 403, "without a cookie"


def test_a_changed_state_and_a_way_back_without_code_open_nothing(known: Door) -> None:
    browser = known.browser()
    given = parameters(known.agree(known.leave(browser)))
    changes: list[dict[str, str]] = [{"state": given["state"][::-1]}, {"state": ""}, {"state": "é"}, {"code": ""}]
    for changed in changes:
        answer = browser.get(f"/login/openid/back?{urlencode({**given, **changed})}")
        assert answer.status_code == 403
    denied = urlencode({"error": "access_denied", "state": parameters(known.leave(browser))["state"]})
    assert browser.get(f"/login/openid/back?{denied}").status_code == 403
    assert browser.get("/log").status_code == 303


def test_a_description_of_somebody_else_or_with_odd_addresses_is_not_used(known: Door) -> None:
    for described in ({"issuer": "https://id.example"}, {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": None}):
        known.provider.described = dict(described)
        known.line.renew()
        assert known.browser().get("/login/openid").status_code == 503
