"""Codes by time, sealed secrets, and which passwords may be chosen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from hub import clock
from hub.problems import Misconfigured, Refused
from hub.registry import second_factor
from hub.registry.passwords import check_password
from hub.signatures.keys.derivation import Derivation

AT = datetime(2026, 11, 20, 7, tzinfo=UTC)


@pytest.mark.parametrize(("drift", "works"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_telephones_clock_may_be_one_step_off(drift: int, works: bool) -> None:
    secret = second_factor.new_secret()
    code = pyotp.TOTP(secret).at(AT + timedelta(seconds=drift))
    assert (second_factor.step_of(secret, code, AT, 0) is not None) is works


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, the last six of its eight digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037")):
        at = clock.parse_rfc3339("1970-01-01T00:00:00Z") + timedelta(seconds=seconds)
        assert second_factor.step_of(secret, code, at, 0) == seconds // 30
        assert second_factor.step_of(secret, code, at, seconds // 30) is None


def test_a_sealed_secret_opens_for_its_person_and_its_hub_only() -> None:
    vault, other = second_factor.Vault(Derivation(bytes(32))), second_factor.Vault(Derivation(bytes(31) + b"x"))
    sealed = vault.seal("one", "SECRET")
    assert vault.unseal("one", sealed) == "SECRET"
    for opener, person in ((vault, "two"), (other, "one")):
        with pytest.raises(Misconfigured):
            opener.unseal(person, sealed)


@pytest.mark.parametrize(
    "password", ["ngắn quá", "aaaaaaaaaaaa", "Mật khẩu 12345", "654321uahktam", "truc12345678", "x" * 201]
)
def test_easy_passwords_are_called_password_weak(password: str) -> None:
    with pytest.raises(Refused) as error:
        check_password(password, "truc")
    assert error.value.code == "password-weak"


@pytest.mark.parametrize("password", ["con thuyền nhỏ trên sông", "mái đình cũ giữa làng", "trucvaotim9hatcai"])
def test_sentences_are_taken_as_passwords(password: str) -> None:
    check_password(password, "truc")
