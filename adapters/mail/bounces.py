"""The mailbox of the return path: a Maildir into which the operator's mail server delivers ``bounce+…``.

What was read is moved to ``processed`` beside it, what says nothing about a mail of ours to ``aside``; nothing is
deleted. A stop between the ledger's commit and the move reads the same report again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import structlog

from adapters.mail import dsn
from hub import clock
from hub.delivery.returned import Returned
from hub.problems import Deferred

log = structlog.get_logger()

PROCESSED, ASIDE = "processed", "aside"
AT_ONCE = 500
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class BounceReader:
    """Runs until cancelled, a look every ``every`` seconds."""

    def __init__(self, returned: Returned, maildir: Path, every: float) -> None:
        self._returned = returned
        self._maildir = maildir
        self._every = every

    async def run(self) -> None:
        while True:
            try:
                await self.step()
            except (Deferred, OSError) as error:
                log.warning("bounces.waiting", reason=str(error))
            await asyncio.sleep(self._every)

    async def step(self) -> int:
        """Read what lies there; how many files that was. Raises ``Deferred`` (ledger) and ``OSError`` (mailbox)."""
        files = await asyncio.to_thread(self._waiting)
        for file in files:
            place = await self._read(file)
            await asyncio.to_thread(self._move, file, place)
        return len(files)

    async def _read(self, file: Path) -> str:
        """Where the file belongs."""
        try:
            report = await asyncio.to_thread(lambda: dsn.read(_octets(file)))
        except (ValueError, OSError) as error:  # also a link, a pipe or a directory
            log.warning("bounces.set_aside", file=file.name, reason=str(error))
            return ASIDE
        except Exception:
            # one mail that brings the reader down must not hide all others
            log.exception("bounces.defect", file=file.name)
            return ASIDE
        if not report.failed and not report.delayed:
            return PROCESSED
        came = await self._returned.came_back(
            report.token, report.status, report.recipient, report.words, failed=report.failed
        )
        log.info("bounces.read", file=file.name, outcome=came, status=report.status)
        return ASIDE if came == "unknown" else PROCESSED

    def _waiting(self) -> list[Path]:
        for name in (PROCESSED, ASIDE):
            (self._maildir / name).mkdir(exist_ok=True)
        found = [
            Path(entry.path)
            for name in ("new", "cur")
            if (self._maildir / name).is_dir()
            for entry in os.scandir(self._maildir / name)
            if not entry.name.startswith(".")
        ]
        return sorted(found, key=lambda file: file.name)[:AT_ONCE]

    def _move(self, file: Path, place: str) -> None:
        target = self._maildir / place / file.name
        if target.exists():
            target = target.with_name(f"{file.name}.{clock.new_id()}")
        file.rename(target)


def _octets(file: Path) -> bytes:
    with os.fdopen(os.open(file, _READ), "rb") as opened:
        return opened.read(dsn.LARGEST)
