"""The only place that knows concrete classes: settings in, a running hub out."""

from __future__ import annotations

import asyncio
import functools
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
import uvicorn

from adapters.amqp.attendance import Attendance
from adapters.mail import BounceReader
from hub import dashboard, memory
from hub import gateway as http
from hub.alarming import load_alarm
from hub.broker.memory import MemoryBroker
from hub.broker.port import Broker
from hub.broker.rabbit import RabbitBroker
from hub.channels import Means, attendance, bounce_reader, carriers, duty_mail, registering_over
from hub.delivery.carriage import Carriage
from hub.delivery.courier import Courier
from hub.delivery.inbox import Inbox
from hub.delivery.lease import Leases
from hub.delivery.links import Links
from hub.delivery.replay import Replays
from hub.delivery.telling import Telling
from hub.figures.counting import Counting
from hub.gateway.published_keys import PublishedKeys
from hub.gateway.serving import listen, server_of, started
from hub.gateway.tokens import Tokens
from hub.identifying import identity_provider
from hub.inspection.clamd import Clamd
from hub.inspection.inspector import Inspector
from hub.intake import Intake
from hub.keyring import announce, load_derivation, load_signer
from hub.ledger import (
    Ledger,
    PayloadStore,
    agencies,
    exchange_log,
    hub_keys,
    migration,
    overrides,
    systems,
    transparency,
    trust,
)
from hub.ledger.changes import LedgerSent
from hub.ledger.pending import LedgerPending
from hub.ledger.revocation import LedgerAnswers
from hub.problems import Misconfigured
from hub.proving import Work, load_evidence, load_witness, works
from hub.receipts import deadline_policy
from hub.receipts.asking import Chases
from hub.receipts.feed import Feed
from hub.receipts.overdue import Chaser
from hub.receipts.signing import ReceiptSigner
from hub.receipts.statuses import Statuses
from hub.registry.directory import Directory
from hub.registry.model import Agency, Override, System
from hub.registry.second_factor import Vault
from hub.retention import policy as retention_policy
from hub.retention.carrying_out import CarryingOut
from hub.retention.purges import Purges
from hub.routing.relay import Relay
from hub.routing.sweep import Sweep
from hub.settings import Settings
from hub.signatures.chain import TrustStore
from hub.signatures.revocation.http import HttpFetch
from hub.signatures.revocation.judging import Revocation
from hub.signatures.revocation.upkeep import Upkeep
from hub.validation.examination import Policy

log = structlog.get_logger()

ROLES = ("serve", "relay", "deliver", "sweep")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def open_ledger(settings: Settings) -> Ledger:
    """The store that the settings choose; nothing is read or written yet. Raises ``Misconfigured`` (data directory)."""
    return Ledger.chosen(settings.database_url, settings.database_connections, settings.data_dir)


def _make_data_directory(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{settings.data_dir}: {error.strerror}"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_DATA_DIR") from error


