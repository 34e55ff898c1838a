"""The examples for operators agree with the program: settings, roles, limits, pins."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement

from hub.settings import Settings
from tests.architecture.tree import ROOT, tracked

READ_BEFORE_THE_SETTINGS = {"LIENTHONG_CONFIG", "LIENTHONG_SECRETS_DIR"}
EXAMPLE = (ROOT / "deploy" / "production.env.example").read_text(encoding="utf-8")
NGINX = (ROOT / "deploy" / "nginx" / "lienthong.conf").read_text(encoding="utf-8")
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
PIN_FILES = ("constraints.txt", "deploy/constraints-dev.txt")


def assignments(commented: bool) -> dict[str, str]:
    mark = "#" if commented else ""
    return dict(re.findall(rf"^{mark}(LIENTHONG_[A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def variable(field: str) -> str:
    return f"LIENTHONG_{field.upper()}"


def pins() -> dict[str, str]:
    content = "".join((ROOT / name).read_text(encoding="utf-8") for name in PIN_FILES)
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s\\]+)", content, re.MULTILINE))


def test_the_example_names_every_setting_and_no_other() -> None:
    named = set(assignments(commented=False)) | set(assignments(commented=True))
    assert named - READ_BEFORE_THE_SETTINGS == {variable(field) for field in Settings.model_fields}


def test_the_variables_named_anywhere_exist() -> None:
    known = {variable(field) for field in Settings.model_fields} | READ_BEFORE_THE_SETTINGS
    own = known | {"LIENTHONG_PROFILE"}  # read by the command line, which hands it to the agency's client
    unknown = set()
    for path in tracked():
        if path.startswith(("deploy/", "README", "Makefile", ".ci/")):
            found = re.findall(r"LIENTHONG_[A-Z_]+[A-Z]", (ROOT / path).read_text(encoding="utf-8"))
            unknown |= {f"{path}: {name}" for name in found if name not in own}
    assert not unknown


def test_the_example_is_a_valid_production_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in assignments(commented=False).items():
        if name not in READ_BEFORE_THE_SETTINGS:
            monkeypatch.setenv(name, value)
    settings = Settings()
    assert not settings.embedded
    assert settings.behind_proxy


@pytest.mark.parametrize("field", ["max_envelope_bytes", "max_recipients", "lease_seconds", "sweep_after_seconds"])
def test_the_example_shows_the_defaults_that_it_comments_out(field: str) -> None:
    assert float(assignments(commented=True)[variable(field)]) == Settings.model_fields[field].default


def test_the_proxy_leaves_limits_and_long_polls_to_the_hub() -> None:
    megabytes = re.search(r"client_max_body_size (\d+)m;", NGINX)
    seconds = re.search(r"proxy_read_timeout (\d+)s;", NGINX)
    assert megabytes is not None
    assert seconds is not None
    assert int(megabytes[1]) * 1024 * 1024 > Settings.model_fields["max_envelope_bytes"].default
    assert int(seconds[1]) > Settings.model_fields["long_poll_seconds"].default


def test_there_is_one_unit_for_each_role() -> None:
    assert [unit.stem for unit in UNITS] == [f"lienthong-{role}" for role in ("deliver", "relay", "serve", "sweep")]
    for unit in UNITS:
        role = unit.stem.removeprefix("lienthong-")
        assert f"ExecStart=/opt/lienthong/.venv/bin/lienthong {role}\n" in unit.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PIN_FILES)
def test_every_pin_is_exact_and_hashed(name: str) -> None:
    content = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in content.splitlines() if line and not line.startswith("#")]
    assert lines
    wrong = [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==\S+(?:\s+--hash=sha256:[0-9a-f]{64})+", line)]
    assert not wrong


def test_the_pins_satisfy_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    declared += project["dependency-groups"]["dev"]
    pinned = pins()
    for line in declared:
        requirement = Requirement(line)
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert name in pinned, f"{name} is not pinned: run deploy/pin.py"
        assert requirement.specifier.contains(pinned[name]), f"{line}, but {pinned[name]} is pinned: run deploy/pin.py"


def test_the_tests_run_on_the_pinned_versions() -> None:
    wrong = {name: (pinned, version(name)) for name, pinned in pins().items() if version(name) != pinned}
    assert not wrong, "this environment is not the pinned one: run make test"
