"""The folder of one system, below the root that the operator gives: found without following a way out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hub.problems import Refused

_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Root:
    """``LIENTHONG_FOLDER_ROOT``."""

    path: Path

    def resolve(self, folder: str) -> Path:
        """Where a system's folder really is. Raises ``Refused('registry-invalid')`` for a way out, ``OSError``."""
        named = PurePosixPath(folder)
        if not folder or "\0" in folder or named.is_absolute() or ".." in named.parts or not named.parts:
            raise Refused("registry-invalid", f"{folder!r}: a path below the root, without ..", "folder")
        root = self.path.resolve(strict=True)
        found = (root / named).resolve(strict=True)
        if found == root or not found.is_relative_to(root):
            raise Refused("registry-invalid", f"{folder}: leads out of the root", "folder")
        return found

    @contextmanager
    def opened(self, folder: str) -> Iterator[int]:
        """The folder's descriptor. Every step of the resolved path is opened without following links: whoever owns a
        folder may exchange it for a link between the look and the opening. Raises like ``resolve``."""
        resolved = self.resolve(folder)
        root = self.path.resolve(strict=True)
        descriptor = os.open(root, _STEP)
        try:
            for step in resolved.relative_to(root).parts:
                following = os.open(step, _STEP, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = following
            yield descriptor
        finally:
            os.close(descriptor)

    def check(self, options: dict[str, Any]) -> str:
        """The folder of a system that is being registered. Raises ``Refused('registry-invalid')``."""
        folder = options.get("folder")
        if not isinstance(folder, str):
            raise Refused("registry-invalid", "the option folder is missing", "folder")
        try:
            with self.opened(folder) as descriptor:
                probe = f".{os.getpid()}.probe"
                os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=descriptor))
                os.unlink(probe, dir_fd=descriptor)
        except OSError as error:
            raise Refused("registry-invalid", f"{folder}: {error.strerror}", "folder") from error
        return folder


def check(options: dict[str, Any], root: Root | None) -> None:
    """Raises ``Refused('registry-invalid')``; ``root`` None: the operator has set none."""
    if root is None:
        raise Refused("registry-invalid", "LIENTHONG_FOLDER_ROOT is not set", "folder")
    root.check(options)


def shared_mode(descriptor: int, own: int) -> int:
    """``own`` rights, with those of the group that the folder gives: who takes documents may read and remove them."""
    group = stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o070
    return own | (group & (own >> 3))
