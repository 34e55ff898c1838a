"""Who may send: an agency that is registered, active, and served by the system that calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.sandbox.pki import Identity
from hub.registry.model import Agency
from tests.intake.register import Register, signed_letter

SENDER, RECIPIENT = "H33.02", "H33.90"


@pytest.fixture
def register() -> Register:
    register = Register()
    register.agency(RECIPIENT)
    return register


@pytest.fixture
def sender(register: Register) -> Identity:
    return register.identity(SENDER)


async def change(register: Register, **changes: object) -> None:
    agency: Agency = register.known[SENDER]
    register.known[SENDER] = replace(agency, **changes)  # type: ignore[arg-type]  # fields by their names
    register.changes += 1
    await register.directory.refresh(now=True)


async def test_a_suspended_agency_sends_nothing_until_it_is_readmitted(register: Register, sender: Identity) -> None:
    letter = signed_letter(sender, RECIPIENT)
    await change(register, active=False)
    assert await register.codes(letter, SENDER) == ["sender-suspended"]
    await change(register, active=True)
    assert await register.codes(letter, SENDER) == []


async def test_a_suspended_agency_of_another_system_is_no_news_to_who_is_not_its_system(
    register: Register, sender: Identity
) -> None:
    register.agency("H33.03")
    letter = signed_letter(sender, RECIPIENT)
    await change(register, active=False)
    assert await register.codes(letter, "H33.03") == ["sender-not-served"]
