"""What alerts people, put together: whom to tell by which way, and what is asked besides the ledger.

The third place beside wiring that knows concrete classes.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from adapters.alerting import MailWay, WebhookWay
from adapters.push.transport import Connections
from hub import clock
from hub.alerts.alarm import Alarm
from hub.alerts.keeping import Keeper
from hub.alerts.notices import Post, Told, Way
from hub.alerts.watches import Limits, Probes
from hub.channels import Means, submission
from hub.inspection.clamd import Clamd
from hub.ledger import Ledger
from hub.ledger.alert_notices import Notice
from hub.ledger.alerts import AlertRecord
from hub.problems import HubError, Misconfigured
from hub.settings import Settings
from hub.signatures.keys.derivation import Deriving

# what fails once may be a restart
PROBE_SECONDS = 45.0


class Prober:
    """Asks what the ledger does not know. What fails is trouble once it has failed for ``patience`` seconds."""

    def __init__(
        self,
        broker_ready: Callable[[], Awaitable[bool]],
        scanner: Clamd | None,
        payloads: Path,
        patience: float = PROBE_SECONDS,
    ) -> None:
        self._broker_ready = broker_ready
        self._scanner = scanner
        self._payloads = payloads
        self._patience = patience
        self._failing: dict[str, float] = {}

    async def __call__(self) -> Probes:
        free, size = await asyncio.to_thread(self._disk)
        broker = "" if await self._broker_ready() else "no answer"
        return Probes(self._lasting("broker", broker), self._lasting("scanner", await self._scan()), free, size)

    async def _scan(self) -> str:
        if self._scanner is None:
            return ""
        try:
            await self._scanner.version()
        except HubError as error:
            return str(error)
        return ""

    def _disk(self) -> tuple[int, int]:
        try:
            usage = shutil.disk_usage(self._payloads)
        except OSError:
            return 1, 1  # nothing was ever stored; a store that went away is seen by those who write to it
        return usage.free, usage.total

    def _lasting(self, name: str, reason: str) -> str:
        if not reason:
            self._failing.pop(name, None)
            return ""
        since = self._failing.setdefault(name, clock.monotonic())
        return reason if clock.monotonic() - since >= self._patience else ""


def load_alarm(means: Means) -> Alarm:
    """The alarm as the settings say. Raises ``Misconfigured``."""
    settings = means.settings
    scanner = None if settings.clamd is None else Clamd(settings.clamd, patience=settings.clamd_seconds)
    return Alarm(
        means.ledger,
        Keeper(settings.addressees),
        load_post(settings, means.ledger, means.derivation),
        Prober(means.broker.ready, scanner, settings.data_dir / "payloads"),
        Limits(settings.alert_backlog, timedelta(seconds=settings.alert_waiting_seconds)),
        settings.sweep_every_seconds,
    )


def load_post(settings: Settings, ledger: Ledger, derivation: Deriving) -> Post:
    """The ways that alerts go. Raises ``Misconfigured``."""
    ways: dict[str, Way] = {}
    if settings.alert_mail and (found := submission(settings)) is not None:
        ways["mail"] = MailWay(found, settings.hub_name, settings.base_url)
    if settings.alert_webhooks:
        reach = settings.push_reach
        try:
            connections = Connections(reach, None, settings.push_ca_file)
        except OSError as error:  # SSLError too: not PEM
            reason = f"{settings.push_ca_file}: {error.strerror or error}"
            raise Misconfigured("settings-invalid", reason, "LIENTHONG_PUSH_CA_FILE") from error
        seconds = settings.push_timeout_seconds
        ways["webhook"] = WebhookWay(connections, reach, derivation, settings.base_url, seconds)
    return Post(ledger, ways)


async def try_all(settings: Settings, ledger: Ledger, derivation: Deriving) -> list[tuple[str, str]]:
    """A test alert to everybody who is told of alerts: who, and why it was not taken (empty: it was)."""
    post = load_post(settings, ledger, derivation)
    now = clock.now()
    record = AlertRecord(clock.new_id(), "test", "", 1, 0, {}, now, now, 1)
    try:
        outcomes = []
        for one in settings.addressees:
            notice = Notice(clock.new_id(), record.id, one, "raised", now, "waiting", 1, now)
            outcomes.append((one, await post.try_now(one, [Told(notice, record)])))
        return outcomes
    finally:
        await post.close()
