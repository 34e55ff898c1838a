"""Rehearsals: a challenge signed with an agency's next key before the day on which it has to work.

The challenge is a text that names hub, agency, certificate and time, so that its signature is good for nothing else.
"""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from sqlalchemy import insert, select, update

from hub import clock
from hub.audit import Entry, Event
from hub.ledger import certificates, exchange_log
from hub.ledger.certificates import Rehearsal
from hub.ledger.credential_tables import rehearsal
from hub.ledger.engine import Transaction
from hub.problems import Refused
from hub.signatures import rehearsing

LIFE = timedelta(hours=24)
MOST_TRIES = 20


def ask(transaction: Transaction, code: str, der: bytes, hub: str, actor: str) -> Rehearsal:
    """A challenge for the key of this certificate, good for 24 hours."""
    certificate = x509.load_der_x509_certificate(der)
    at, identifier = clock.now(), clock.new_id()
    sha256 = rehearsing.fingerprint(certificate)
    challenge = rehearsing.challenge(hub, identifier, code, sha256, clock.new_secret(), at + LIFE)
    made = Rehearsal(identifier, code, sha256, der, challenge, actor, at, at + LIFE, "waiting", 0, None, None)
    transaction.execute(insert(rehearsal).values({name: getattr(made, name) for name in made.__dataclass_fields__}))
    return made


def find(transaction: Transaction, identifier: str, *, lock: bool = False) -> Rehearsal | None:
    statement = select(rehearsal).where(rehearsal.c.id == identifier)
    row = transaction.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else Rehearsal(**row._mapping)


def answer(
    transaction: Transaction, identifier: str, signature: bytes, actor: str, codes: frozenset[str] | None
) -> str:
    """Judge a signature and record the outcome; the refusal's detail, empty when the key signs as it should.

    ``codes``: the agencies that the caller answers for; None: any. An outcome is recorded also when it is a failure.
    Raises ``Refused``: ``not-found``, ``rehearsal-over`` (passed before, too late, or tried too often).
    """
    known = find(transaction, identifier, lock=True)
    if known is None or (codes is not None and known.agency_code not in codes):
        raise Refused("not-found", identifier)
    at = clock.now()
    if known.state == "passed" or at >= known.expires_at or known.tries >= MOST_TRIES:
        raise Refused("rehearsal-over", known.state if at < known.expires_at else clock.rfc3339(known.expires_at))
    certificate = x509.load_der_x509_certificate(known.der)
    why = rehearsing.why_not(certificate, known.challenge, signature)
    state = "failed" if why else "passed"
    values = {"state": state, "tries": known.tries + 1, "answered_by": actor, "answered_at": at}
    transaction.execute(update(rehearsal).where(rehearsal.c.id == identifier).values(values))
    detail = {"rehearsal": identifier, "sha256": known.sha256, "outcome": state, "reason": why}
    entry = Entry(
        Event.CERTIFICATE_REHEARSED,
        at,
        actor=actor,
        agency_code=known.agency_code,
        code="rehearsal-failed" if why else "",
        detail=detail,
    )
    exchange_log.append(transaction, [entry])
    return why


def outcomes(transaction: Transaction, code: str) -> dict[str, Rehearsal]:
    """The newest rehearsal of each certificate of an agency, by the certificate's digest."""
    found: dict[str, Rehearsal] = {}
    for one in certificates.rehearsals(transaction, code):
        found.setdefault(one.sha256, one)
    return found
