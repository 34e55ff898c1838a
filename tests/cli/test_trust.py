"""``trust add --crl`` and what ``doctor`` says of lists: signatures are checked, staleness is a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.sandbox.pki import Authority, Pki, new_key
from hub import clock
from tests.cli.entry import run
from tests.cli.test_care import checks
from tests.signatures.revocations import DAY, der

DONE, REFUSED = 0, 1


@pytest.fixture
def pki() -> Pki:
    return Pki.create()


@pytest.fixture
def anchor(pki: Pki, tmp_path: Path) -> Path:
    file = tmp_path / "anchor.pem"
    file.write_bytes(pki.anchor_pem)
    return file


def written(directory: Path, name: str, content: bytes) -> Path:
    (directory / name).write_bytes(content)
    return directory / name


def test_several_lists_in_one_file_are_added_and_the_unknown_authority_is_named(
    pki: Pki, anchor: Path, tmp_path: Path
) -> None:
    both = written(tmp_path, "lists.pem", pki.crls_pem)
    outcome = run("trust", "add", anchor, "--crl", both, "--data", tmp_path / "data", "--json")
    issuing = pki.issuing.certificate.subject.rfc4514_string()
    assert outcome.code == DONE
    assert (len(outcome.json["lists"]), outcome.json["unverified"]) == (2, [issuing])
    told = run("trust", "add", "--crl", both, "--data", tmp_path / "data", anchor).out
    assert f"{issuing}: its authority's certificate is not known yet" in told
    state = checks(**run("doctor", "--data", tmp_path / "data", "--json").json)["revocation lists"]
    assert state == (True, f"1 fresh; authority not known yet: {issuing}")


def test_a_list_that_somebody_else_signed_is_refused_and_nothing_is_added(
    pki: Pki, anchor: Path, tmp_path: Path
) -> None:
    forged = written(tmp_path, "forged.crl", der(Authority(new_key("p384"), pki.root.certificate).crl()))
    outcome = run("trust", "add", anchor, "--crl", forged, "--data", tmp_path / "data", "--json")
    assert (outcome.code, outcome.json["code"]) == (REFUSED, "registry-invalid")
    assert run("trust", "list", "--data", tmp_path / "data", "--json").json == {"anchors": [], "lists": []}


def test_the_doctor_finds_a_stale_list(pki: Pki, anchor: Path, tmp_path: Path) -> None:
    old = written(tmp_path, "old.crl", der(pki.root.crl(issued=clock.now() - 30 * DAY)))
    assert run("trust", "add", anchor, "--crl", old, "--data", tmp_path / "data").code == DONE
    outcome = run("doctor", "--data", tmp_path / "data", "--json")
    good, detail = checks(**outcome.json)["revocation lists"]
    assert (outcome.code, good) == (REFUSED, False)
    assert pki.root.certificate.subject.rfc4514_string() in detail
    assert "stale" in detail
    written(tmp_path, "new.crl", der(pki.root.crl()))
    assert run("trust", "add", anchor, "--crl", tmp_path / "new.crl", "--data", tmp_path / "data").code == DONE
    outcome = run("doctor", "--data", tmp_path / "data", "--json", LIENTHONG_REVOCATION_MAX_AGE_SECONDS="60")
    assert checks(**outcome.json)["revocation lists"][0] is False, "five minutes old, and a minute is allowed"
    assert checks(**run("doctor", "--data", tmp_path / "data", "--json").json)["revocation lists"] == (True, "1 fresh")
