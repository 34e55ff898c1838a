"""Registering: one administrative act, its checks and its entry in the exchange log, in one transaction.

Secrets are made here and shown once; the ledger keeps digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, cast
from urllib.parse import urlsplit

from cryptography import x509

from hub import clock
from hub.audit import Entry, Event
from hub.envelope.identifiers import MAX_LENGTH
from hub.ledger import agencies, contacts, exchange_log, overrides, people, systems, trust
from hub.ledger.agencies import NewAgency
from hub.ledger.contacts import Contact
from hub.ledger.engine import Transaction
from hub.problems import Refused
from hub.registry import amqp, folder, push
from hub.registry.folder import Root
from hub.registry.mailbox import MailOptions, is_address
from hub.registry.model import (
    CHANNELS,
    ROLES,
    SEVERITIES,
    Override,
    Role,
    Severity,
    System,
    offered_channels,
    secret_digest,
)
from hub.registry.passwords import hash_password
from hub.registry.reach import Reach

ACTOR = "command line"


def add_system(
    transaction: Transaction,
    name: str,
    channel: str,
    url: str | None = None,
    *,
    options: dict[str, Any] | None = None,
    auditor: bool = False,
    inline_only: bool = False,
    reach: Reach | None = None,
    folders: Root | None = None,
    actor: str = ACTOR,
) -> tuple[str, str]:
    """Register a system; returns client id and secret. Raises ``Refused``: ``registry-*``, ``channel-not-offered``.

    ``reach``: which addresses the hub may push to. ``folders``: below which root systems may have folders.
    """
    name = name.strip()
    if not name or len(name) > 100:
        raise Refused("registry-invalid", "a name has 1 to 100 characters", "name")
    if channel not in CHANNELS:
        raise Refused("registry-invalid", f"{channel}: one of {', '.join(CHANNELS)}", "channel")
    if channel not in offered_channels(embedded=transaction.dialect.name == "sqlite"):
        raise Refused("channel-not-offered", channel, "channel")
    if channel == "push":
        push.check(url, options or {}, reach or Reach())
    elif channel == "amqp":
        amqp.check(options or {})
    elif channel == "mail":
        MailOptions.of(options or {})
    elif channel == "folder":
        folder.check(options or {}, folders)
    elif url is not None and urlsplit(url).scheme not in ("http", "https"):
        raise Refused("registry-invalid", "a URL starts with https://", "url")
    identifier, secret = clock.new_id(), clock.new_secret()
    client_id = f"sys-{identifier.replace('-', '')[16:]}"
    at = clock.now()
    system = System(
        identifier, name, channel, client_id, secret_digest(secret), auditor, True, inline_only, url, options or {}
    )
    systems.add(transaction, system, at)
    detail = {"system": system.id, "name": name, "channel": channel, "auditor": auditor, "inline_only": inline_only}
    exchange_log.append(transaction, [Entry(Event.SYSTEM_ADDED, at, actor=actor, detail=detail)])
    return client_id, secret


def add_agency(
    transaction: Transaction,
    code: str,
    name: str,
    system: str,
    parent: str | None = None,
    aliases: Sequence[str] = (),
    certificate: x509.Certificate | None = None,
    *,
    revision: int | None = None,
    actor: str = ACTOR,
) -> None:
    """Register an agency served by the system of this name. Raises ``Refused``: ``registry-*``.

    ``revision``: see ``agencies.add``.
    """
    for one in (code, *aliases):
        if not one or len(one) > MAX_LENGTH or one != one.strip() or "," in one:
            raise Refused("registry-invalid", f"{one!r}: 1 to {MAX_LENGTH} characters, no comma", "code")
    if not name.strip() or len(name) > 200:
        raise Refused("registry-invalid", "a name has 1 to 200 characters", "name")
    served_by = systems.by_name(transaction, system)
    if served_by is None:
        raise Refused("registry-unknown", system, "system")
    at = clock.now()
    agencies.add(transaction, NewAgency(code, name.strip(), served_by.id, parent, tuple(aliases)), at, revision)
    detail = {"name": name.strip(), "system": served_by.id, "parent": parent, "aliases": list(aliases)}
    exchange_log.append(transaction, [Entry(Event.AGENCY_ADDED, at, actor=actor, agency_code=code, detail=detail)])
    if certificate is not None:
        add_certificate(transaction, code, certificate, actor=actor)


def add_certificate(transaction: Transaction, code: str, certificate: x509.Certificate, *, actor: str = ACTOR) -> str:
    """Register a certificate for an agency beside those it has. Raises ``Refused('registry-unknown')``."""
    known = _known(transaction, code)
    at = clock.now()
    sha256 = agencies.add_certificate(transaction, known, certificate, at)
    detail = {"sha256": sha256, "subject": certificate.subject.rfc4514_string()}
    entry = Entry(Event.CERTIFICATE_ADDED, at, actor=actor, agency_code=known, detail=detail)
    exchange_log.append(transaction, [entry])
    return sha256


def withdraw_certificate(transaction: Transaction, code: str, sha256: str, *, actor: str = ACTOR) -> str:
    """End the binding of the certificate whose SHA-256 begins so. Returns it whole.

    Raises ``Refused('registry-unknown')`` unless exactly one that is in use begins so.
    """
    known = _known(transaction, code)
    held = [one.sha256 for one in agencies.certificates(transaction, known) if one.withdrawn_at is None]
    meant = [one for one in held if sha256 and one.startswith(sha256.lower())]
    if len(meant) != 1:
        raise Refused("registry-unknown", sha256, "certificate")
    at = clock.now()
    agencies.withdraw_certificate(transaction, known, meant[0], at)
    detail = {"sha256": meant[0]}
    entry = Entry(Event.CERTIFICATE_WITHDRAWN, at, actor=actor, agency_code=known, detail=detail)
    exchange_log.append(transaction, [entry])
    return meant[0]


def add_anchor(transaction: Transaction, certificate: x509.Certificate, *, actor: str = ACTOR) -> str:
    """Trust an authority. Raises ``Refused('certificate-usage')`` when the certificate is not an authority's."""
    try:
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        raise Refused("certificate-usage", "a trust anchor is an authority's certificate", "anchor")
    at = clock.now()
    sha256 = trust.add_anchor(transaction, certificate, at)
    detail = {"sha256": sha256, "subject": certificate.subject.rfc4514_string()}
    exchange_log.append(transaction, [Entry(Event.ANCHOR_ADDED, at, actor=actor, detail=detail)])
    return sha256


