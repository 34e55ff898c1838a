"""The services that every other proof stands on: private, restartable, and leaving nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.services import ComponentMissing, PostgreSQL, RabbitMQ
from tests.services.processes import find_program, wait_until

ROOT = Path(__file__).resolve().parents[2]

LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp
LOOPBACK = "0100007F"  # 127.0.0.1 as the kernel prints it

ABANDON = """
import os, sys
sys.path.insert(0, {root!r})
from tests.services import PostgreSQL
server = PostgreSQL()
print(server.pid, server._household.directory, flush=True)
sys.stdin.readline()
"""


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(
        ComponentMissing, match=r"no-such-server is not installed; on Debian: apt-get install .*a-package"
    ):
        find_program("no-such-server", (), "a-package")


def test_postgresql_keeps_committed_rows_through_kill_nine(database_url: str, postgresql: PostgreSQL) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        connection.execute("CREATE TABLE kept (value int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    postgresql.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database_url)
    postgresql.start()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [(7,)]


def test_each_database_is_empty(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_rabbitmq_listens_on_loopback_only(rabbitmq: RabbitMQ) -> None:
    process = Path(f"/proc/{rabbitmq.pid}")
    sockets = {os.readlink(file) for file in (process / "fd").iterdir() if file.is_symlink()}
    listening = []
    for table in ("tcp", "tcp6"):
        for line in (process / "net" / table).read_text().splitlines()[1:]:
            local, state, inode = (line.split()[column] for column in (1, 3, 9))
            if state == LISTENING and f"socket:[{inode}]" in sockets:
                listening.append(local.rpartition(":")[0])
    assert listening
    assert set(listening) == {LOOPBACK}


@pytest.mark.parametrize("last_word", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_survives_an_owner_that_was_killed(last_word: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", ABANDON.format(root=str(ROOT))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdout is not None
    pid, directory = owner.stdout.readline().split()
    assert Path(directory).is_dir()
    owner.send_signal(last_word)
    owner.communicate(timeout=30)
    assert wait_until(lambda: not Path(directory).exists(), 10)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
