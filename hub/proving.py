"""What makes the hub provable, put together: the log's keys, the sealer, and those outside who sign its checkpoints.

The second place beside wiring that knows concrete classes; one function for each kind of work of the role ``sweep``.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from adapters.tsa import HttpInquiry
from hub.audit.note import NoteSigner
from hub.audit.sealer import Sealer, Signing
from hub.audit.stamping import Stamper, Stamping
from hub.ledger import Ledger
from hub.ledger.timestamps import LedgerStamping
from hub.ledger.transparency import LedgerSealing
from hub.problems import Misconfigured
from hub.receipts.signing import ReceiptSigner
from hub.settings import Settings
from hub.signatures.jws import HubKey
from hub.signatures.timestamps import TimeTrust

Work = Callable[[], Coroutine[Any, Any, None]]


def load_hub_key(settings: Settings) -> HubKey:
    """The key that signs receipts, made on first use. Raises ``Misconfigured``."""
    return _key(settings.hub_key_file, "LIENTHONG_HUB_KEY")


def load_signer(settings: Settings) -> ReceiptSigner:
    """Who signs receipts. Raises ``Misconfigured``."""
    return ReceiptSigner(load_hub_key(settings), settings.hub_name, settings.log_name)


def load_signing(settings: Settings) -> Signing:
    """The log's name and key, made on first use. Raises ``Misconfigured``."""
    key = _key(settings.log_key_file, "LIENTHONG_LOG_KEY")
    return Signing([NoteSigner(settings.log_name, key.private)])


def _key(file: Path, setting: str) -> HubKey:
    try:
        return HubKey.load_or_create(file)
    except OSError as error:
        raise Misconfigured("settings-invalid", f"{file}: {error.strerror}", setting) from error
    except ValueError as error:
        raise Misconfigured("settings-invalid", f"{file}: not a private key in PEM", setting) from error


def load_time_trust(settings: Settings) -> TimeTrust:
    """Whose time stamps count. Raises ``Misconfigured``."""
    if settings.tsa_ca_file is None:
        raise Misconfigured("settings-invalid", "tsa_urls needs tsa_ca_file", "LIENTHONG_TSA_CA_FILE")
    try:
        return TimeTrust.parse(settings.tsa_ca_file.read_bytes(), settings.tsa_policy)
    except OSError as error:
        reason = f"{settings.tsa_ca_file}: {error.strerror}"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_TSA_CA_FILE") from error
    except ValueError as error:
        reason = f"{settings.tsa_ca_file}: no certificates in PEM"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_TSA_CA_FILE") from error


def load_stamping(settings: Settings, ledger: Ledger) -> Stamping:
    """The time stamps of the log, as the settings say. Raises ``Misconfigured``."""
    store, stampers = LedgerStamping(ledger), []
    if settings.time_authorities:
        trust, inquiry = load_time_trust(settings), HttpInquiry(settings.tsa_timeout_seconds, settings.tsa_proxy)
        every = settings.tsa_every_seconds
        stampers = [Stamper(store, inquiry, url, trust, every) for url in settings.time_authorities]
    return Stamping(store, stampers)


def works(settings: Settings, ledger: Ledger) -> list[Work]:
    """What the role ``sweep`` runs for the log, each until cancelled."""
    return [
        Sealer(LedgerSealing(ledger), load_signing(settings), settings.seal_every_seconds).run,
        load_stamping(settings, ledger).run,
    ]