def add_list(transaction: Transaction, crl: x509.CertificateRevocationList, *, actor: str = ACTOR) -> trust.AddedList:
    """Keep a revocation list. Raises ``Refused``: ``registry-conflict``, ``registry-invalid``."""
    at = clock.now()
    added = trust.add_list(transaction, crl, at)
    detail = {
        "issuer": added.issuer,
        "sha256": added.sha256,
        "verified": added.verified,
        "this_update": clock.rfc3339(crl.last_update_utc),
    }
    exchange_log.append(transaction, [Entry(Event.CRL_ADDED, at, actor=actor, detail=detail)])
    return added


def set_rule(
    transaction: Transaction,
    agency_code: str,
    rule: str,
    severity: str,
    until: date,
    reason: str,
    *,
    actor: str = ACTOR,
) -> Override:
    """Make a rule as severe for an agency (empty: for all) through a day. Raises ``Refused``: ``registry-*``.

    Whether there is such a rule is the caller's to know: rules are the validation's.
    """
    at = clock.now()
    if severity not in SEVERITIES:
        raise Refused("registry-invalid", f"{severity}: one of {', '.join(SEVERITIES)}", "severity")
    if until < at.date():
        raise Refused("registry-invalid", f"{until} is past", "until")
    if not reason.strip() or len(reason) > 500:
        raise Refused("registry-invalid", "a reason has 1 to 500 characters", "reason")
    if agency_code:
        agency_code = _known(transaction, agency_code)
    override = Override(agency_code, rule, cast(Severity, severity), until, reason.strip())
    overrides.put(transaction, override, at)
    detail = {"rule": rule, "severity": severity, "until": until.isoformat(), "reason": override.reason}
    entry = Entry(Event.RULE_SET, at, actor=actor, agency_code=agency_code, detail=detail)
    exchange_log.append(transaction, [entry])
    return override


