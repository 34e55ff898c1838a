"""The administrator's commands, as typed: what they do, what they print, how they end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.sandbox.pki import Pki
from hub.ledger import Ledger, agencies, migration, people, registration, systems, trust
from tests.cli.command import Outcome
from tests.cli.entry import ENTRY, run

DONE, REFUSED, MISUSE = 0, 1, 2


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


class Place:
    """A data directory and a PKI's files beside it."""

    def __init__(self, directory: Path, pki: Pki) -> None:
        self.directory = directory
        self.pki = pki
        self.data = directory / "data"
        self.anchor = self.file("anchor.pem", pki.root.certificate_pem)
        self.crl = self.file("issuing.crl", pki.issuing.crl_pem())

    def file(self, name: str, content: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content)
        return path

    def run(self, *arguments: str | Path) -> Outcome:
        return run(*arguments, "--data", self.data)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        ledger = Ledger.sqlite(self.data / "ledger.sqlite")
        migration.upgrade(ledger)
        yield ledger
        ledger.close()

    def register(self, *systems: str) -> None:
        """Systems to start from, without a process for each."""
        with self.ledger() as ledger:
            for name in systems:
                ledger.write_now(registration.add_system, name, "pull")

    def registered(self) -> list[tuple[str, tuple[str, ...]]]:
        """Codes and aliases of the agencies that are there now."""
        with self.ledger() as ledger:
            return [(one.code, one.aliases) for one in ledger.read_now(agencies.page)]

    def revision(self) -> int:
        with self.ledger() as ledger:
            return ledger.read_now(agencies.revision)


@pytest.fixture
def place(tmp_path: Path, pki: Pki) -> Place:
    return Place(tmp_path, pki)


def test_the_command_is_installed() -> None:
    assert ENTRY.is_file()


def test_a_registry_is_built_by_five_commands(place: Place) -> None:
    trusted = place.run("trust", "add", place.anchor, "--crl", place.crl, "--json")
    assert trusted.code == DONE
    assert (len(trusted.json["anchors"]), len(trusted.json["lists"])) == (1, 1)
    system = place.run("system", "add", "tỉnh Khánh Sơn", "--json")
    assert system.json.keys() == {"name", "client_id", "client_secret"}
    certificate = place.file("h33.pem", place.pki.issue("H33", "UBND tỉnh").certificate_pem)
    given = ("--system", "tỉnh Khánh Sơn", "--alias", "000.00.00.H33", "--certificate", certificate, "--json")
    agency = place.run("agency", "add", "H33", "UBND tỉnh Khánh Sơn", *given)
    assert (agency.code, agency.json) == (DONE, {"code": "H33", "name": "UBND tỉnh Khánh Sơn"})
    child = place.run("agency", "add", "H33.01", "Văn phòng", "--system", "tỉnh Khánh Sơn", "--parent", "H33")
    assert child.code == DONE
    person = place.run("person", "add", "An", "Người vận hành", "--role", "operator", "--role", "auditor", "--json")
    assert person.code == DONE
    assert len(person.json["password"]) >= 16

    listed = place.run("agency", "list", "--json").json
    assert [(one["code"], one["parent"], one["aliases"]) for one in listed] == [
        ("H33", None, ["000.00.00.H33"]),
        ("H33.01", "H33", []),
    ]
    assert [one["name"] for one in place.run("system", "list", "--json").json] == ["tỉnh Khánh Sơn"]
    assert system.json["client_secret"] not in place.run("system", "list").out
    assert len(place.run("trust", "list", "--json").json["anchors"]) == 1

    with place.ledger() as ledger:
        assert ledger.read_now(agencies.holders, agency_certificate(certificate)) == {"H33"}
        kept = ledger.read_now(systems.by_client, system.json["client_id"])
        assert kept is not None
        assert not kept.auditor
        assert ledger.read_now(people.find_by_login, "an") is not None


def agency_certificate(file: Path) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    return x509.load_pem_x509_certificate(file.read_bytes()).fingerprint(hashes.SHA256()).hex()


def test_a_certificate_is_added_beside_the_old_one(place: Place) -> None:
    place.register("s")
    old, new = (place.file(f"{n}.pem", place.pki.issue("H33", "UBND").certificate_pem) for n in ("old", "new"))
    place.run("agency", "add", "H33", "UBND", "--system", "s", "--certificate", old)
    certified = place.run("agency", "certify", "H33", new, "--json")
    assert certified.json == {"code": "H33", "sha256": agency_certificate(new)}
    with place.ledger() as ledger:
        assert all(ledger.read_now(agencies.holders, agency_certificate(one)) == {"H33"} for one in (old, new))
    assert place.run("agency", "certify", "H34", new, "--json").json["code"] == "registry-unknown"


