"""Second factors at the desk: offered, set up, asked for. What is kept of them: ``hub.ledger.second_factors``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.audit import Event
from hub.ledger import Transaction, person_acts, second_factors
from hub.ledger.people import Person
from hub.registry import second_factor
from hub.registry.second_factor import Drawing, Vault


@dataclass(frozen=True, slots=True)
class Offer:
    """What an authenticator program needs: the drawing to photograph, the secret to type, the address to follow."""

    drawing: Drawing
    secret: str
    address: str


class Factors:
    """Methods with a transaction write entries to the exchange log; no code and no secret is in them."""

    def __init__(self, vault: Vault, hub_name: str) -> None:
        self._vault = vault
        self._hub_name = hub_name

    def offered(self, person: Person) -> bytes:
        """A new secret, sealed, to be kept with the session until a code proves that the person has it."""
        return self._vault.seal(person.id, second_factor.new_secret())

    def shown(self, person: Person, sealed: bytes) -> Offer:
        secret = self._vault.unseal(person.id, sealed)
        address = second_factor.address(secret, person.login, self._hub_name)
        return Offer(second_factor.drawn(address), second_factor.in_fours(secret), address)

    def set_up(
        self, transaction: Transaction, person: Person, sealed: bytes, code: str, at: datetime
    ) -> list[str] | None:
        """Recovery codes, to be shown once; None when the code is not of the offered secret."""
        step = second_factor.step_of(self._vault.unseal(person.id, sealed), code, at, 0)
        if step is None:
            return None
        codes = second_factor.new_codes()
        second_factors.put(transaction, person.id, sealed, step, _digests(person, codes), at)
        person_acts.record(transaction, Event.FACTOR_SET, person, f"person:{person.login}")
        return codes

    def taken(self, transaction: Transaction, person: Person, code: str, at: datetime) -> str:
        """``totp`` or ``recovery``: how the code proved the person; empty when it did not. Each code works once."""
        if second_factor.is_recovery_code(code):
            digest = second_factor.code_digest(person.id, code)
            return "recovery" if second_factors.take_code(transaction, person.id, digest, at) else ""
        kept = second_factors.secret(transaction, person.id)
        if kept is None:
            return ""
        sealed, last = kept
        step = second_factor.step_of(self._vault.unseal(person.id, sealed), code, at, last)
        return "totp" if step is not None and second_factors.take_step(transaction, person.id, step) else ""

    def renewed(self, transaction: Transaction, person: Person) -> list[str]:
        """New recovery codes in place of the earlier ones, to be shown once."""
        codes = second_factor.new_codes()
        second_factors.put_codes(transaction, person.id, _digests(person, codes))
        person_acts.record(transaction, Event.CODES_RENEWED, person, f"person:{person.login}")
        return codes


def _digests(person: Person, codes: list[str]) -> list[str]:
    return [second_factor.code_digest(person.id, one) for one in codes]
