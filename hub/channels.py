"""The mapping of channels to carriers: a new channel is one file with a ``Carrier`` and one line here.

``pull`` has none: the system comes for its documents itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.amqp.account import virtual_host
from adapters.amqp.attendance import Attendance
from adapters.amqp.carrier import AmqpCarrier
from adapters.amqp.listening import Listening
from adapters.amqp.management import Management
from adapters.folder import FolderCarrier
from adapters.mail import BounceReader, MailCarrier, Server, SmtpDutyMail, Submission
from adapters.push import PushCarrier, PushPolicy
from hub.broker.port import Broker
from hub.broker.rabbit import RabbitBroker
from hub.dashboard import Registering
from hub.delivery.carrier import Carrier
from hub.delivery.connectivity import Connectivity, Probe
from hub.delivery.handed import HandedOver
from hub.delivery.lease import Leases
from hub.delivery.returned import Returned
from hub.delivery.trials import Trials
from hub.evidence.seal import Seal
from hub.ledger import Ledger, PayloadStore, exchange_log, handed
from hub.problems import Misconfigured
from hub.receipts.duty import DutyMail
from hub.receipts.signing import ReceiptSigner
from hub.receipts.statuses import Statuses
from hub.registry.directory import Directory
from hub.registry.model import offered_channels
from hub.settings import Settings
from hub.signatures.keys.derivation import Derivation
from hub.signatures.sign import Signer


@dataclass(frozen=True, slots=True)
class Means:
    """What carriers may be built from."""

    settings: Settings
    ledger: Ledger
    broker: Broker
    payloads: PayloadStore
    derivation: Derivation


def carriers(means: Means) -> dict[str, Carrier]:
    """Every channel that this hub can hand over by, with its carrier."""
    found: dict[str, Carrier] = {
        "push": _push(means),
        "mail": _mail(means),
        "folder": FolderCarrier(means.settings.folder_root),
    }
    if isinstance(means.broker, RabbitBroker):  # queues in this process end in no agency
        found["amqp"] = AmqpCarrier(
            means.broker.systems,
            functools.partial(means.ledger.read, handed.times),
            means.settings.base_url,
            means.settings.amqp_lease_seconds,
        )
    return found


def attendance(
    means: Means, signer: ReceiptSigner, directory: Directory, leases: Leases, statuses: Statuses
) -> Attendance | None:
    """What systems of the channel amqp need besides a carrier; None where the channel is not offered."""
    settings, ledger = means.settings, means.ledger
    if not isinstance(means.broker, RabbitBroker) or settings.broker_url is None:
        return None
    listening = Listening(
        means.broker.systems,
        leases,
        HandedOver(ledger, signer),
        statuses,
        speaker=directory.system_by_client,
        record=functools.partial(ledger.write, exchange_log.append),
        base_url=settings.base_url,
    )
    management = None
    if settings.broker_management_url is not None:
        management = Management(settings.broker_management_url, virtual_host(settings.broker_url))
    return Attendance(ledger, means.broker.systems, listening, management)


def registering_over(means: Means, seal: Seal, found: Mapping[str, Carrier], wake: Callable[[], None]) -> Registering:
    """What the registry's pages work with: test documents that the evidence key signs, and the channels' own probes."""
    settings = means.settings
    author = Signer(seal.key, (seal.certificate,))
    return Registering(
        Trials(means.ledger, means.payloads, author, settings.hub_name, wake),
        Connectivity(means.ledger, {name: one for name, one in found.items() if isinstance(one, Probe)}),
        offered_channels(embedded=settings.embedded),
        settings.push_reach,
        settings.folders,
    )


def _mail(means: Means) -> Carrier:
    settings = means.settings
    return MailCarrier(
        means.ledger,
        submission(settings),
        settings.hub_name,
        settings.base_url,
        largest=settings.mail_document_bytes,
        link_days=settings.mail_link_days,
    )


def submission(settings: Settings) -> Submission | None:
    """The way to the mail server, None where there is none. Raises ``Misconfigured``."""
    if settings.smtp_url is None or settings.smtp_from is None:
        return None
    try:
        server = Server.of(
            settings.smtp_url,
            settings.smtp_from,
            plain=settings.smtp_plain,
            authorities=settings.smtp_ca_file,
            timeout=settings.smtp_timeout_seconds,
        )
    except ValueError as error:
        raise Misconfigured("settings-invalid", str(error), "LIENTHONG_SMTP_URL") from error
    try:
        server.context()
    except OSError as error:  # SSLError too: not PEM
        reason = f"{settings.smtp_ca_file}: {error.strerror or error}"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_SMTP_CA_FILE") from error
    return Submission(server)


def duty_mail(settings: Settings) -> DutyMail | None:
    """Mail to duty contacts, None where there is no mail server. Raises ``Misconfigured``."""
    found = submission(settings)
    return None if found is None else SmtpDutyMail(found, settings.hub_name)


def bounce_reader(means: Means, signer: ReceiptSigner) -> BounceReader | None:
    """Who reads what came back as undeliverable, None where there is no mailbox for it."""
    settings = means.settings
    if settings.bounces is None:
        return None
    return BounceReader(Returned(means.ledger, signer), settings.bounces, settings.sweep_every_seconds)


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
        return PushCarrier(policy, (means.derivation,))
    except OSError as error:  # SSLError too: not PEM
        reason = f"{settings.push_ca_file}: {error.strerror or error}"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_PUSH_CA_FILE") from error
