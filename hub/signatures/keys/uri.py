"""PKCS#11 URIs (RFC 7512): which private key in which token of which module, and where its PIN stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import unquote_to_bytes

SCHEME = "pkcs11:"
_NAMES = {"slot-id": "slot", "module-path": "module", "pin-source": "pin"}
_TOKENS = ("token", "serial", "manufacturer", "model")


@dataclass(frozen=True, slots=True)
class Pkcs11Uri:
    """Attributes that are not given are None; ``type`` is always private."""

    module: Path
    pin: Path
    token: str | None = None
    serial: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    slot: int | None = None
    object: str | None = None
    id: bytes | None = None

    @classmethod
    def parse(cls, text: str) -> Pkcs11Uri:
        """Raises ``ValueError`` that says what is wrong."""
        path, _, query = text.removeprefix(SCHEME).partition("?")
        if not text.startswith(SCHEME) or "#" in text:
            raise ValueError("a PKCS#11 URI is pkcs11:token=…;object=…?module-path=…&pin-source=…")
        found = {**_attributes(path, ";", _PATH), **_attributes(query, "&", _QUERY)}
        if found.pop("type", b"private") != b"private":
            raise ValueError("type is private, or is not given")
        if missing := [name for name in ("module-path", "pin-source") if not found.get(name)]:
            raise ValueError(f"{missing[0]} is missing")
        if not any(name in found for name in (*_TOKENS, "slot-id")):
            raise ValueError("token, serial or slot-id is missing: which token?")
        if not ("object" in found or "id" in found):
            raise ValueError("object or id is missing: which key?")
        return cls(**{_NAMES.get(name, name): _value(name, octets) for name, octets in found.items()})  # type: ignore[arg-type]  # the value's kind follows from its name

    @property
    def key(self) -> str:
        """The key as a person would name it."""
        return self.object if self.object is not None else f"id {self.id.hex() if self.id else ''}"

    @property
    def where(self) -> str:
        """The token as a person would name it."""
        given = {one.name: getattr(self, one.name) for one in fields(self) if one.name in (*_TOKENS, "slot")}
        return ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)


_PATH = frozenset({*_TOKENS, "slot-id", "object", "id", "type"})
_QUERY = frozenset({"module-path", "pin-source"})


def _attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, value in _pairs(text, separator):
        if name == "pin-value":
            raise ValueError("pin-value would show the PIN: write it to a file and name that as pin-source")
        if name not in known:
            raise ValueError(f"{name} is not an attribute that is known here")
        if name in found:
            raise ValueError(f"{name} stands twice")
        found[name] = unquote_to_bytes(value)
    return found


def _pairs(text: str, separator: str) -> Iterator[tuple[str, str]]:
    for one in filter(None, text.split(separator)):
        name, equals, value = one.partition("=")
        if not equals:
            raise ValueError(f"{one}: NAME=VALUE")
        yield name, value


def _value(name: str, octets: bytes) -> object:
    if name == "id":
        return octets
    text = octets.decode("utf-8")
    if name == "slot-id":
        if not text.isdigit():
            raise ValueError("slot-id is a number")
        return int(text)
    if name == "pin-source":
        text = "/" + text.removeprefix("file:").lstrip("/") if text.startswith("file:/") else text
        if text.startswith("|"):
            raise ValueError("pin-source is a file; commands are not run")
    if name in ("module-path", "pin-source"):
        if not text.startswith("/"):
            raise ValueError(f"{name} is a path from the root")
        return Path(text)
    return text
