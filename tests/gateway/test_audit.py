"""Auditors over HTTP: lists, files, kept questions and a complete list; nobody else gets any of it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hub import clock
from hub.audit.completeness import Completeness
from hub.audit.verify_log import check
from hub.ledger import log_proofs, transparency
from tests.gateway.edge import Edge, problem
from tests.world import Office, World, eventually

PATHS = ("entries", "messages", "export", "questions", "completeness?from=A&to=B&since=2026-05-01&until=2026-05-31")


@pytest.fixture(scope="module")
def sent(world: World) -> tuple[Office, Office, list[str]]:
    """Sender, recipient, and the envelopes of two letters."""
    sender, recipient = world.office(), world.office()
    letters = [sender.letter(recipient.code, subject=f"Kế hoạch số {n}", document_id=f"kt-{n}") for n in range(2)]
    return sender, recipient, [sender.client.post_envelope(one)["id"] for one in letters]


def ask(edge: Edge, world: World, path: str, method: str = "GET", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {world.auditor.access_token()}", **more.pop("headers", {})}
    return edge.call(method, f"/v1/audit/{path}", headers=headers, **more)


def test_a_system_that_is_no_auditor_gets_nothing(edge: Edge, sent: tuple[Office, Office, list[str]]) -> None:
    for path in PATHS:
        problem(edge.get(f"/v1/audit/{path}", by=sent[0]), "forbidden")


def test_messages_are_found_and_their_finding_is_in_the_log(
    edge: Edge, world: World, sent: tuple[Office, Office, list[str]]
) -> None:
    sender, recipient, envelopes = sent
    asked = f"from={sender.code}&to={recipient.code}&words=ke%20hoach"
    found = ask(edge, world, f"messages?{asked}&limit=1").json()
    rest = ask(edge, world, f"messages?{asked}&after={found['next']}").json()
    assert [one["envelope"] for one in (*found["messages"], *rest["messages"])] == envelopes[::-1]
    assert (found["more"], rest["more"], rest["next"]) == (True, False, "")
    assert found["messages"][0]["subject"] == "Kế hoạch số 1"
    logged = ask(edge, world, "entries?kind=log.queried&limit=1000").json()["entries"]
    filters = {"from": sender.code, "to": recipient.code, "words": "ke hoach"}
    assert [one["detail"]["filters"] for one in logged if one["detail"].get("what") == "messages"] == [filters] * 2
    problem(ask(edge, world, "messages?after=x"), "request-invalid")
    problem(ask(edge, world, "messages?outcome=lost"), "request-invalid")


def test_reading_the_whole_log_page_by_page_comes_to_an_end(edge: Edge, world: World) -> None:
    cursor = ""
    for _ in range(200):
        page = ask(edge, world, f"entries?limit=1000&after={cursor}").json()
        cursor = page["next"]
        if not page["entries"] and not page["more"]:
            break
    else:
        pytest.fail("every page makes another one")


def test_a_list_comes_as_a_file_in_the_readers_language(
    edge: Edge, world: World, sent: tuple[Office, Office, list[str]]
) -> None:
    asked = f"export?what=messages&from={sent[0].code}&format="
    lines = ask(edge, world, f"{asked}ndjson").text.splitlines()
    assert [json.loads(one)["envelope"] for one in lines] == sent[2][::-1]
    answer = ask(edge, world, f"{asked}csv", headers={"Accept-Language": "en"})
    assert answer.headers["content-disposition"].endswith('.csv"')
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["Subject"] for row in rows] == ["Kế hoạch số 1", "Kế hoạch số 0"]
    book = ask(edge, world, f"{asked}xlsx", headers={"Accept-Language": "vi"})
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        assert "Trích yếu" in parts.read("xl/worksheets/sheet1.xml").decode()
    taken = ask(edge, world, "entries?kind=log.exported").json()["entries"]
    assert [one["detail"]["format"] for one in taken][-3:] == ["ndjson", "csv", "xlsx"]
    assert ask(edge, world, "export?format=ndjson&kind=envelope.accepted").text.count("\n") >= 2
    problem(ask(edge, world, "export?format=pdf"), "request-invalid")


def test_questions_are_kept_asked_again_and_forgotten(edge: Edge, world: World) -> None:
    kept = ask(edge, world, "questions", "PUT", json={"name": " Tháng  5 ", "filters": {"since": "2026-05-01"}}).json()
    assert (kept["name"], kept["filters"]) == ("Tháng 5", {"since": "2026-04-30T17:00:00.000000Z"})
    again = {"name": "Tháng 5", "what": "messages", "filters": {"from": "H01", "words": "ngân sách"}}
    assert ask(edge, world, "questions", "PUT", json=again).json()["id"] == kept["id"]
    [listed] = [one for one in ask(edge, world, "questions").json()["questions"] if one["id"] == kept["id"]]
    assert {name: listed[name] for name in again} == again
    for wrong in ({"name": " "}, {"name": "x", "filters": {"outcome": "lost"}}, {"name": "x", "what": "all"}):
        problem(ask(edge, world, "questions", "PUT", json=wrong), "request-invalid")
    assert ask(edge, world, f"questions/{kept['id']}", "DELETE").status_code == 204
    problem(ask(edge, world, f"questions/{kept['id']}", "DELETE"), "not-found")
    kinds = {one["kind"] for one in ask(edge, world, "entries?kind=log&limit=1000").json()["entries"]}
    assert {"log.question_saved", "log.question_removed"} <= kinds


def test_a_complete_list_of_letters_is_checked_without_the_hub(
    edge: Edge, world: World, sent: tuple[Office, Office, list[str]], tmp_path: Path
) -> None:
    sender, recipient, envelopes = sent
    accepted = [
        one["id"] for one in ask(edge, world, f"entries?kind=envelope.accepted&agency={sender.code}").json()["entries"]
    ]
    eventually(lambda: len(world.ledger.read_now(transparency.numbers_of, accepted)) == len(accepted))
    day = f"{clock.now():%Y-%m-%dT00:00:00Z}"
    path = f"completeness?from={sender.code}&to={recipient.code}&since={day}&until={clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"
    answer = ask(edge, world, path)
    assert answer.status_code == 200, answer.text
    file = tmp_path / "complete.ndjson"
    file.write_bytes(answer.content)
    asked = Completeness()
    keys = world.ledger.read_now(log_proofs.verifier_keys, json.loads(answer.content.splitlines()[0])["origin"])
    check([file], keys, watch=asked)
    [given] = asked.answers.values()
    assert given.found == envelopes
    assert given.open_end, "the log goes on today"
    problem(ask(edge, world, "completeness?from=A&to=B&since=2026-05-02&until=2026-05-01"), "request-invalid")
