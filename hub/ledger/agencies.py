"""Agencies, their aliases and certificates. Every change raises the registry's revision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import and_, func, insert, or_, select, text, tuple_, union_all, update

from hub.language.folding import words_of
from hub.ledger.engine import Transaction
from hub.ledger.finding import search_text
from hub.ledger.tables import agency, agency_alias, agency_certificate, registry_revision, system
from hub.problems import Refused
from hub.registry.model import Agency

# one statement's parameters stay well below SQLite's limit of 32,766
LOOK_UP = 5000


def revision(transaction: Transaction) -> int:
    """The registry's revision; 0 before the first change."""
    return transaction.execute(select(registry_revision.c.revision)).scalar_one_or_none() or 0


def raise_revision(transaction: Transaction) -> int:
    """The next revision, in the caller's transaction. The row's lock puts changes of the registry in order."""
    raising = (
        update(registry_revision)
        .values(revision=registry_revision.c.revision + 1)
        .returning(registry_revision.c.revision)
    )
    raised: int | None = transaction.execute(raising).scalar_one_or_none()
    if raised is None:
        transaction.execute(text("INSERT INTO registry_revision (id, revision) VALUES (1, 0) ON CONFLICT DO NOTHING"))
        raised = transaction.execute(raising).scalar_one()
    return raised


def find(transaction: Transaction, codes: Sequence[str]) -> dict[str, Agency]:
    """Agencies by the code or alias asked for; unknown ones are absent."""
    found: dict[str, Agency] = {}
    for start in range(0, len(codes), LOOK_UP):
        part = list(codes[start : start + LOOK_UP])
        asked = union_all(
            select(agency.c.code.label("asked"), agency.c.code).where(agency.c.code.in_(part)),
            select(agency_alias.c.alias.label("asked"), agency_alias.c.code).where(agency_alias.c.alias.in_(part)),
        ).subquery("asked")
        rows = transaction.execute(
            select(
                asked.c.asked,
                agency.c.code,
                agency.c.name,
                agency.c.system_id,
                system.c.channel,
                and_(agency.c.active, system.c.active).label("active"),
                system.c.inline_only,
            )
            .join(agency, agency.c.code == asked.c.code)
            .join(system, system.c.id == agency.c.system_id)
        )
        for row in rows:
            found[row.asked] = Agency(
                row.code, row.name, row.system_id, row.channel, bool(row.active), bool(row.inline_only)
            )
    return found


def holders(transaction: Transaction, sha256: str) -> frozenset[str]:
    """Codes of the agencies for which this certificate is registered and not withdrawn."""
    rows = transaction.execute(
        select(agency_certificate.c.agency_code).where(
            agency_certificate.c.sha256 == sha256, agency_certificate.c.withdrawn_at.is_(None)
        )
    )
    return frozenset(rows.scalars())


@dataclass(frozen=True, slots=True)
class NewAgency:
    """An agency to register. ``code`` and aliases are compared octet for octet."""

    code: str
    name: str
    system_id: str
    parent_code: str | None = None
    aliases: tuple[str, ...] = ()
    active: bool = True


def add(transaction: Transaction, new: NewAgency, at: datetime, revision: int | None = None) -> None:
    """Register an agency. Raises ``Refused``: ``registry-conflict``, ``registry-unknown``.

    ``revision``: what ``raise_revision`` answered in this transaction, for many agencies at once.
    """
    # first, for its lock: who registers the same identifier at the same moment must see this one
    number = raise_revision(transaction) if revision is None else revision
    asked = [new.code, *new.aliases]
    known = find(transaction, asked)
    for place, code in enumerate(asked):
        if code in known or code in asked[:place]:
            raise Refused("registry-conflict", code, "code")
    level = 1
    if new.parent_code is not None:
        parent = transaction.execute(
            select(agency.c.level).where(agency.c.code == new.parent_code)
        ).scalar_one_or_none()
        if parent is None:
            raise Refused("registry-unknown", new.parent_code, "parent")
        level = parent + 1
    transaction.execute(
        insert(agency).values(
            code=new.code,
            name=new.name,
            system_id=new.system_id,
            parent_code=new.parent_code,
            level=level,
            active=new.active,
            changed_at=at,
            revision=number,
            search=search_text(new.code, new.name, new.aliases),
        )
    )
    for alias in new.aliases:
        transaction.execute(insert(agency_alias).values(alias=alias, code=new.code, added_at=at))