def remove_rule(transaction: Transaction, agency_code: str, rule: str, *, actor: str = ACTOR) -> None:
    """Go back to the profile's severity. Raises ``Refused('registry-unknown')`` when there was no other."""
    if agency_code:
        agency_code = _known(transaction, agency_code)
    if not overrides.remove(transaction, agency_code, rule):
        raise Refused("registry-unknown", rule, "rule")
    entry = Entry(Event.RULE_REMOVED, clock.now(), actor=actor, agency_code=agency_code, detail={"rule": rule})
    exchange_log.append(transaction, [entry])


def _known(transaction: Transaction, code: str) -> str:
    """The code under which an agency is registered, asked for by it or by an alias."""
    known = agencies.find(transaction, [code]).get(code)
    if known is None:
        raise Refused("registry-unknown", code, "agency")
    return known.code


def add_contact(transaction: Transaction, code: str, email: str, name: str = "", *, actor: str = ACTOR) -> Contact:
    """Whom to write to when an agency's office lets a document lie. Raises ``Refused``: ``registry-*``."""
    contact = Contact(_known(transaction, code), email.strip(), name.strip())
    if not is_address(contact.email):
        raise Refused("registry-invalid", f"{contact.email!r} is no mailbox", "email")
    if len(contact.name) > 200:
        raise Refused("registry-invalid", "a name has 200 characters at most", "name")
    at = clock.now()
    contacts.add(transaction, contact, at)
    # the log keeps no addresses of people: it is never changed, and they leave
    entry = Entry(Event.CONTACT_ADDED, at, actor=actor, agency_code=contact.agency_code)
    exchange_log.append(transaction, [entry])
    return contact


def remove_contact(transaction: Transaction, code: str, email: str, *, actor: str = ACTOR) -> None:
    """Raises ``Refused('registry-unknown')`` when the agency has no such contact."""
    known = _known(transaction, code)
    if not contacts.remove(transaction, known, email.strip()):
        raise Refused("registry-unknown", email, "email")
    entry = Entry(Event.CONTACT_REMOVED, clock.now(), actor=actor, agency_code=known)
    exchange_log.append(transaction, [entry])


def add_person(
    transaction: Transaction,
    login: str,
    name: str,
    roles: Sequence[Role],
    agency_code: str | None = None,
    *,
    factor_required: bool = False,
    actor: str = ACTOR,
) -> str:
    """Register a person; returns the password. Raises ``Refused``: ``registry-*``.

    ``factor_required``: a second factor is set up at the first sign-in.
    """
    for role in roles:
        if role not in ROLES:
            raise Refused("registry-invalid", f"{role}: one of {', '.join(ROLES)}", "role")
    if agency_code is not None and agency_code not in agencies.find(transaction, [agency_code]):
        raise Refused("registry-unknown", agency_code, "agency")
    password = clock.new_secret()[:16]  # 96 random bits, short enough to type once
    at = clock.now()
    hashed, kept = hash_password(password), tuple(roles)
    people.add_person(transaction, login, name, kept, hashed, agency_code, at, factor_required=factor_required)
    detail = {"login": login, "roles": list(roles), "agency": agency_code}
    exchange_log.append(transaction, [Entry(Event.PERSON_ADDED, at, actor=actor, detail=detail)])
    return password
