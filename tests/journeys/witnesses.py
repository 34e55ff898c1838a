"""A witness in its own process, as ``lienthong witness`` runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.world import free_port

PROGRAM = [sys.executable, "-m", "hub", "witness"]


@dataclass
class WitnessProgram:
    """``told``: what it printed when it began to answer. It keeps its key, its state and its port over restarts."""

    directory: Path
    logs: Sequence[str]
    program: Sequence[str] = field(default_factory=lambda: PROGRAM)
    port: int = field(default_factory=free_port)
    told: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def key_file(self) -> Path:
        return self.directory / "keys" / "witness.pem"

    @property
    def setting(self) -> str:
        """For ``LIENTHONG_WITNESSES``."""
        return f"{self.told['key']}={self.told['url']}"

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        files = ["--key", str(self.key_file), "--state", str(self.state), "--name", "witness.test/w1"]
        logs = [argument for one in self.logs for argument in ("--log", one)]
        with (self.directory / "witness.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, *files, *logs, "--listen", f"127.0.0.1:{self.port}", "--json"],
                env={name: value for name, value in os.environ.items() if not name.startswith("LIENTHONG_")},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        lines: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            lines.append(line)
            if line.rstrip() == "}":
                break
        assert lines, self.errors()
        self.told = json.loads("".join(lines))

    def errors(self) -> str:
        return (self.directory / "witness.log").read_text()

    def stop(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def submit(self, body: bytes) -> httpx.Response:
        return httpx.post(f"{self.told['url']}/add-checkpoint", content=body, timeout=30)

    def evidence(self) -> list[dict[str, Any]]:
        return [json.loads(file.read_text()) for file in sorted((self.state / "evidence").glob("*.json"))]