class LedgerDirectory:
    """``DirectorySource`` over the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def revision(self) -> int:
        return await self._ledger.read(agencies.revision)

    async def agencies(self, codes: list[str]) -> dict[str, Agency]:
        return await self._ledger.read(agencies.find, codes)

    async def holders(self, sha256: str) -> frozenset[str]:
        return await self._ledger.read(agencies.holders, sha256)

    async def system_by_client(self, client_id: str) -> System | None:
        return await self._ledger.read(systems.by_client, client_id)

    async def trust(self) -> TrustStore:
        return await self._ledger.read(trust.store)

    async def overrides(self) -> tuple[Override, ...]:
        return await self._ledger.read(overrides.every)


@dataclass(frozen=True)
class Hub:
    """A hub put together, not yet running."""

    settings: Settings
    ledger: Ledger
    broker: Broker
    relay: Relay
    courier: Courier
    carriage: Carriage
    telling: Telling
    attendance: Attendance | None
    bounces: BounceReader | None
    sweep: Sweep
    proving: list[Work]
    upkeep: Upkeep
    chaser: Chaser
    fetch: HttpFetch
    application: http.Application
    end_waits: Callable[[], None]
    inspector: Inspector


def build(settings: Settings) -> Hub:
    """Put the rooms together. Raises ``Misconfigured`` (keys); touches neither database nor broker."""
    _make_data_directory(settings)
    ledger = open_ledger(settings)
    payloads = PayloadStore(settings.data_dir / "payloads")
    signer = load_signer(settings)
    broker: Broker = MemoryBroker() if settings.broker_url is None else RabbitBroker(settings.broker_url)
    relay = Relay(ledger, broker, settings.relay_claim_seconds)
    leases = Leases(ledger, signer)
    means = Means(settings, ledger, broker, payloads, load_derivation(settings, signer.key))
    carriage = Carriage(ledger, signer, carriers(means), payloads.path, settings.attempt_seconds)
    directory = Directory(LedgerDirectory(ledger))
    fetch = HttpFetch(settings.revocation_timeout_seconds, settings.revocation_proxy)
    answers = LedgerAnswers(ledger)
    revocation = _revocation(settings, answers, fetch)
    policy = _policy(settings, payloads, revocation, LedgerSent(ledger))
    deadlines = deadline_policy.load(settings.deadlines)
    feed = Feed(ledger)
    keys = PublishedKeys(signer.key, functools.partial(ledger.read, hub_keys.every, "receipts"), settings.token_seconds)
    context = http.Gateway(
        settings=settings,
        ledger=ledger,
        payloads=payloads,
        directory=directory,
        intake=Intake(ledger, directory, signer, policy, relay.wake, deadlines, payloads.journal),
        leases=leases,
        statuses=Statuses(ledger, signer),
        chases=Chases(ledger, signer, deadlines),
        feed=feed,
        keys=keys,
        derivation=means.derivation,
        tokens=Tokens(signer.key, settings.token_seconds, keys.verifying),
        broker_ready=broker.ready,
        schema_current=lambda: _schema_current(ledger),
        evidence=load_evidence(settings, ledger, payloads),
        witness=load_witness(settings, ledger),
    )
    registering = registering_over(means, context.evidence.seal, carriage.carriers, relay.wake)
    purging = CarryingOut(ledger, payloads, settings.sweep_every_seconds)
    return Hub(
        settings=settings,
        ledger=ledger,
        broker=broker,
        relay=relay,
        courier=Courier(ledger, broker, Inbox(ledger, leases.arrived, carriage.arrived), carriage),
        carriage=carriage,
        telling=Telling(ledger, carriage.carriers),
        attendance=attendance(means, signer, directory, leases, context.statuses),
        bounces=bounce_reader(means, signer),
        sweep=Sweep(ledger, broker, settings.sweep_every_seconds, settings.sweep_after_seconds),
        proving=[*works(settings, ledger), purging.run, load_alarm(means).run, Counting(ledger).run],
        upkeep=_upkeep(settings, revocation, answers, LedgerPending(ledger), directory),
        chaser=Chaser(ledger, signer, deadlines, duty_mail(settings), settings.sweep_every_seconds),
        fetch=fetch,
        application=_application(context, signer, live := dashboard.Live(), registering),
        end_waits=functools.partial(_end, leases, feed, live),
        inspector=policy.inspector,
    )


def _end(*waits: Leases | Feed | dashboard.Live) -> None:
    """Answer the requests that wait now."""
    for one in waits:
        one.close()


def _policy(settings: Settings, payloads: PayloadStore, revocation: Revocation, sent: LedgerSent) -> Policy:
    return Policy(
        sent=sent,
        recipients=settings.max_recipients,
        attachments=settings.max_attachments,
        scratch=payloads.incoming,
        revocation=revocation,
        scanner=None if settings.clamd is None else Clamd(settings.clamd, patience=settings.clamd_seconds),
        inspector=Inspector(settings.inspection_processes, largest=settings.inspected_pdf_bytes),
    )


def _revocation(settings: Settings, answers: LedgerAnswers, fetch: HttpFetch) -> Revocation:
    seconds = settings.revocation_max_age_seconds
    return Revocation(
        answers,
        fetch,
        unavailable=settings.revocation,
        unsourced=settings.revocation_unsourced,
        max_age=None if seconds is None else timedelta(seconds=seconds),
        patience=1.5 * settings.revocation_timeout_seconds,
    )


def _upkeep(
    settings: Settings, revocation: Revocation, answers: LedgerAnswers, pending: LedgerPending, directory: Directory
) -> Upkeep:
    return Upkeep(
        revocation,
        answers,
        pending,
        directory.trust,
        every=settings.sweep_every_seconds,
        refresh=settings.revocation_refresh_seconds,
    )


async def _schema_current(ledger: Ledger) -> bool:
    return await ledger.read(migration.version) == migration.head()


def _application(
    context: http.Gateway, signer: ReceiptSigner, live: dashboard.Live, registering: dashboard.Registering
) -> http.Application:
    pages = dashboard.DashboardContext(
        ledger=context.ledger,
        record=exchange_log.append,
        policy=context.intake.policy,
        payloads=context.payloads,
        explain=context.intake.check,
        chases=context.chases,
        replays=Replays(signer, context.chases.policy),
        purges=Purges(retention_policy.load(context.settings.retention)),
        evidence=context.evidence,
        largest_envelope=context.settings.max_envelope_bytes,
        vault=Vault(context.derivation),
        registering=registering,
        proposals=registering.proposals,
        openid=identity_provider(context.settings),
        hub_name=context.settings.hub_name,
        base_url=context.settings.base_url,
        time_stamped=bool(context.settings.time_authorities),
        addressees=context.settings.addressees,
        engines=_engines(context),
        live=live,
    )
    routers = (
        dashboard.pages(pages),
        dashboard.problem_pages(pages),
        dashboard.fetch_pages(pages, Links(context.ledger, signer)),
    )
    return http.create(context, routers, functools.partial(dashboard.error_page, pages))


def _engines(context: http.Gateway) -> dict[str, Callable[[], Awaitable[bool]]]:
    """What people see of the engines: whether each answers."""
    scanner = context.intake.policy.scanner
    scanning = {"scanner": scanner.answers} if isinstance(scanner, Clamd) else {}
    return {"broker": context.broker_ready, **scanning}


def check_roles(settings: Settings, roles: Iterable[str]) -> None:
    """Raises ``Misconfigured`` for what must not be started."""
    chosen = set(roles)
    if settings.embedded and chosen != set(ROLES):
        raise Misconfigured("role-needs-production", ", ".join(sorted(chosen)), "LIENTHONG_DATABASE_URL")
    plain = settings.tls_certificate is None and not settings.behind_proxy
    if "serve" in chosen and plain and settings.host not in LOOPBACK:
        raise Misconfigured("plain-http-refused", settings.listen, "LIENTHONG_LISTEN")
    if "serve" in chosen and settings.tls_certificate is not None:
        _check_tls(settings)


def _check_tls(settings: Settings) -> None:
    """Before anything is started: a certificate that cannot be read is one clear error."""
    assert settings.tls_certificate is not None, "the settings hold certificate and key together"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key)
    except OSError as error:  # SSLError too: not PEM, or a key of another certificate
        reason = f"{settings.tls_certificate}, {settings.tls_key}: {error.strerror or error}"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_TLS_CERTIFICATE") from error


Alongside = Callable[[Hub], Coroutine[Any, Any, None]]


async def run(settings: Settings, roles: Iterable[str], alongside: Alongside | None = None) -> None:
    """Run roles in this process until SIGINT or SIGTERM. ``alongside`` runs with them once the hub answers.

    A role that fails ends the process: a hub that accepts and silently stopped relaying would be worse.
    """
    chosen = tuple(roles)
    check_roles(settings, chosen)
    memory.give_back()
    hub = build(settings)
    try:
        await asyncio.to_thread(migration.require_head, hub.ledger)
        await hub.ledger.read(transparency.require_origin, settings.log_name)
        await asyncio.to_thread(announce, settings, hub.ledger)
        await asyncio.to_thread(PayloadStore(settings.data_dir / "payloads").recover)
        memory.settle()
        async with _running(hub, chosen) as tasks:
            if alongside is not None:
                tasks.append(asyncio.create_task(alongside(hub), name="alongside"))
            await _until_stopped(tasks)
    finally:
        hub.inspector.close()
        hub.ledger.close()


@asynccontextmanager
async def _running(hub: Hub, roles: tuple[str, ...]) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []
    await hub.broker.open()
    server: uvicorn.Server | None = None
    try:
        if hub.settings.embedded:
            await hub.sweep.step(0)  # the in-process broker starts empty: refill it from the ledger
        for role, work in (
            ("relay", hub.relay.run),
            ("deliver", hub.courier.run),
            ("deliver", hub.telling.run),
            *([("deliver", hub.attendance.run)] if hub.attendance is not None else []),
            ("sweep", hub.sweep.run),
            *(("sweep", work) for work in hub.proving),
            ("sweep", hub.upkeep.run),
            ("sweep", hub.chaser.run),
            *([("sweep", hub.bounces.run)] if hub.bounces is not None else []),
        ):
            if role in roles:
                tasks.append(asyncio.create_task(work(), name=role))
        if "serve" in roles:
            server = server_of(hub.application, hub.settings)
            tasks.append(asyncio.create_task(server.serve(sockets=[listen(hub.settings)]), name="serve"))
            await started(server, tasks[-1])
        yield tasks
    finally:
        hub.end_waits()
        if server is not None:
            server.should_exit = True
        for task in tasks:
            if task.get_name() != "serve":
                task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for task, outcome in zip(tasks, outcomes, strict=True):
            if isinstance(outcome, Exception):
                log.error("role.failed", role=task.get_name(), exc_info=outcome)
        await hub.carriage.close()
        await hub.fetch.close()
        await hub.broker.close()


async def _until_stopped(tasks: list[asyncio.Task[None]]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    waiting = asyncio.create_task(stop.wait(), name="stop")
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done:
        if task is not waiting:
            task.result()
            log.error("role.ended", role=task.get_name())
