"""PKCS#11 modules of this process: their tokens, the login, sessions, and starting one anew.

A module is loaded once a process and shared by all keys in its tokens. When a token was away, the module is started
anew: many modules see a token that came back in no other way.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
from pkcs11.exceptions import PinIncorrect, PinInvalid, PinLenRange, PinLocked, PKCS11Error, UserAlreadyLoggedIn

from hub.signatures.keys.uri import Pkcs11Uri

T = TypeVar("T")
QUIET_SECONDS = 30.0
_PIN_WRONG = (PinIncorrect, PinInvalid, PinLenRange, PinLocked)


class HardwareError(Exception):
    """What is wrong with a module, a token, a PIN or a key in it; the text is for the operator."""


def words(error: BaseException) -> str:
    """PKCS#11 errors have a name and often nothing else."""
    return f"{type(error).__name__} {error}".strip() if isinstance(error, PKCS11Error) else str(error)


class Module:
    """``generation`` counts how often it was started anew; sessions of an older one are void.

    The library starts modules without locking (``C_Initialize(NULL)``, PKCS#11 2.40 §5.4): one thread at a time may
    call them, so every call is made within ``run``. Who has to sign more at once runs more processes.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.library = pkcs11.lib(str(path))
        except PKCS11Error as error:
            raise HardwareError(f"{path}: cannot be loaded as a PKCS#11 module: {error}") from error
        self.path = path
        self.generation = 0
        self._alone = threading.Lock()

    def run(self, work: Callable[[], T]) -> T:
        """Work that calls the module, alone. Raises ``HardwareError`` when another call does not come back."""
        if not self._alone.acquire(timeout=QUIET_SECONDS):
            raise HardwareError(f"{self.path}: the module does not come back from a call")
        try:
            return work()
        finally:
            self._alone.release()

    def renew(self) -> None:
        """Start it anew, within ``run``. Raises ``PKCS11Error``."""
        self.generation += 1
        self.library.reinitialize()

    def token(self, uri: Pkcs11Uri) -> Any:
        """The one token that the URI means. Raises ``HardwareError``."""
        found = [token for token in map(_token_in, self._slots(uri)) if token is not None and _is_meant(token, uri)]
        if len(found) != 1:
            raise HardwareError(f"{len(found) or 'no'} token with {uri.where} in {self.path}")
        return found[0]

    def _slots(self, uri: Pkcs11Uri) -> list[Any]:
        slots = self.library.get_slots(token_present=True)
        return [slot for slot in slots if uri.slot is None or slot.slot_id == uri.slot]


_loading = threading.Lock()


@functools.cache
def _loaded(path: Path) -> Module:
    return Module(path)


def loaded(path: Path) -> Module:
    """The module, loaded on first use. Raises ``HardwareError``."""
    with _loading:
        return _loaded(path)


def _token_in(slot: Any) -> Any:
    """None for a slot whose token cannot be asked: it may be another one than the URI means."""
    try:
        return slot.get_token()
    except PKCS11Error:
        return None


def _is_meant(token: Any, uri: Pkcs11Uri) -> bool:
    wanted = {
        "label": uri.token,
        "serial": None if uri.serial is None else uri.serial.encode(),
        "manufacturer_id": uri.manufacturer,
        "model": uri.model,
    }
    return all(value is None or getattr(token, name) == value for name, value in wanted.items())


class Login:
    """Sessions of a token into which this process is logged in once (PKCS#11 2.40 §5.6: a login is the process's).

    Everything here is called within ``Module.run``.
    """

    def __init__(self, module: Module, uri: Pkcs11Uri) -> None:
        self._module = module
        self._uri = uri
        self._first: tuple[int, Any] = (-1, None)  # the session that keeps the login, with its generation
        self._refused = ""

    def session(self, *, writing: bool = False) -> Any:
        """A new session. Raises ``HardwareError``, ``PKCS11Error``."""
        token = self._module.token(self._uri)
        if self._first[0] != self._module.generation:
            self._first = (self._module.generation, self._log_in(token))
        return token.open(rw=writing)

    def _log_in(self, token: Any) -> Any:
        if self._refused:  # asking again would use up the tries that the token allows
            raise HardwareError(self._refused)
        try:
            pin = self._uri.pin.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise HardwareError(f"{self._uri.pin}: the PIN cannot be read: {error}") from error
        try:
            return token.open(user_pin=pin)
        except UserAlreadyLoggedIn:  # by another key of this token
            return token.open()
        except _PIN_WRONG as error:
            self._refused = f"the token ({self._uri.where}) refuses the PIN in {self._uri.pin}: {words(error)}"
            raise HardwareError(self._refused) from error
