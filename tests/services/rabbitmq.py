"""A private RabbitMQ node that can meet no other: own name, port mapper, cookie, data, logs and plugin list."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tests.services.processes import (
    Household,
    ServiceFailed,
    find_program,
    free_port,
    private_directory,
    tail,
    wait_until,
)

PACKAGE = "rabbitmq-server"
START_SECONDS = 90.0
USER = "guest"

# Not /usr/sbin/rabbitmq-server: that wrapper insists on the system's account and directories.
PROGRAM_DIRECTORIES = (Path("/usr/lib/rabbitmq/bin"), Path("/usr/local/lib/rabbitmq/bin"))

CONFIGURATION = """\
listeners.tcp.default = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
management_agent.disable_metrics_collector = true
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GB
raft.wal_max_size_bytes = 67108864
log.console = false
log.file.level = warning
"""


class RabbitMQ:
    """One node; starts when made, ``close()`` (or ``with``) removes every trace.

    ``stop``, ``kill``, ``wipe`` and ``start`` keep the ports, so that clients can find it again.
    """

    def __init__(self, schedulers: int = 1) -> None:
        self._program = find_program("rabbitmq-server", PROGRAM_DIRECTORIES, PACKAGE)
        self._epmd_program = find_program("epmd", (), "erlang-base")
        self._schedulers = schedulers
        self._household = Household(private_directory("lienthong-rabbitmq-"))
        self._log = self._household.directory / "console.log"
        self.port, self._management, self._distribution, self._epmd_port = (free_port() for _ in range(4))
        self._vhosts: list[str] = []
        self._node: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        try:
            self._write_configuration()
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{USER}@127.0.0.1:{self.port}/"

    @property
    def management_url(self) -> str:
        return f"http://{USER}:{USER}@127.0.0.1:{self._management}"

    @property
    def pid(self) -> int | None:
        """The Erlang virtual machine, for CPU accounting."""
        return self._node.pid if self._node else None

    def vhost_url(self, name: str) -> str:
        return self.url + quote(name, safe="")

    def create_vhost(self, name: str) -> str:
        """An isolated name space of exchanges and queues; answers its URL. Survives ``wipe`` (empty)."""
        self._call("PUT", f"/api/vhosts/{quote(name, safe='')}", {})
        self._call(
            "PUT",
            f"/api/permissions/{quote(name, safe='')}/{USER}",
            {"configure": ".*", "write": ".*", "read": ".*"},
        )
        if name not in self._vhosts:
            self._vhosts.append(name)
        return self.vhost_url(name)

    def delete_vhost(self, name: str) -> None:
        """Remove it with its queues; its connections are closed by the node."""
        self._vhosts.remove(name)
        self._call("DELETE", f"/api/vhosts/{quote(name, safe='')}")

    def run(self, command: str) -> None:
        """Run a ``rabbitmqctl`` command line of an operator against this node; raises ``ServiceFailed``."""
        program, *words = shlex.split(command)
        where = find_program(program, PROGRAM_DIRECTORIES, PACKAGE)
        self._household.run([where, "--quiet", *words], self._environment())

    def ask(self, path: str) -> Any:
        """GET from the management interface."""
        return json.loads(self._call("GET", path))

    def start(self) -> None:
        """Start on the same data and ports; returns once clients can connect."""
        environment = self._environment()
        with self._log.open("ab") as log:
            if self._epmd is None:
                # Ours, in the foreground: otherwise Erlang leaves a daemon behind that outlives everything.
                self._epmd = self._household.spawn(
                    [self._epmd_program, "-address", "127.0.0.1", "-port", str(self._epmd_port)], log, environment
                )
                wait_until(lambda: _listening(self._epmd_port), 10)
            self._node = self._household.spawn([self._program], log, environment)
        if not wait_until(lambda: self._ended() or self._answers(), START_SECONDS) or self._ended():
            self.kill()
            raise ServiceFailed(f"RabbitMQ did not start:\n{tail(self._log)}")

    def stop(self) -> None:
        """An orderly shutdown; durable queues and confirmed messages are kept."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, as when the power fails."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Hold every thread still, as a hung machine does: connections stay and nothing answers. Then ``thaw``."""
        assert self._node is not None
        self._node.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self._node.pid}/task")
        if not wait_until(lambda: all(map(_stopped, threads.iterdir())), 10):
            raise ServiceFailed("RabbitMQ did not freeze")

    def thaw(self) -> None:
        assert self._node is not None
        self._node.send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Lose the broker's disk: stop, delete all data, start empty on the same ports with the same vhosts."""
        self.kill()
        shutil.rmtree(self._household.directory / "mnesia")
        self.start()
        for name in self._vhosts:
            self.create_vhost(name)

    def close(self) -> None:
        """Stop and remove everything, the port mapper too. Data goes as well, so no orderly shutdown is needed."""
        self.kill()
        if self._epmd is not None:
            self._household.end(self._epmd, signal.SIGKILL)
            self._epmd = None
        self._household.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_configuration(self) -> None:
        directory = self._household.directory
        configuration = CONFIGURATION.format(amqp=self.port, management=self._management)
        (directory / "rabbitmq.conf").write_text(configuration, encoding="utf-8")
        (directory / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="utf-8")
        (directory / "no-environment.conf").touch()

    def _environment(self) -> dict[str, str]:
        directory = self._household.directory
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        return inherited | {
            "HOME": str(directory),  # the Erlang cookie is made here
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"lienthong{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "no-environment.conf"),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PLUGINS_EXPAND_DIR": str(directory / "plugins-expand"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(directory / "schema"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"-kernel inet_dist_use_interface {{127,0,0,1}} +S {self._schedulers}:{self._schedulers} "
                "+sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            # Makes the script exec the virtual machine instead of standing between it and our signals.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _ended(self) -> bool:
        return self._node is None or self._node.poll() is not None

    def _answers(self) -> bool:
        if not _listening(self.port):
            return False
        try:
            self._call("GET", "/api/vhosts")
        except OSError:
            return False
        return True

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._management}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": "Basic " + base64.b64encode(f"{USER}:{USER}".encode()).decode(),
                "Content-Type": "application/json",
            },
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            octets: bytes = answer.read()
        return octets

    def _end(self, signal_number: signal.Signals) -> None:
        if self._node is not None:
            self._household.end(self._node, signal_number)
            self._node = None


def _stopped(thread: Path) -> bool:
    return (thread / "stat").read_text().rpartition(")")[2].split()[0] == "T"


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
