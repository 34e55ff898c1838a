"""The mapping of channels to carriers: a new channel is one file with a ``Carrier`` and one line here.

``pull`` has none: the system comes for its documents itself.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from adapters.amqp.account import virtual_host
from adapters.amqp.attendance import Attendance
from adapters.amqp.carrier import AmqpCarrier
from adapters.amqp.listening import Listening
from adapters.amqp.management import Management
from adapters.push import PushCarrier, PushPolicy
from hub.broker.port import Broker
from hub.broker.rabbit import RabbitBroker
from hub.delivery.carrier import Carrier
from hub.delivery.handed import HandedOver
from hub.delivery.lease import Leases
from hub.ledger import Ledger, PayloadStore, exchange_log, handed
from hub.problems import Misconfigured
from hub.receipts.statuses import Statuses
from hub.registry.directory import Directory
from hub.settings import Settings
from hub.signatures.jws import HubKey


@dataclass(frozen=True, slots=True)
class Means:
    """What carriers may be built from."""

    settings: Settings
    ledger: Ledger
    broker: Broker
    payloads: PayloadStore
    key: HubKey


def carriers(means: Means) -> dict[str, Carrier]:
    """Every channel that this hub can hand over by, with its carrier."""
    found: dict[str, Carrier] = {"push": _push(means)}
    if isinstance(means.broker, RabbitBroker):  # queues in this process end in no agency
        found["amqp"] = AmqpCarrier(
            means.broker.systems,
            functools.partial(means.ledger.read, handed.times),
            means.settings.base_url,
            means.settings.amqp_lease_seconds,
        )
    return found


def attendance(means: Means, directory: Directory, leases: Leases, statuses: Statuses) -> Attendance | None:
    """What systems of the channel amqp need besides a carrier; None where the channel is not offered."""
    settings, ledger = means.settings, means.ledger
    if not isinstance(means.broker, RabbitBroker) or settings.broker_url is None:
        return None
    listening = Listening(
        means.broker.systems,
        leases,
        HandedOver(ledger),
        statuses,
        speaker=directory.system_by_client,
        record=functools.partial(ledger.write, exchange_log.append),
        base_url=settings.base_url,
    )
    management = None
    if settings.broker_management_url is not None:
        management = Management(settings.broker_management_url, virtual_host(settings.broker_url))
    return Attendance(ledger, means.broker.systems, listening, management)


def _push(means: Means) -> Carrier:
    """Raises ``Misconfigured`` when the file of authorities cannot be read."""
    settings = means.settings
    policy = PushPolicy(
        settings.base_url,
        settings.push_reach,
        settings.push_timeout_seconds,
        settings.push_document_bytes,
        settings.push_notice_seconds,
        settings.push_ca_file,
    )
    try:
        return PushCarrier(policy, (means.key,))
    except OSError as error:  # SSLError too: not PEM
        reason = f"{settings.push_ca_file}: {error.strerror or error}"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_PUSH_CA_FILE") from error
