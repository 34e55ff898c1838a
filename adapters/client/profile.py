"""An agency's profile: one TOML file, mode 0600, that says who signs, how to log in, and where the hub is."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from adapters.client.asynchronous import AsyncHubClient
from adapters.client.synchronous import HubClient
from hub.problems import Finding, Misconfigured
from hub.signatures.sign import Signer

_REQUIRED = ("hub", "client_id", "client_secret", "agency", "name", "key", "certificates")


@dataclass(frozen=True, slots=True)
class Profile:
    """``key`` and ``certificates`` are PEM files; in the file they may be relative to it.

    ``log_keys``: verifier keys of the hub's transparency log (C2SP signed-note), from someone else than the hub.
    """

    hub: str
    client_id: str
    client_secret: str = field(repr=False)
    agency: str
    name: str
    key: Path
    certificates: Path
    ca_file: Path | None = None
    language: str = "vi"
    log_keys: tuple[str, ...] = ()

    @classmethod
    def load(cls, file: Path) -> Profile:
        """Read a profile; raises ``Misconfigured`` naming all that is missing, or a mode that others can read."""
        try:
            mode = file.stat().st_mode
            table = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Misconfigured("settings-invalid", str(error), str(file)) from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Misconfigured("settings-invalid", "holds a secret: chmod 600 it", str(file))
        missing = tuple(
            Finding("settings-invalid", f"{name} is missing or not a text", str(file))
            for name in _REQUIRED
            if not isinstance(table.get(name), str)
        )
        if missing:
            raise Misconfigured("settings-invalid", findings=missing)
        return cls(
            hub=table["hub"].rstrip("/"),
            client_id=table["client_id"],
            client_secret=table["client_secret"],
            agency=table["agency"],
            name=table["name"],
            key=file.parent / table["key"],
            certificates=file.parent / table["certificates"],
            ca_file=file.parent / table["ca_file"] if table.get("ca_file") else None,
            language=str(table.get("language", "vi")),
            log_keys=tuple(str(table.get("log_keys", "")).split()),
        )

    def save(self, file: Path) -> None:
        """Write the profile with mode 0600; files beside it are named relative to it."""
        rows = {
            "hub": self.hub,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "agency": self.agency,
            "name": self.name,
            "key": os.path.relpath(self.key, file.parent),
            "certificates": os.path.relpath(self.certificates, file.parent),
            "language": self.language,
        }
        if self.log_keys:
            rows["log_keys"] = " ".join(self.log_keys)
        if self.ca_file:
            rows["ca_file"] = os.path.relpath(self.ca_file, file.parent)
        # A JSON string is a TOML basic string (TOML 1.0, "String") for everything that may stand in these fields.
        text = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in rows.items())
        write_private(file, text.encode())

    def signer(self) -> Signer:
        """The agency's key and chain; raises ``Misconfigured`` when the files cannot be read or do not fit."""
        try:
            return Signer.from_pem(self.key.read_bytes(), self.certificates.read_bytes())
        except OSError as error:
            raise Misconfigured("settings-invalid", str(error), str(error.filename)) from error

    def client(self, language: str | None = None) -> HubClient:
        return HubClient(
            self.hub, self.client_id, self.client_secret, ca_file=self.ca_file, language=language or self.language
        )

    def async_client(self) -> AsyncHubClient:
        return AsyncHubClient(
            self.hub, self.client_id, self.client_secret, ca_file=self.ca_file, language=self.language
        )


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
