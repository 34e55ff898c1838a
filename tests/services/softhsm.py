"""A hardware module in software: SoftHSM with tokens of its own, which can be taken away and brought back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.services.processes import ComponentMissing, find_program

PACKAGE = "softhsm2"
MODULES = (
    *Path("/usr/lib").glob("*-linux-gnu*/softhsm/libsofthsm2.so"),
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)
PIN = "468024"


class SoftHsm:
    """``directory`` holds everything. Processes find it by ``SOFTHSM2_CONF``, which is set while this is in use."""

    def __init__(self, directory: Path) -> None:
        self._program = find_program("softhsm2-util", (), PACKAGE)
        found = [module for module in MODULES if module.exists()]
        if not found:
            raise ComponentMissing(f"libsofthsm2.so is not installed; on Debian: apt-get install {PACKAGE}")
        self.module = found[0]
        self.directory = directory
        self._tokens, self._away = directory / "tokens", directory / "away"
        self._tokens.mkdir()
        self.configuration = directory / "softhsm2.conf"
        self.configuration.write_text(f"directories.tokendir = {self._tokens}\nlog.level = ERROR\n")
        self.pin = directory / "pin"
        self.pin.write_text(f"{PIN}\n")
        os.environ["SOFTHSM2_CONF"] = str(self.configuration)

    def token(self, label: str) -> None:
        """A new, empty token. A process that has loaded the module already does not see it."""
        command = ["--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN]
        subprocess.run([self._program, *command], check=True, capture_output=True)

    def uri(self, token: str, key: str, pin: Path | None = None) -> str:
        return f"pkcs11:token={token};object={key}?module-path={self.module}&pin-source={pin or self.pin}"

    def pull(self) -> None:
        """All tokens are gone."""
        self._tokens.rename(self._away)
        self._tokens.mkdir()

    def put_back(self) -> None:
        self._tokens.rmdir()
        self._away.rename(self._tokens)

    def close(self) -> None:
        os.environ.pop("SOFTHSM2_CONF", None)
