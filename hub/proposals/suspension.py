"""Suspending a system or a certificate at once, with a second person's look afterwards; letting it in again takes two.

Arguments: ``system`` is a system's identifier; ``agency`` and ``certificate`` are an agency's code and the SHA-256 of
one of its certificates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.clock import VIETNAM
from hub.language import mark
from hub.ledger import Transaction, agencies, registration, suspending
from hub.ledger.agencies import HeldCertificate
from hub.problems import Refused
from hub.proposals.kinds import Effect, Kind, text_in

PEOPLE = frozenset({"operator", "administrator"})
NAMED = 5


class SuspendSystem:
    name, title, urgent = "system.suspend", mark("Suspend a system"), True
    asking, deciding = PEOPLE, PEOPLE

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        return _of_system(transaction, arguments, active=True)

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        suspending.suspend_system(transaction, text_in(arguments, "system"), actor=actor)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        suspending.resume_system(transaction, text_in(arguments, "system"), actor=actor)


class ResumeSystem:
    name, title, urgent = "system.resume", mark("Let a suspended system in again"), False
    asking, deciding = PEOPLE, PEOPLE

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        return _of_system(transaction, arguments, active=False)

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        suspending.resume_system(transaction, text_in(arguments, "system"), actor=actor)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        raise Refused("request-invalid", "it was not carried out at once")


class SuspendCertificate:
    name, title, urgent = "certificate.suspend", mark("Suspend a certificate"), True
    asking, deciding = PEOPLE, PEOPLE

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        return _of_certificate(transaction, arguments, withdrawn=False)

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        code, sha256 = text_in(arguments, "agency"), text_in(arguments, "certificate")
        registration.withdraw_certificate(transaction, code, sha256, actor=actor)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        _restore(transaction, arguments, actor)


class RestoreCertificate:
    name, title, urgent = "certificate.restore", mark("Let a suspended certificate sign again"), False
    asking, deciding = PEOPLE, PEOPLE

    def effect(self, transaction: Transaction, arguments: Mapping[str, Any]) -> Effect:
        return _of_certificate(transaction, arguments, withdrawn=True)

    def carry_out(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        _restore(transaction, arguments, actor)

    def undo(self, transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
        raise Refused("request-invalid", "it was not carried out at once")


def _restore(transaction: Transaction, arguments: Mapping[str, Any], actor: str) -> None:
    code, sha256 = text_in(arguments, "agency"), text_in(arguments, "certificate")
    suspending.restore_certificate(transaction, code, sha256, actor=actor)


def _of_system(transaction: Transaction, arguments: Mapping[str, Any], *, active: bool) -> Effect:
    known = suspending.known_system(transaction, text_in(arguments, "system"), active=active)
    codes = sorted(agencies.codes_of_system(transaction, known.id))
    named = ", ".join(codes[:NAMED]) + (" …" if len(codes) > NAMED else "")
    lines = (
        (mark("System"), f"{known.name} ({known.client_id})"),
        (mark("Channel"), known.channel),
        (mark("Agencies"), f"{len(codes)}: {named}" if codes else "0"),
    )
    return Effect(known.name, lines)


def _of_certificate(transaction: Transaction, arguments: Mapping[str, Any], *, withdrawn: bool) -> Effect:
    code, sha256 = text_in(arguments, "agency"), text_in(arguments, "certificate")
    meant = _held(transaction, code, sha256)
    if (meant.withdrawn_at is not None) is not withdrawn:
        raise Refused("registry-conflict", sha256, "certificate")
    held = agencies.certificates(transaction, code)
    others = sum(one.withdrawn_at is None and one.sha256 != sha256 for one in held)
    lines = (
        (mark("Agency"), code),
        (mark("Certificate"), sha256),
        (mark("Holder"), meant.subject),
        (mark("Valid until"), f"{meant.not_after.astimezone(VIETNAM):%d/%m/%Y}"),
        (mark("Other certificates in use"), str(others)),
    )
    return Effect(code, lines)


def _held(transaction: Transaction, code: str, sha256: str) -> HeldCertificate:
    for one in agencies.certificates(transaction, code):
        if one.sha256 == sha256:
            return one
    raise Refused("registry-unknown", sha256, "certificate")


SUSPENSION: tuple[Kind, ...] = (SuspendSystem(), ResumeSystem(), SuspendCertificate(), RestoreCertificate())
