"""What an ID token must be: signed by the provider's key, in a named algorithm, for this hub, now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from adapters.oidc.id_token import UnknownKey, WrongToken, judge
from tests.openid.tokens import Key, encoded, jwk, keyed, token, unsigned

ISSUER, CLIENT, NONCE = "https://id.example/realm", "hub", "n-1"
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
KEYS: dict[str, Key] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
PUBLIC = [jwk(key, name) for name, key in KEYS.items()]
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": CLIENT, "exp": AT + 300, "iat": AT, "nonce": NONCE, "sub": "s-1",
}  # fmt: skip


def judged(made: str, keys: list[Any] = PUBLIC) -> Any:
    return judge(made, keys, ISSUER, CLIENT, NONCE, NOW)


def made(name: str = "ES256", **changes: Any) -> str:
    given = {**CLAIMS, **changes}
    return token(KEYS[name], name, {key: value for key, value in given.items() if value is not None})


@pytest.mark.parametrize("name", KEYS)
def test_a_token_in_each_named_algorithm_says_who_it_is(name: str) -> None:
    found = judged(made(name, email="a@tinh.example", email_verified=True))
    assert (found.issuer, found.subject, found.email, found.second_factor) == (ISSUER, "s-1", "a@tinh.example", False)


def test_an_address_counts_only_when_the_provider_verified_it() -> None:
    for verified in (None, False, "true", 1):
        assert judged(made(email="a@tinh.example", email_verified=verified)).email == ""


@pytest.mark.parametrize(
    ("claims", "both"),
    [
        ({"amr": ["mfa"]}, True),
        ({"amr": ["pwd", "otp"]}, True),
        ({"amr": ["pin", "sc"]}, True),
        ({"acr": "https://refeds.org/profile/mfa"}, True),
        ({"amr": ["pwd"]}, False),
        ({"amr": ["otp"]}, False),
        ({"amr": "mfa"}, False),
        ({"amr": [["mfa"]], "acr": "1"}, False),
    ],
)
def test_a_second_factor_is_what_the_provider_names_as_one(claims: dict[str, Any], both: bool) -> None:
    assert judged(made(**claims)).second_factor is both


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": f"{ISSUER}/"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "other"},
    "another audience in a list": {"aud": ["other"]},
    "no audience": {"aud": None},
    "a list as a text": {"aud": f"{CLIENT} other"},
    "several audiences without a party": {"aud": [CLIENT, "other"]},
    "another party": {"azp": "other"},
    "expired": {"exp": AT - 61},
    "no end": {"exp": None},
    "an end that is no number": {"exp": str(AT + 300)},
    "an end that is true": {"exp": True},
    "issued long ago": {"iat": AT - 601},
    "issued in the future": {"iat": AT + 61},
    "not yet": {"nbf": AT + 61},
    "another nonce": {"nonce": "n-2"},
    "no nonce": {"nonce": None},
    "a nonce that is no text": {"nonce": [NONCE]},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a long subject": {"sub": "s" * 256},
    "a subject that is no text": {"sub": 1},
}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS)
def test_a_token_with_a_wrong_claim_proves_nothing(wrong: str) -> None:
    with pytest.raises(WrongToken):
        judged(made(**WRONG_CLAIMS[wrong]))


def test_several_audiences_are_right_with_this_hub_as_the_party() -> None:
    assert judged(made(aud=[CLIENT, "other"], azp=CLIENT)).subject == "s-1"


STRANGER = ec.generate_private_key(ec.SECP256R1())


def flipped(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


FORGERIES: dict[str, Callable[[], str]] = {
    "no signature": lambda: unsigned(CLAIMS),
    "no signature, in capitals": lambda: token(KEYS["ES256"], "ES256", CLAIMS, alg="NONE"),
    "the public key as a secret": lambda: keyed(KEYS["RS256"], "RS256", CLAIMS),
    "another algorithm of the same key": lambda: token(KEYS["RS256"], "RS256", CLAIMS, alg="PS256"),
    "another algorithm of another key": lambda: token(KEYS["RS256"], "ES256", CLAIMS, alg="ES256"),
    "a stranger's key under a known name": lambda: token(STRANGER, "ES256", CLAIMS),
    "a stranger's key in the token": lambda: token(STRANGER, "ES256", CLAIMS, jwk=jwk(STRANGER, "ES256")),
    "a header that must be understood": lambda: token(KEYS["ES256"], "ES256", CLAIMS, crit=["b64"], b64=True),
    "an algorithm that is no text": lambda: token(KEYS["ES256"], "ES256", CLAIMS, alg=["ES256"]),
    "a changed signature": lambda: flipped(made(), -10),
    "a changed claim": lambda: flipped(made(), made().index(".") + 20),
    "the signature cut off": lambda: made().rpartition(".")[0] + ".",
    "two parts": lambda: made().rpartition(".")[0],
    "nothing": lambda: "",
    "no JSON": lambda: f"{encoded(b'{')}.{encoded(b'{}')}.{encoded(b'x')}",
    "deep JSON": lambda: f"{encoded(b'[' * 20_000)}.{encoded(b'{}')}.",
    "letters beyond ASCII": lambda: "é.é.é",
    "long": lambda: made(padding="x" * 40_000),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_proves_nothing(forgery: str) -> None:
    with pytest.raises(WrongToken):
        judged(FORGERIES[forgery]())


def test_claims_that_are_no_object_prove_nothing() -> None:
    with pytest.raises(WrongToken):
        judged(token(KEYS["ES256"], "ES256", [CLAIMS]))  # type: ignore[arg-type]  # that is the point of it


def test_a_key_that_is_not_there_or_not_for_signing_is_unknown() -> None:
    with pytest.raises(UnknownKey):
        judged(token(KEYS["ES256"], "gone", CLAIMS))
    with pytest.raises(UnknownKey):
        judged(made(), [jwk(KEYS["ES256"], "ES256", use="enc"), "rubbish", None])


def test_a_short_rsa_key_is_no_key() -> None:
    short = rsa.generate_private_key(65537, 1024)
    with pytest.raises(WrongToken, match="1024"):
        judged(token(short, "short", CLAIMS), [jwk(short, "short")])
