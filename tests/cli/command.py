"""Running ``lienthong`` as a user does: its own process, its own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-c", "from hub.cli import main; main()"]


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIENTHONG_")}
    return {**kept, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(Path(__file__).parents[2]), **changes}


def lienthong(*arguments: str | Path, **changes: str) -> Outcome:
    """Run one command to its end; environment variables as keywords."""
    command = [*PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(**changes), check=False, timeout=60)
    return Outcome(done.returncode, done.stdout, done.stderr)
