"""Key files: made once, with mode 0600, by whichever process comes first."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from hub.problems import Misconfigured


def load_or_create(path: Path) -> Ed25519PrivateKey:
    """The key in the PEM file, made on first use.

    Raises ``Misconfigured`` for another kind, ``ValueError`` for no key, ``OSError``.
    """
    return parsed(read_or_create(path, generate), path.name)


def parsed(pem: bytes, name: str = "") -> Ed25519PrivateKey:
    """Raises ``Misconfigured`` for another kind, ``ValueError`` for no key."""
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured("settings-invalid", "the hub's key is not Ed25519", name)
    return key


def generate() -> bytes:
    """A new Ed25519 key, PKCS#8 in PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of a secret file; ``make`` gives it on first use. Raises ``OSError``."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = _written(path, make())
        try:
            os.link(temporary, path)  # link fails where another process was first: its file stays
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_bytes()


def replace(path: Path, content: bytes) -> None:
    """The file with this content instead, whole or not at all. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _written(path, content).replace(path)


def _written(path: Path, content: bytes) -> Path:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    with os.fdopen(handle, "wb") as file:
        if os.geteuid() == 0:  # an administrator's command: the file is for the account that has the directory
            owner = path.parent.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(temporary)
