"""Every command of the README is executed as it stands, in order, in the checkout itself."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import PostgreSQL, RabbitMQ
from tests.world import PDF, free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
DEMO, *REST = BLOCKS
# make check would run this very suite inside itself, and does run around it
TRIAL = [block for block in REST if "LIENTHONG_DATABASE_URL" not in block and "make check" not in block]
PRODUCTION = [block for block in REST if "LIENTHONG_DATABASE_URL" in block]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory that looks like the checkout but keeps what the commands write to itself."""
    directory = tmp_path_factory.mktemp("readme")
    for name in os.listdir(ROOT):
        if name not in (".git", "var", "lienthong-data"):
            (directory / name).symlink_to(ROOT / name)
    (directory / "letter.pdf").write_bytes(PDF)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def environment(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LIENTHONG_", "MAKE"))}
    return {**clean, **more}


@pytest.fixture(scope="module")
def demo(checkout: Path) -> Iterator[str]:
    """The README's first command, running; what it printed."""
    port = free_port()
    with (checkout / "demo.out").open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-euc", f"exec {DEMO.strip()}"],
            cwd=checkout,
            env=environment(LIENTHONG_LISTEN=f"127.0.0.1:{port}"),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while "Ctrl-C" not in (checkout / "demo.out").read_text(encoding="utf-8"):
            assert process.poll() is None, (checkout / "demo.out").read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield (checkout / "demo.out").read_text(encoding="utf-8")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(20)


def run(commands: str, cwd: Path, **more: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_readmes_trial_sends_a_letter_and_shows_the_sender_everything(checkout: Path, demo: str) -> None:
    said = run("\n".join(TRIAL), checkout)
    for expected in ("envelope.accepted", "delivery.settled", "03", "06", "delivery.refused", "Gửi nhầm cơ quan"):
        assert expected in said
    taken = list((checkout / "var/inbox").glob("*/letter.pdf"))
    assert [one.read_bytes() for one in taken] == [PDF]
    assert (
        next((checkout / "var/inbox").glob("*/envelope.edxml")).read_bytes()
        == (checkout / "var/letter.edxml").read_bytes()
    )


@pytest.mark.slow
def test_the_curl_line_that_the_demo_prints_works(checkout: Path, demo: str) -> None:
    (line,) = [one.strip() for one in demo.splitlines() if one.strip().startswith("curl")]
    assert "UBND" in run(line, checkout)


@pytest.mark.slow
def test_the_readmes_production_commands_work_on_postgresql_and_rabbitmq(
    checkout: Path, demo: str, postgresql: PostgreSQL, rabbitmq: RabbitMQ
) -> None:
    (block,) = PRODUCTION
    block = block.replace("postgresql://lienthong@127.0.0.1/lienthong", postgresql.create_database("readme"))
    block = block.replace("amqp://lienthong@127.0.0.1/", rabbitmq.create_vhost("readme"))
    said = run(f'export PATH="{ROOT}/.venv/bin:$PATH"\n{block}', checkout)
    assert "production" in said
    assert "WRONG" not in said


def test_the_readme_shows_every_kind_of_command() -> None:
    assert DEMO.strip().startswith("make demo")
    assert len(TRIAL) == 4
    assert len(PRODUCTION) == 1
