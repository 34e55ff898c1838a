"""Trying the channel of a system without a document: what the hub finds out by itself, kept and logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hub import clock
from hub.audit import Entry, Event
from hub.language import mark
from hub.ledger import Ledger, Transaction, exchange_log, system_state, systems
from hub.ledger.system_state import Tested
from hub.problems import Refused
from hub.registry.model import System

LONGEST_FINDING = 300


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: pairs of a word (a message id) and a text. ``works``: documents can go this way now."""

    works: bool
    findings: tuple[tuple[str, str], ...]


@runtime_checkable
class Probe(Protocol):
    """A carrier that can try its way to a system without a document."""

    async def probe(self, system: System) -> Found:
        """Try once; everything expected is a ``Found``."""


class Connectivity:
    """``probes``: by channel. ``pull`` has none: such a system is judged by when it last came."""

    def __init__(self, ledger: Ledger, probes: Mapping[str, Probe]) -> None:
        self._ledger = ledger
        self._probes = dict(probes)

    async def test(self, system_id: str, login: str) -> Tested:
        """Try the channel of a system. Raises ``Refused('not-found')``, ``Deferred``."""
        system = await self._ledger.read(systems.by_id, system_id)
        if system is None:
            raise Refused("not-found", system_id)
        found = await self._found(system)
        kept = tuple((word, text[:LONGEST_FINDING]) for word, text in found.findings)
        tested = Tested(clock.now(), login, found.works, kept)
        await self._ledger.write(_keep, system, tested)
        return tested

    async def _found(self, system: System) -> Found:
        if probe := self._probes.get(system.channel):
            return await probe.probe(system)
        if system.channel != "pull":
            return Found(False, ((mark("This hub has no way to it"), system.channel),))
        seen = await self._ledger.read(system_state.seen, system.id)
        if seen is None or seen.last is None:
            return Found(False, ((mark("It never came"), ""),))
        findings = [(mark("Last token"), clock.rfc3339(seen.token_at))] if seen.token_at else []
        if seen.inbox_at:
            findings.append((mark("Last look into its inbox"), clock.rfc3339(seen.inbox_at)))
        return Found(clock.now() - seen.last < system_state.RECENT, tuple(findings))


def _keep(transaction: Transaction, system: System, tested: Tested) -> None:
    system_state.keep_test(transaction, system.id, tested)
    detail = {"system": system.id, "name": system.name, "channel": system.channel, "works": tested.works}
    findings = [f"{word}: {text}" for word, text in tested.findings]
    entry = Entry(
        Event.SYSTEM_TESTED, tested.at, actor=f"person:{tested.asked_by}", detail={**detail, "findings": findings}
    )
    exchange_log.append(transaction, [entry])