def add_certificate(transaction: Transaction, code: str, certificate: x509.Certificate, at: datetime) -> str:
    """Register a certificate for an agency; overlap with older ones is what a rollover needs. Returns its SHA-256."""
    sha256 = certificate.fingerprint(hashes.SHA256()).hex()
    chosen = (agency_certificate.c.sha256 == sha256) & (agency_certificate.c.agency_code == code)
    known = transaction.execute(select(agency_certificate.c.withdrawn_at).where(chosen)).one_or_none()
    if known is not None and known.withdrawn_at is not None:
        transaction.execute(update(agency_certificate).where(chosen).values(withdrawn_at=None, added_at=at))
        raise_revision(transaction)
    if known is None:
        transaction.execute(
            insert(agency_certificate).values(
                sha256=sha256,
                agency_code=code,
                der=certificate.public_bytes(Encoding.DER),
                subject=certificate.subject.rfc4514_string(),
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
                added_at=at,
            )
        )
        raise_revision(transaction)
    return sha256


@dataclass(frozen=True, slots=True)
class HeldCertificate:
    """A certificate registered for an agency; several overlap while the agency changes its key."""

    sha256: str
    subject: str
    not_before: datetime
    not_after: datetime
    withdrawn_at: datetime | None


def certificates(transaction: Transaction, code: str) -> list[HeldCertificate]:
    """Every certificate that was ever registered for an agency, the youngest first."""
    table = agency_certificate.c
    rows = transaction.execute(
        select(table.sha256, table.subject, table.not_before, table.not_after, table.withdrawn_at)
        .where(table.agency_code == code)
        .order_by(table.not_before.desc(), table.sha256)
    )
    return [HeldCertificate(*row) for row in rows]


def withdraw_certificate(transaction: Transaction, code: str, sha256: str, at: datetime) -> bool:
    """End the binding of a certificate to an agency; the row stays, for verdicts of before. False: there was none."""
    chosen = (agency_certificate.c.sha256 == sha256) & (agency_certificate.c.agency_code == code)
    still = agency_certificate.c.withdrawn_at.is_(None)
    ended = transaction.execute(update(agency_certificate).where(chosen, still).values(withdrawn_at=at)).rowcount
    if ended:
        raise_revision(transaction)
    return bool(ended)


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """An agency in the public directory. ``active`` is false when it or its system is suspended."""

    code: str
    name: str
    parent: str | None
    level: int
    system: str
    channel: str
    active: bool
    revision: int
    aliases: tuple[str, ...]
    inline_only: bool = False


def page(
    transaction: Transaction,
    after: tuple[int, str] | None = None,
    text: str | None = None,
    limit: int = 100,
    *,
    code: str | None = None,
) -> list[DirectoryEntry]:
    """Directory entries in the order (revision, code): a delta for those who keep the last position."""
    statement = (
        select(
            agency.c.code,
            agency.c.name,
            agency.c.parent_code,
            agency.c.level,
            and_(agency.c.active, system.c.active).label("active"),
            agency.c.revision,
            system.c.name.label("system"),
            system.c.channel,
            system.c.inline_only,
        )
        .join(system, system.c.id == agency.c.system_id)
        .order_by(agency.c.revision, agency.c.code)
        .limit(limit)
    )
    if code is not None:
        statement = statement.where(agency.c.code == code)
    if after is not None:
        statement = statement.where(tuple_(agency.c.revision, agency.c.code) > tuple_(*after))
    if text:
        # every word of a part is part of a word of the whole: told from one folded column, and for most rows enough
        statement = statement.where(*(agency.c.search.contains(word, autoescape=True) for word in words_of(text)))
        like = "%" + text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        statement = statement.where(
            or_(func.lower(agency.c.name).like(like, escape="\\"), func.lower(agency.c.code).like(like, escape="\\"))
        )
    rows = transaction.execute(statement).all()
    aliases: dict[str, list[str]] = {row.code: [] for row in rows}
    for alias in transaction.execute(
        select(agency_alias.c.alias, agency_alias.c.code)
        .where(agency_alias.c.code.in_(list(aliases)))
        .order_by(agency_alias.c.alias)
    ):
        aliases[alias.code].append(alias.alias)
    return [
        DirectoryEntry(
            row.code,
            row.name,
            row.parent_code,
            row.level,
            row.system,
            row.channel,
            bool(row.active),
            row.revision,
            tuple(aliases[row.code]),
            bool(row.inline_only),
        )
        for row in rows
    ]


def entry(transaction: Transaction, code: str) -> DirectoryEntry | None:
    """One directory entry by code or alias."""
    known = find(transaction, [code]).get(code)
    return None if known is None else page(transaction, code=known.code)[0]


def codes_of_system(transaction: Transaction, system_id: str) -> list[str]:
    return list(transaction.execute(select(agency.c.code).where(agency.c.system_id == system_id)).scalars())
