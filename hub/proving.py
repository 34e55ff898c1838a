"""What makes the hub provable, put together: the log's keys, the sealer, and those outside who sign its checkpoints.

The second place beside wiring that knows concrete classes; one function for each kind of work of the role ``sweep``.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from adapters.tsa import HttpInquiry
from adapters.witness import HttpWitness
from hub.audit.sealer import Sealer
from hub.audit.stamping import Stamper, Stamping
from hub.audit.watch import Watch
from hub.audit.witness import Witness
from hub.audit.witnessing import Cosigning, Witnessing
from hub.evidence.handing import Evidence
from hub.evidence.proving import Published
from hub.evidence.seal import Seal
from hub.keyring import load_hub_key, load_signing
from hub.ledger import Ledger, PayloadStore
from hub.ledger.log_watch import LedgerWatch
from hub.ledger.months import MonthMaker
from hub.ledger.timestamps import LedgerStamping
from hub.ledger.transparency import LedgerSealing
from hub.ledger.witnesses import LedgerCosignatures, LedgerMemory
from hub.problems import Misconfigured
from hub.settings import Settings
from hub.signatures.timestamps import TimeTrust
from hub.validation import SEQUENCE

Work = Callable[[], Coroutine[Any, Any, None]]


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


def load_evidence(settings: Settings, ledger: Ledger, payloads: PayloadStore) -> Evidence:
    """Who hands evidence packs out; the key that seals them is made on first use. Raises ``Misconfigured``."""
    file = settings.evidence_key_file
    try:
        seal = Seal.load_or_create(file, settings.hub_name)
        anchors = b"" if settings.tsa_ca_file is None else settings.tsa_ca_file.read_bytes()
    except OSError as error:
        raise Misconfigured("settings-invalid", f"{error.filename}: {error.strerror}", "LIENTHONG_DATA_DIR") from error
    except ValueError as error:
        raise Misconfigured("settings-invalid", f"{file}: {error}", "LIENTHONG_EVIDENCE_KEY") from error
    log_keys = [one.log_key for one in load_signing(settings).signers]
    published = Published(settings.hub_name, settings.log_name, [load_hub_key(settings).jwk], log_keys, anchors)
    checks = [one.name for one in SEQUENCE]
    return Evidence(ledger, payloads.path, published, seal, checks, payloads.incoming)


def load_witness(settings: Settings, ledger: Ledger) -> Witness | None:
    """This hub as a witness of other logs, with its log's key under a name of its own; None when it watches none."""
    if not settings.watched_logs:
        return None
    signers = [one.called(f"{settings.log_name}/witness") for one in load_signing(settings).signers]
    return Witness(signers, settings.watched_logs, LedgerMemory(ledger))


def load_witnessing(settings: Settings, ledger: Ledger) -> Witnessing:
    """A loop for each witness of this log. Raises ``Misconfigured``."""
    store = LedgerCosignatures(ledger)
    every, patience = settings.witness_every_seconds, settings.witness_patience_seconds
    loops = [
        Cosigning(key, witness_at(settings, url), store, every, patience) for key, url in settings.witness_addresses
    ]
    return Witnessing(store, loops, [key.name for key in settings.watched_logs])


def witness_at(settings: Settings, url: str) -> HttpWitness:
    """The way to a witness. Raises ``Misconfigured`` for a file of authorities that cannot be read."""
    try:
        return HttpWitness(url, settings.witness_timeout_seconds, settings.witness_ca_file)
    except OSError as error:  # SSLError too: not PEM
        reason = f"{settings.witness_ca_file}: {error.strerror or error}"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_WITNESS_CA_FILE") from error


def works(settings: Settings, ledger: Ledger) -> list[Work]:
    """What the role ``sweep`` runs for the log, each until cancelled."""
    return [
        Sealer(LedgerSealing(ledger), load_signing(settings), settings.seal_every_seconds).run,
        Watch(LedgerWatch(ledger)).run,
        load_stamping(settings, ledger).run,
        *([] if settings.embedded else [MonthMaker(ledger).run]),
        load_witnessing(settings, ledger).run,
    ]