def test_after_a_rollover_the_old_certificate_is_withdrawn_and_its_row_stays(place: Place) -> None:
    place.register("s")
    old, new = (place.file(f"{n}.pem", place.pki.issue("H33", "UBND").certificate_pem) for n in ("old", "new"))
    place.run("agency", "add", "H33", "UBND", "--system", "s", "--certificate", old)
    place.run("agency", "certify", "H33", new)
    assert place.run("agency", "withdraw", "H33", agency_certificate(old)[:12]).code == DONE
    listed = place.run("agency", "certificates", "H33", "--json").json
    active = {agency_certificate(old): False, agency_certificate(new): True}
    assert {one["sha256"]: one["active"] for one in listed} == active
    with place.ledger() as ledger:
        assert ledger.read_now(agencies.holders, agency_certificate(old)) == frozenset()
        assert ledger.read_now(agencies.holders, agency_certificate(new)) == {"H33"}
    again = place.run("agency", "withdraw", "H33", agency_certificate(old), "--json")
    assert (again.code, again.json["code"]) == (REFUSED, "registry-unknown")
    assert place.run("agency", "certify", "H33", old).code == DONE
    with place.ledger() as ledger:
        assert ledger.read_now(agencies.holders, agency_certificate(old)) == {"H33"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("system", "add", "taken"), "registry-conflict"),
        (("system", "add", "new", "--channel", "amqp"), "channel-not-offered"),
        (("agency", "add", "H1", "A", "--system", "taken", "--alias", "H1"), "registry-conflict"),
        (("agency", "add", "H1", "A", "--system", "taken", "--certificate", "none.pem"), "registry-invalid"),
        (("person", "add", "a", "A", "--role", "clerk", "--agency", "H0"), "registry-unknown"),
    ],
)
def test_a_refused_change_exits_1_with_its_code_and_changes_nothing(
    place: Place, arguments: tuple[str, ...], code: str
) -> None:
    place.register("taken")
    before = place.revision()
    outcome = place.run(*arguments, "--json")
    assert outcome.code == REFUSED
    assert outcome.json["code"] == code
    assert outcome.json["title"]
    assert outcome.json["findings"][0]["code"] == code
    assert (place.registered(), place.revision()) == ([], before)


def test_in_words_a_refusal_says_what_and_how_to_mend_it_on_standard_error(place: Place) -> None:
    place.register("taken")
    outcome = run("system", "add", "taken", "--data", place.data, LC_ALL="vi_VN.UTF-8", LANG="vi_VN.UTF-8")
    assert (outcome.code, outcome.out) == (REFUSED, "")
    assert "[registry-conflict]" in outcome.err
    assert "taken" in outcome.err
    assert len(outcome.err.strip().splitlines()) >= 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("agency", "add", "H1", "A"),
        ("agency", "import", "none.csv"),
        ("person", "add", "a", "A"),
        ("system", "remove", "x"),
    ],
)
def test_misuse_exits_2(place: Place, arguments: tuple[str, ...]) -> None:
    outcome = place.run(*arguments)
    assert outcome.code == MISUSE
    assert outcome.out == ""
    assert outcome.err


def test_only_authorities_become_anchors_and_all_of_a_command_or_nothing_is_done(place: Place) -> None:
    leaf = place.file("leaf.pem", place.pki.issue("H33", "UBND").certificate_pem)
    outcome = place.run("trust", "add", place.anchor, leaf, "--json")
    assert (outcome.code, outcome.json["code"]) == (REFUSED, "certificate-usage")
    garbage = place.file("garbage.pem", b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")
    assert place.run("trust", "add", garbage, "--json").json["code"] == "certificate-malformed"
    with place.ledger() as ledger:
        assert ledger.read_now(trust.store).anchors == ()


HEADER = "code,name,system,parent,aliases,certificate\n"


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with-byte-order-mark"])
def test_an_import_registers_every_row(place: Place, mark: str) -> None:
    place.register("s")
    place.file("h33.pem", place.pki.issue("H33", "UBND").certificate_pem)
    rows = HEADER + "H33,UBND tỉnh,s,,000.00.00.H33 cũ,h33.pem\nH33.01,Văn phòng,s,H33,,\n\n"
    outcome = place.run("agency", "import", place.file("rows.csv", (mark + rows).encode()), "--json")
    assert (outcome.code, outcome.json) == (DONE, {"imported": 2})
    assert place.registered() == [("H33", ("000.00.00.H33", "cũ")), ("H33.01", ())]


@pytest.mark.parametrize(
    ("last", "code", "line"),
    [
        ("H33,lặp lại,s,,,\n", "registry-conflict", 4),
        ("H40,UBND,s,H41,,\n", "registry-unknown", 4),
        ("H40,UBND,s,,,none.pem\n", "registry-invalid", 4),
    ],
)
def test_one_wrong_row_and_nothing_is_imported(place: Place, last: str, code: str, line: int) -> None:
    place.register("s")
    rows = HEADER + "H33,UBND tỉnh,s,,,\nH34,UBND tỉnh,s,,,\n" + last
    outcome = place.run("agency", "import", place.file("rows.csv", rows.encode()), "--json")
    assert (outcome.code, outcome.json["code"]) == (REFUSED, code)
    assert f"rows.csv:{line}" in outcome.json["findings"][0]["detail"]
    assert place.registered() == []


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", "mã,tên\nH33,UBND\n".encode("utf-16"), b"nothing,of,this\n1,2,3\n"]
)
def test_a_file_that_is_no_such_table_is_refused(place: Place, content: bytes) -> None:
    place.register("s")
    outcome = place.run("agency", "import", place.file("rows.csv", content), "--json")
    assert (outcome.code, outcome.json["code"]) == (REFUSED, "registry-invalid")
