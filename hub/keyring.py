"""The hub's keys as the settings and the ring place them: opened, made, announced in the ledger.

A process opens its keys when it starts and keeps them: after ``key rotate`` those that run go on with the former key
until they are started again. Both are published, so that what either signs is checkable by everybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hub.audit.note import NoteSigner
from hub.audit.sealer import Signing
from hub.ledger import Ledger, hub_keys
from hub.problems import Misconfigured
from hub.receipts.signing import ReceiptSigner
from hub.settings import Settings
from hub.signatures.jws import HubKey, jwk_of
from hub.signatures.keys import files, ring
from hub.signatures.keys.derivation import Derivation
from hub.signatures.keys.port import PrivateKey
from hub.signatures.keys.ring import Ring
from hub.signatures.keys.uri import SCHEME, Pkcs11Uri

if TYPE_CHECKING:
    from types import ModuleType

EXTRA = "python-pkcs11 is not installed: pip install 'lienthong[hsm]'"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a key is for: its name in the ledger, its setting, the file of the first one."""

    name: str
    setting: str
    file: str


RECEIPTS = Purpose("receipts", "LIENTHONG_HUB_KEY", "hub-ed25519.pem")
LOG = Purpose("log", "LIENTHONG_LOG_KEY", "log-ed25519.pem")


def ring_of(settings: Settings, purpose: Purpose) -> Ring:
    """Which keys there are for it. Raises ``Misconfigured``."""
    configured = (settings.hub_key if purpose is RECEIPTS else settings.log_key) or ""
    if configured and not configured.startswith(SCHEME):
        configured = str(Path(configured).absolute())
    return ring.read(_ring_file(settings), purpose.name, configured, purpose.file)


def keep_ring(settings: Settings, purpose: Purpose, changed: Ring) -> None:
    """Raises ``Misconfigured`` when it cannot be written."""
    ring.write(_ring_file(settings), purpose.name, changed)


def _ring_file(settings: Settings) -> Path:
    return settings.keys_dir / "ring.json"


def load_hub_key(settings: Settings) -> HubKey:
    """The key that signs receipts; a file is made on first use. Raises ``Misconfigured``."""
    return HubKey(opened(settings, RECEIPTS, ring_of(settings, RECEIPTS).signs))


def load_signer(settings: Settings) -> ReceiptSigner:
    """Who signs receipts. Raises ``Misconfigured``."""
    return ReceiptSigner(load_hub_key(settings), settings.hub_name, settings.log_name)


def load_signing(settings: Settings) -> Signing:
    """The log's name and keys: until the former one is retired, it and its successor sign every checkpoint.

    A file is made on first use. Raises ``Misconfigured``.
    """
    signers = []
    for place in ring_of(settings, LOG).all:
        try:
            signers.append(NoteSigner(settings.log_name, opened(settings, LOG, place)))
        except ValueError as error:  # not Ed25519: let the log's key stay in a file
            raise Misconfigured("settings-invalid", f"{place}: {error}", LOG.setting) from error
    return Signing(signers)


def load_derivation(settings: Settings, key: HubKey) -> Derivation:
    """The secret beside the keys, made on first use. Raises ``Misconfigured``."""
    file = _secret_file(settings)
    try:
        return Derivation.load_or_create(file, lambda: key.private)
    except OSError as error:
        raise Misconfigured("settings-invalid", f"{file}: {error.strerror}", "LIENTHONG_DATA_DIR") from error


def known_derivation(settings: Settings) -> Derivation | None:
    """The same for others than the hub's own processes: nothing is made. None as long as there is nothing.

    Raises ``Misconfigured``.
    """
    if _secret_file(settings).is_file():
        return load_derivation(settings, load_hub_key(settings))
    place = ring_of(settings, RECEIPTS).signs
    if place.startswith(SCHEME) or not is_there(settings, place):
        return None
    return Derivation.of(opened(settings, RECEIPTS, place))


def _secret_file(settings: Settings) -> Path:
    return settings.keys_dir / "derivation.secret"


def _file(settings: Settings, place: str) -> Path:
    return settings.keys_dir / place  # an absolute place stays what it is


def opened(settings: Settings, purpose: Purpose, place: str) -> PrivateKey:
    """The key at a place; a file is made on first use, a key in hardware by ``key prepare``.

    Raises ``Misconfigured``.
    """
    if place.startswith(SCHEME):
        hardware = _hardware(purpose)
        try:
            found: PrivateKey = hardware.opened(Pkcs11Uri.parse(place))
        except (hardware.HardwareError, ValueError) as error:
            raise Misconfigured("settings-invalid", str(error), purpose.setting) from error
        return found
    return file_key(_file(settings, place), purpose.setting)


def file_key(file: Path, setting: str) -> PrivateKey:
    """The key in a file, made on first use. Raises ``Misconfigured`` with the setting that names it."""
    try:
        return files.load_or_create(file)
    except OSError as error:
        raise Misconfigured("settings-invalid", f"{file}: {error.strerror}", setting) from error
    except ValueError as error:
        raise Misconfigured("settings-invalid", f"{file}: not a private key in PEM", setting) from error


def is_there(settings: Settings, place: str) -> bool:
    """Whether a key may be opened there without making one."""
    return place.startswith(SCHEME) or _file(settings, place).is_file()


def made(settings: Settings, purpose: Purpose, place: str, algorithm: str | None = None) -> tuple[str, PrivateKey]:
    """A key at this place, new where there is none, and the place as the ring has it.

    ``place``: a path, a PKCS#11 URI, or empty for a new file beside the others. ``algorithm`` is for hardware only.
    Raises ``Misconfigured``.
    """
    if place.startswith(SCHEME):
        hardware = _hardware(purpose)
        try:
            uri = Pkcs11Uri.parse(place)
            return place, hardware.opened_or_generated(uri, algorithm)
        except (hardware.HardwareError, ValueError) as error:
            raise Misconfigured("settings-invalid", str(error), purpose.setting) from error
    if place:
        where = Path(place).absolute()
        beside = where.parent == settings.keys_dir.absolute()
        return (where.name if beside else str(where)), opened(settings, purpose, str(where))
    pem = files.generate()
    kid = HubKey(files.parsed(pem)).kid
    name = f"{purpose.file.partition('-')[0]}-{kid[:12]}.pem"
    try:
        return name, files.parsed(files.read_or_create(settings.keys_dir / name, lambda: pem))
    except OSError as error:
        reason = f"{settings.keys_dir / name}: {error.strerror}"
        raise Misconfigured("settings-invalid", reason, "LIENTHONG_DATA_DIR") from error


def _hardware(purpose: Purpose) -> ModuleType:
    """Imported only where a key lies in hardware: the library is an extra. Raises ``Misconfigured``."""
    try:
        from hub.signatures.keys import hardware
    except ImportError as error:
        raise Misconfigured("settings-invalid", EXTRA, purpose.setting) from error
    return hardware


def announce(settings: Settings, ledger: Ledger) -> None:
    """Every key that this process may sign with is published before it does. Raises ``Misconfigured``, ``Deferred``."""
    keys = [(RECEIPTS, load_hub_key(settings).jwk)]
    keys += [(LOG, jwk_of(one.log_key.public)) for one in load_signing(settings).signers]
    for purpose, jwk in keys:
        known = ledger.write_now(hub_keys.publish, purpose.name, jwk, "hub")
        if known.retired_at is not None:
            reason = f"{known.kid} was retired: name another key, or `lienthong key rotate`"
            raise Misconfigured("settings-invalid", reason, purpose.setting)
