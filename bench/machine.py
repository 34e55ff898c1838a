"""What a figure means nothing without: processors, versions."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.services.postgresql import binaries


def describe() -> dict[str, str]:
    """Machine and versions, in the order in which they are shown."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    libraries = ("uvicorn", "uvloop", "httptools", "fastapi", "sqlalchemy", "psycopg", "aio-pika", "lxml", "signxml")
    return {
        "processors": f"{len(os.sched_getaffinity(0))} x {cpu.group(1) if cpu else platform.machine()}",
        "memory": f"{int(memory.group(1)) / 2**20:.1f} GiB" if memory else "unknown",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": _output([str(binaries() / "postgres"), "--version"]),
        "RabbitMQ": _rabbitmq(),
        "SQLite": sqlite3.sqlite_version,
        "libraries": ", ".join(f"{name} {version(name)}" for name in libraries),
    }


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[2]


def _rabbitmq() -> str:
    """The installed release, told by its library directory: asking the program would start an Erlang node."""
    releases = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    return releases[-1].name.partition("-")[2] if releases else "unknown"
