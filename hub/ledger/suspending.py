"""Suspending: shutting a system or a certificate out at once, and letting it in again.

A suspended system gets no token, the tokens that it has stop working with the next revision of the registry, nothing is
handed over to it and letters to its agencies are refused (``recipient-suspended``). What was accepted for it waits. A
suspended certificate is withdrawn: it signs nothing; what it signed before keeps its verdict.
"""

from __future__ import annotations

from cryptography import x509
from sqlalchemy import select, update

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import agencies, exchange_log, registration, systems
from hub.ledger.engine import Transaction
from hub.ledger.tables import agency, agency_certificate, system
from hub.problems import Refused
from hub.registry.model import System


def suspend_system(transaction: Transaction, system_id: str, *, actor: str) -> System:
    """Raises ``Refused``: ``registry-unknown``, ``registry-conflict`` (it is suspended already)."""
    return _switch(transaction, system_id, Event.SYSTEM_SUSPENDED, actor, active=False)


def resume_system(transaction: Transaction, system_id: str, *, actor: str) -> System:
    """Raises ``Refused``: ``registry-unknown``, ``registry-conflict`` (it is not suspended)."""
    return _switch(transaction, system_id, Event.SYSTEM_RESUMED, actor, active=True)


def known_system(transaction: Transaction, system_id: str, *, active: bool) -> System:
    """A system that is (not) suspended now. Raises ``Refused``: ``registry-unknown``, ``registry-conflict``."""
    found = systems.by_id(transaction, system_id)
    if found is None:
        raise Refused("registry-unknown", system_id, "system")
    if found.active is not active:
        raise Refused("registry-conflict", found.name, "system")
    return found


def restore_certificate(transaction: Transaction, code: str, sha256: str, *, actor: str) -> None:
    """Let a withdrawn certificate sign again. Raises ``Refused('registry-unknown')``: there is none."""
    der = transaction.execute(
        select(agency_certificate.c.der).where(
            agency_certificate.c.sha256 == sha256,
            agency_certificate.c.agency_code == code,
            agency_certificate.c.withdrawn_at.is_not(None),
        )
    ).scalar_one_or_none()
    if der is None:
        raise Refused("registry-unknown", sha256, "certificate")
    registration.add_certificate(transaction, code, x509.load_der_x509_certificate(der), actor=actor)


def _switch(transaction: Transaction, system_id: str, kind: Event, actor: str, *, active: bool) -> System:
    revision = agencies.raise_revision(transaction)  # first, for its lock: two who suspend follow one another
    known = known_system(transaction, system_id, active=not active)
    transaction.execute(update(system).where(system.c.id == known.id).values(active=active))
    # the directory tells readers who keep a copy of it what has changed by the agency's own revision
    touched = update(agency).where(agency.c.system_id == known.id)
    transaction.execute(touched.values(revision=revision, changed_at=clock.now()))
    detail = {"system": known.id, "name": known.name}
    exchange_log.append(transaction, [Entry(kind, clock.now(), actor=actor, detail=detail)])
    return known
