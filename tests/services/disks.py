"""A small disk that can be full: a file system in memory, mounted for as long as it is needed (by root only)."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self


class SmallDisk:
    """``fill`` leaves no room, ``clear`` gives it back. Raises ``PermissionError`` where nothing may be mounted."""

    def __init__(self, octets: int, directory: Path | None = None) -> None:
        if os.geteuid() != 0:
            raise PermissionError("only root may mount a file system")
        self._own = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="lienthong-disk-", dir="/tmp"))
        self.directory.mkdir(parents=True, exist_ok=True)
        options = f"size={octets},mode=0755"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "lienthong-small", str(self.directory)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PermissionError(done.stderr.strip())

    @property
    def _ballast(self) -> Path:
        return self.directory / ".ballast"

    def fill(self, leaving: int = 0) -> None:
        """Take all the room but ``leaving`` octets."""
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(64 * 1024))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        if leaving:
            os.truncate(self._ballast, max(0, self._ballast.stat().st_size - leaving))

    def clear(self) -> None:
        self._ballast.unlink()

    def close(self) -> None:
        # lazily: whoever still holds a file there is about to end
        subprocess.run(["umount", "-l", str(self.directory)], check=True)
        if self._own:
            self.directory.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
