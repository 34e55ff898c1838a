"""Second factors of people as they are kept: a sealed secret, the last step that was taken, recovery codes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, insert, or_, select, update

from hub.ledger.engine import Transaction
from hub.ledger.people_tables import recovery_code
from hub.ledger.tables import person


def secret(transaction: Transaction, person_id: str) -> tuple[bytes, int] | None:
    """The sealed secret and the time step of the last code that was taken (0: none); None without a second factor."""
    columns = select(person.c.factor_secret, person.c.factor_step).where(person.c.id == person_id)
    row = transaction.execute(columns).one_or_none()
    return None if row is None or row.factor_secret is None else (row.factor_secret, row.factor_step or 0)


def take_step(transaction: Transaction, person_id: str, step: int) -> bool:
    """Take the code of this time step; False when it or a later one was taken already (RFC 6238 §5.2)."""
    unused = or_(person.c.factor_step.is_(None), person.c.factor_step < step)
    statement = update(person).where(person.c.id == person_id, person.c.factor_secret.is_not(None), unused)
    return bool(transaction.execute(statement.values(factor_step=step)).rowcount)


def put(transaction: Transaction, person_id: str, sealed: bytes, step: int, codes: Iterable[str], at: datetime) -> None:
    """Set the second factor up, in place of an earlier one. ``codes``: digests of the recovery codes."""
    values = {"factor_secret": sealed, "factor_step": step, "factor_since": at}
    transaction.execute(update(person).where(person.c.id == person_id).values(values))
    put_codes(transaction, person_id, codes)


def remove(transaction: Transaction, person_id: str) -> None:
    values = {"factor_secret": None, "factor_step": None, "factor_since": None}
    transaction.execute(update(person).where(person.c.id == person_id).values(values))
    put_codes(transaction, person_id, ())


def put_codes(transaction: Transaction, person_id: str, codes: Iterable[str]) -> None:
    """New recovery codes in place of all earlier ones."""
    transaction.execute(delete(recovery_code).where(recovery_code.c.person_id == person_id))
    if rows := [{"person_id": person_id, "sha256": one} for one in codes]:
        transaction.execute(insert(recovery_code), rows)


def take_code(transaction: Transaction, person_id: str, sha256: str, at: datetime) -> bool:
    """Use a recovery code up; False when the person has no such code or it was used before."""
    mine = (recovery_code.c.person_id == person_id, recovery_code.c.sha256 == sha256)
    statement = update(recovery_code).where(*mine, recovery_code.c.used_at.is_(None)).values(used_at=at)
    return bool(transaction.execute(statement).rowcount)


def codes_left(transaction: Transaction, person_id: str) -> int:
    unused = recovery_code.c.used_at.is_(None)
    counted = select(func.count()).select_from(recovery_code).where(recovery_code.c.person_id == person_id, unused)
    return transaction.execute(counted).scalar_one()
