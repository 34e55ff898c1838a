"""Failures in a row at signing in, common to all processes: the next attempt waits, longer each time.

Counted for a login in two places: in each browser that has signed in with it before, and in all other browsers
together. Who guesses from elsewhere locks out others who come from elsewhere, not the official at the own desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.ledger.engine import Transaction
from hub.ledger.people_tables import login_failure

FREE_FAILURES = 5
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Keyed digests of the login and of the browser; an empty ``browser``: one that never signed in with it."""

    login: str
    browser: str = ""


def attempt(transaction: Transaction, place: Place, at: datetime) -> timedelta:
    """How long an attempt has to wait. Zero: it may be made, and counts as failed until ``take_back`` or ``forget``.

    It is counted first, so that many at once are not more than one after the other.
    """
    column = login_failure.c
    transaction.execute(delete(login_failure).where(column.failed_at < at - FORGOTTEN_AFTER))
    dialect = postgresql if transaction.dialect.name == "postgresql" else sqlite
    new = {"login_key": place.login, "browser_key": place.browser, "failures": 0, "failed_at": at}
    # changing nothing holds the row until the transaction ends
    held = (
        dialect.insert(login_failure)
        .values(new)
        .on_conflict_do_update(index_elements=["login_key", "browser_key"], set_={"failures": column.failures})
    )
    row = transaction.execute(held.returning(column.failures, column.failed_at)).one()
    wait = wait_after(row.failures, row.failed_at, at)
    if wait > timedelta():
        return wait
    counted = update(login_failure).where(*_at(place)).values(failures=row.failures + 1, failed_at=at)
    transaction.execute(counted)
    return timedelta()


def count(transaction: Transaction, place: Place) -> int:
    """Failures in a row, the attempt under way included."""
    return transaction.execute(select(login_failure.c.failures).where(*_at(place))).scalar_one_or_none() or 0


def wait_after(failures: int, failed_at: datetime, at: datetime) -> timedelta:
    """How long the next attempt still has to wait."""
    over = failures - FREE_FAILURES
    if over < 0:
        return timedelta()
    return max(timedelta(), failed_at + min(LONGEST_WAIT, FIRST_WAIT * (1 << min(over, 10))) - at)


def take_back(transaction: Transaction, place: Place) -> None:
    """The attempt was right so far, and there is a further step."""
    fewer = update(login_failure).where(*_at(place), login_failure.c.failures > 0)
    transaction.execute(fewer.values(failures=login_failure.c.failures - 1))


def forget(transaction: Transaction, place: Place) -> None:
    """The login succeeded here."""
    transaction.execute(delete(login_failure).where(*_at(place)))


def unlock(transaction: Transaction, login_key: str) -> None:
    """Whoever failed where: this login may be tried again everywhere."""
    transaction.execute(delete(login_failure).where(login_failure.c.login_key == login_key))


def waits(transaction: Transaction, login_keys: list[str], at: datetime) -> dict[str, timedelta]:
    """Of these logins, those that somebody has to wait for, and how long at most."""
    column = login_failure.c
    rows = transaction.execute(
        select(column.login_key, func.max(column.failures), func.max(column.failed_at))
        .where(column.login_key.in_(login_keys), column.failures >= FREE_FAILURES)
        .group_by(column.login_key, column.browser_key)
    )
    found: dict[str, timedelta] = {}
    for key, failures, failed_at in rows:
        wait = wait_after(failures, failed_at, at)
        if wait > timedelta():
            found[key] = max(wait, found.get(key, timedelta()))
    return found


def _at(place: Place) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (login_failure.c.login_key == place.login, login_failure.c.browser_key == place.browser)
