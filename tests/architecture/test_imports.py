"""Imports go down the house (``.importlinter``), and the contracts really bite."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import PROGRAM, ROOT, python_files

VIOLATIONS = {
    "rooms": ("hub/envelope", "import hub.ledger"),
    "settings": ("hub/ledger", "import hub.settings"),
    "agency-side": ("adapters/sandbox", "import hub.ledger"),
    "web": ("hub/ledger", "import fastapi"),
    "database": ("hub/envelope", "import sqlalchemy"),
    "amqp": ("hub/ledger", "from aio_pika.abc import AbstractChannel"),
    "xml": ("hub/ledger", "from lxml import etree"),
    "templates": ("hub/ledger", "import jinja2"),
    "http-client": ("hub/ledger", "import httpx"),
    "pydantic": ("hub/ledger", "from pydantic import BaseModel"),
    "settings-reader": ("hub/ledger", "import pydantic_settings"),
    "terminal": ("hub/ledger", "import typer"),
    "pdf": ("hub/ledger", "import pypdf"),
    "time-stamps": ("hub/ledger", "import rfc3161_client"),
    "hardware": ("hub/ledger", "import pkcs11"),
    "openid": ("hub/ledger", "import joserfc"),
    "second-factors": ("hub/dashboard", "import pyotp"),
    "pictures": ("hub/inspection", "import pypdfium2"),
    "drawing": ("hub/dashboard", "import hub.inspection.pdf_picture"),
}
"""One import for each contract that it must refuse: (room, statement)."""


def contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    return parser


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", program, "--no-cache", "--config", str(directory / ".importlinter")]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_no_room_imports_what_it_may_not() -> None:
    outcome = lint(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_every_room_has_its_floor() -> None:
    layers = contracts()["importlinter:contract:rooms"]["layers"]
    floors = {name.strip(" ()\n") for line in layers.splitlines() for name in line.split("|")}
    rooms = {".".join(Path(path).with_suffix("").parts[:2]) for path in python_files("hub")}
    assert rooms - {"hub.__init__", "hub.settings"} <= floors, "a room is missing from .importlinter"


@pytest.fixture(scope="module")
def broken_house(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the contracts say to a copy of the house in which every one of them is broken once."""
    copy = tmp_path_factory.mktemp("house")
    for top in PROGRAM:
        shutil.copytree(ROOT / top, copy / top, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", copy)
    for key, (room, statement) in VIOLATIONS.items():
        (copy / room / f"broken_{key.replace('-', '_')}.py").write_text(statement + "\n", encoding="utf-8")
    outcome = lint(copy)
    assert outcome.returncode != 0, outcome.stdout
    return outcome.stdout


@pytest.mark.parametrize("key", sorted(VIOLATIONS))
def test_each_contract_refuses_its_violation(broken_house: str, key: str) -> None:
    name = contracts()[f"importlinter:contract:{key}"]["name"]
    assert f"{name} BROKEN" in broken_house, broken_house


def test_no_contract_lacks_its_violation() -> None:
    keys = {section.rpartition(":")[2] for section in contracts().sections() if ":contract:" in section}
    assert keys == set(VIOLATIONS)
