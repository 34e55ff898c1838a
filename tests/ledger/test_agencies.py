"""The registry's rows: identifiers are unique across codes and aliases, and every change raises the revision."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from adapters.sandbox.pki import Flaw, Pki
from hub import clock
from hub.audit import Event
from hub.language.folding import words_of
from hub.ledger import agencies, agency_tree, exchange_log, registration, search, systems, trust
from hub.ledger.exchange_log import LogQuery
from hub.problems import Refused
from tests.ledger.stage import Stage, Store


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.create()


def code_of(work: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refusal:
        work()
    return refusal.value.code


def add(stage: Stage, code: str, parent: str | None = None, aliases: tuple[str, ...] = (), **more: Any) -> None:
    given = {"name": f"Cơ quan {code}", "system": "system h33", **more}
    stage.ledger.write_now(
        registration.add_agency, code, given["name"], given["system"], parent, aliases, given.get("certificate")
    )


def revision(stage: Stage) -> int:
    return stage.ledger.read_now(agencies.revision)


def test_an_agency_is_found_by_its_code_and_by_every_alias(stage: Stage) -> None:
    add(stage, "H33.07", aliases=("000.00.07.H33", "so y te"))
    asked = ["H33.07", "000.00.07.H33", "so y te", "H33.7", "h33.07"]
    found = stage.ledger.read_now(agencies.find, asked)
    assert {key: agency.code for key, agency in found.items()} == dict.fromkeys(asked[:3], "H33.07")
    assert found["H33.07"].system_id == "h33"


def test_a_directory_entry_is_found_by_alias_and_shows_its_aliases(stage: Stage) -> None:
    add(stage, "H33.07", "H33", ("b", "a"))
    entry = stage.ledger.read_now(agencies.entry, "b")
    assert entry is not None
    assert (entry.code, entry.parent, entry.level, entry.aliases) == ("H33.07", "H33", 2, ("a", "b"))
    assert stage.ledger.read_now(agencies.entry, "c") is None


QUOTED = "Trạm O'Kim \\\\ *: & | ! <-> (số 7)"
FORMER = {"H33.07": "cu.01", "H33.12": "cu.02", "H33.O7": "cu.03", "K1": "x.04"}
NAMES = {"H33.07": "Sở Y tế", "H33.12": "Sở Tài chính", "H33.O7": QUOTED, "K1": "Y sĩ " + "dài" * 60}
BEGINNINGS = (
    "so", "SỞ", "y", "y te", "so y t", "o7", "h33.07", "33", "ế", "te so", "o'k", "\\\\", "*: & |", "%", "_",
    "kim so 7", "tai ch", "dai" * 60, "dai" * 30, "dai" * 90, "khong co", "cu.0",
)  # fmt: skip
PARTS = ("ở Y", "y t", "33.0", "tài ch", "ố 7)", "O'K", "ế", "%", "không")


def test_agencies_are_found_by_the_beginnings_of_their_words(stage: Stage) -> None:
    for code, name in NAMES.items():
        add(stage, code, name=name, aliases=(FORMER[code],))
    has = {code: words_of(f"{code} {name} {FORMER[code]}") for code, name in NAMES.items()}
    for asked in BEGINNINGS:
        meant = {
            code
            for code in NAMES
            if words_of(asked) and all(any(one.startswith(word) for one in has[code]) for word in words_of(asked))
        }
        listed = stage.ledger.read_now(agency_tree.search, asked, limit=100)
        assert {one.code for one in listed.rows} & set(NAMES) == meant, asked
        assert set(stage.ledger.read_now(search.agencies_named, asked, 100)) & set(NAMES) == meant, asked


def test_the_directory_is_searched_by_any_part_of_name_or_code(stage: Stage) -> None:
    for code, name in NAMES.items():
        add(stage, code, name=name)
    for asked in PARTS:
        part = asked.lower()
        found = {one.code for one in stage.ledger.read_now(agencies.page, None, asked)} & set(NAMES)
        assert found == {code for code, name in NAMES.items() if part in name.lower() or part in code.lower()}, asked


def test_levels_go_down_from_parent_to_child(stage: Stage) -> None:
    add(stage, "H33.9", "H33")
    add(stage, "H33.9.1", "H33.9")
    levels = {one.code: one.level for one in stage.ledger.read_now(agencies.page)}
    assert (levels["H33"], levels["H33.9"], levels["H33.9.1"]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("code", "aliases"),
    [
        ("H33", ()), ("old", ()), ("new", ("H33",)), ("new", ("old",)), ("new", ("new",)), ("new", ("twice", "twice")),
    ],
)  # fmt: skip
def test_an_identifier_in_use_is_a_conflict_and_changes_nothing(
    stage: Stage, code: str, aliases: tuple[str, ...]
) -> None:
    add(stage, "first", aliases=("old",))
    before = revision(stage)
    assert code_of(lambda: add(stage, code, aliases=aliases)) == "registry-conflict"
    assert revision(stage) == before
    assert stage.ledger.read_now(agencies.entry, "new") is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"system": "nobody"}, "registry-unknown"),
        ({"parent": "nobody"}, "registry-unknown"),
        ({"name": " "}, "registry-invalid"),
        ({"name": "x" * 201}, "registry-invalid"),
        ({"code": ""}, "registry-invalid"),
        ({"code": " H1"}, "registry-invalid"),
        ({"code": "H1,H2"}, "registry-invalid"),
        ({"aliases": ("",)}, "registry-invalid"),
        ({"code": "x" * 400}, "registry-invalid"),
    ],
)
def test_a_wrong_agency_is_refused_by_name_of_the_fault(stage: Stage, change: dict[str, Any], code: str) -> None:
    before = revision(stage)
    assert code_of(lambda: add(stage, **{"code": "H1", **change})) == code
    assert revision(stage) == before


def test_every_change_of_the_registry_raises_the_revision_and_writes_an_entry(stage: Stage, pki: Pki) -> None:
    identity = pki.issue("H1", "Cơ quan H1")
    changes: list[tuple[Event, Callable[[], object]]] = [
        (Event.SYSTEM_ADDED, lambda: stage.ledger.write_now(registration.add_system, "another", "pull")),
        (Event.AGENCY_ADDED, lambda: add(stage, "H1", system="another")),
        (
            Event.CERTIFICATE_ADDED,
            lambda: stage.ledger.write_now(registration.add_certificate, "H1", identity.certificate),
        ),
        (Event.ANCHOR_ADDED, lambda: stage.ledger.write_now(registration.add_anchor, pki.root.certificate)),
        (Event.CRL_ADDED, lambda: stage.ledger.write_now(registration.add_list, pki.root.crl())),
    ]
    for event, change in changes:
        before = revision(stage)
        change()
        assert revision(stage) > before, event
        entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind=event), None, 10)
        assert len(entries) == 1, event


def test_a_certificate_may_serve_two_agencies_and_registering_it_again_changes_nothing(stage: Stage, pki: Pki) -> None:
    certificate = pki.issue("H33", "UBND tỉnh").certificate
    sha256 = stage.ledger.write_now(registration.add_certificate, "H33", certificate)
    stage.ledger.write_now(registration.add_certificate, "H33.01", certificate)
    before = revision(stage)
    assert stage.ledger.write_now(registration.add_certificate, "H33", certificate) == sha256
    assert revision(stage) == before
    assert stage.ledger.read_now(agencies.holders, sha256) == {"H33", "H33.01"}
    assert stage.ledger.read_now(agencies.holders, "0" * 64) == frozenset()


def test_only_an_authority_becomes_an_anchor(stage: Stage, pki: Pki) -> None:
    leaf = pki.issue("H33", "UBND tỉnh").certificate
    assert code_of(lambda: stage.ledger.write_now(registration.add_anchor, leaf)) == "certificate-usage"
    assert stage.ledger.read_now(trust.store).anchors == ()


def test_an_older_revocation_list_never_replaces_a_newer_one(stage: Stage, pki: Pki) -> None:
    old = pki.issuing.crl()
    bad = pki.issue("H40", "bị thu hồi").certificate
    pki.issuing.revoke(bad)
    new = pki.issuing.crl(issued=clock.now() - timedelta(seconds=1))
    stage.ledger.write_now(registration.add_list, old)
    stage.ledger.write_now(registration.add_list, new)
    assert code_of(lambda: stage.ledger.write_now(registration.add_list, old)) == "registry-conflict"
    _, lists = stage.ledger.read_now(trust.listing)
    assert [one["this_update"] for one in lists] == [new.last_update_utc]


def test_a_flawed_certificate_can_be_registered_and_is_judged_at_use(stage: Stage, pki: Pki) -> None:
    expired = pki.issue("H33", "UBND tỉnh", flaw=Flaw.EXPIRED).certificate
    sha256 = stage.ledger.write_now(registration.add_certificate, "H33", expired)
    assert stage.ledger.read_now(agencies.holders, sha256) == {"H33"}


def test_the_directory_is_a_delta_for_those_who_keep_their_position(stage: Stage) -> None:
    everything = stage.ledger.read_now(agencies.page)
    assert [one.code for one in everything] == ["G22", "H33", "H33.01", "H40"]
    position = (everything[-1].revision, everything[-1].code)
    assert stage.ledger.read_now(agencies.page, position) == []
    add(stage, "H41")
    assert [one.code for one in stage.ledger.read_now(agencies.page, position)] == ["H41"]
    assert [one.code for one in stage.ledger.read_now(agencies.page, None, None, 2)] == ["G22", "H33"]


@pytest.mark.parametrize(
    ("text", "codes"), [("h33", ["H33", "H33.01"]), ("CƠ QUAN g", ["G22"]), ("%", []), ("_", []), ("\\", [])]
)
def test_the_directory_searches_names_and_codes_without_wildcards(stage: Stage, text: str, codes: list[str]) -> None:
    assert [one.code for one in stage.ledger.read_now(agencies.page, None, text)] == codes


def test_thousands_of_identifiers_are_looked_up_at_once(stage: Stage) -> None:
    codes = [*(f"X{number}" for number in range(12_000)), "H33"]
    assert set(stage.ledger.read_now(agencies.find, codes)) == {"H33"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("system h33", "pull"), "registry-conflict"),
        (("", "pull"), "registry-invalid"),
        (("x" * 101, "pull"), "registry-invalid"),
        (("new", "pigeon"), "registry-invalid"),
        (("new", "pull", "ftp://x"), "registry-invalid"),
    ],
)
def test_a_wrong_system_is_refused(stage: Stage, arguments: tuple[str, ...], code: str) -> None:
    assert code_of(lambda: stage.ledger.write_now(registration.add_system, *arguments)) == code


def test_a_secret_is_kept_as_a_digest_only(stage: Stage) -> None:
    client_id, secret = stage.ledger.write_now(registration.add_system, "new", "pull")
    system = stage.ledger.read_now(systems.by_client, client_id)
    assert system is not None
    assert secret not in repr(system)
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(), None, 100)
    assert secret not in repr(entries)


@pytest.mark.parametrize(
    ("roles", "agency", "code"),
    [
        (("pope",), None, "registry-invalid"),
        ((), None, "request-invalid"),
        (("clerk",), None, "request-invalid"),
        (("clerk",), "nobody", "registry-unknown"),
    ],
)
def test_a_wrong_person_is_refused(stage: Stage, roles: tuple[str, ...], agency: str | None, code: str) -> None:
    assert code_of(lambda: stage.ledger.write_now(registration.add_person, "a", "A", roles, agency)) == code


def test_a_login_is_taken_once_whatever_its_case(stage: Stage) -> None:
    stage.ledger.write_now(registration.add_person, "Operator", "A", ("operator",))
    again = lambda: stage.ledger.write_now(registration.add_person, "operator ", "B", ("operator",))  # noqa: E731 - one line
    assert code_of(again) == "request-invalid"


def test_administrators_who_register_the_same_at_once_get_one_agency_and_conflicts(store: Store) -> None:
    ledgers = [store.open(), store.open()]
    start = threading.Barrier(6)

    def register(number: int) -> str:
        start.wait()
        try:
            ledgers[number % 2].write_now(registration.add_system, "one", "pull")
        except Refused as refusal:
            return refusal.code
        return "registered"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(register, range(6)))
    assert outcomes.count("registered") == 1
    assert outcomes.count("registry-conflict") == 5
    assert ledgers[0].read_now(agencies.revision) == 1
