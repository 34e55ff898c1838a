"""The pages and files of the monthly figures: who sees whose, that they are what was counted, and how they are read."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event, select, update

from hub import clock
from hub.dashboard import figure_sheet
from hub.dashboard.figure_sheet import Asked
from hub.figures import counting
from hub.figures.tally import month_of
from hub.ledger import Ledger, Transaction, figures, migration, people, sessions, tables
from hub.ledger.figure_tables import MEASURES
from tests.dashboard.serving import served
from tests.figures.story import Story

MONTH = "2026-10"


@dataclass
class Office:
    """A hub with a quarter of exchange; ``clients`` by role, in English."""

    ledger: Ledger
    address: str
    clients: dict[str, httpx.Client]

    def get(self, role: str, path: str, language: str = "en", status: int = 200) -> httpx.Response:
        answer = self.clients[role].get(path, headers={"Accept-Language": language})
        assert answer.status_code == status, answer.text
        return answer

    def rows(self, role: str, path: str) -> list[dict[str, str]]:
        """The lines of a CSV."""
        return list(csv.DictReader(io.StringIO(self.get(role, path).content.decode("utf-8-sig"))))


def enter(ledger: Ledger, role: people.Role, agency: str | None = None) -> str:
    token = clock.new_secret()

    def write(transaction: Transaction) -> None:
        who = people.add_person(transaction, role, role, (role,), "-", agency, clock.now())
        sessions.open_session(transaction, who, token, clock.now(), timedelta(hours=1))

    ledger.write_now(write)
    return token


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    directory = tmp_path_factory.mktemp("figures")
    ledger = Ledger.sqlite(directory / "ledger.sqlite")
    migration.upgrade(ledger)
    Story(seed=11, letters=80).write(ledger)
    named = update(tables.agency).where(tables.agency.c.code == "H33.07").values(name="=cmd|' /C calc'!A0")
    ledger.write_now(lambda transaction: transaction.execute(named))
    counting.count_all(ledger)
    tokens = {"reporting": enter(ledger, "reporting"), "auditor": enter(ledger, "auditor")}
    tokens["clerk"] = enter(ledger, "clerk", "H33.07")
    with served(ledger, directory) as address:
        clients = {
            role: httpx.Client(base_url=address, cookies={"lienthong-session": token}, timeout=60)
            for role, token in tokens.items()
        }
        yield Office(ledger, address, clients)
        for client in clients.values():
            client.close()
    ledger.close()


def cells(page: str, words: str) -> list[str]:
    """The numbers of the line that begins with these words."""
    found = re.search(rf'<th scope="row"[^>]*>{re.escape(words)}.*?</tr>', page, re.DOTALL)
    assert found, words
    return [re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r"<td[^>]*>(.*?)</td>", found[0], re.DOTALL)]


def test_a_sheet_shows_what_was_counted_beside_the_month_before(office: Office) -> None:
    for code in ("", "H33"):
        page = office.get("reporting", f"/figures?month={MONTH}&under={code}").text
        sums = office.ledger.read_now(figures.sums, [code], "branch", ["2026-09", MONTH])
        now, before = sums[code, MONTH], sums[code, "2026-09"]
        change = f"{now['received'] - before['received']:+d}".replace("-", "−").replace("+0", "=")
        assert cells(page, "Documents received") == [str(now["received"]), "", str(before["received"]), change]
        share = f"{100 * now['sent_paper'] / now['sent']:.1f}%"
        assert share in page[page.index("Documents sent") :]
        ends = office.ledger.read_now(figures.overdue_at_end, [code], "branch", MONTH)
        assert cells(page, "Overdue at the end of the month")[0] == str(ends[code]) != "0"
    vietnamese = office.get("reporting", f"/figures?month={MONTH}", "vi").text
    assert re.search(r"\d,\d %", vietnamese)
    assert "Độc lập - Tự do - Hạnh phúc" in vietnamese
    assert "Số liệu tháng 10/2026" in vietnamese


def test_this_month_shows_what_is_overdue_now(office: Office) -> None:
    this = month_of(clock.now())
    page = office.get("reporting", f"/figures?month={this}").text
    number = office.ledger.read_now(figures.overdue_now, [""], "branch")[""]
    assert cells(page, "Overdue now")[0] == str(number)
    rows = office.rows("reporting", "/figures/export?format=csv")
    assert sum(int(row["Overdue now"]) for row in rows) == number > 0
    assert f"Figures of {this[5:]}/{this[:4]}" in office.get("reporting", "/figures?month=3026-01").text


def test_a_clerk_sees_the_own_agency_alone(office: Office) -> None:
    page = office.get("clerk", f"/figures?month={MONTH}&under=G09").text
    own = office.ledger.read_now(figures.sums, ["H33.07"], "own", [MONTH])["H33.07", MONTH]
    assert cells(page, "Documents received")[0] == str(own["received"])
    assert "Agencies below" not in page
    assert "Cơ quan G09" not in page
    [row] = office.rows("clerk", f"/figures/export?month={MONTH}&under=&format=csv")
    assert (row["Agency code"], row["Documents received"]) == ("H33.07", str(own["received"]))
    office.get("clerk", "/figures/security", status=403)
    office.get("clerk", "/figures/security/export?format=csv", status=403)


def test_the_rows_of_a_file_add_up_to_the_branch_and_taking_it_is_logged(office: Office) -> None:
    rows = office.rows("reporting", f"/figures/export?month={MONTH}&under=H33&format=csv")
    assert [row["Agency code"] for row in rows] == ["H33", "H33.07", "H33.21", "H33.21.03"]
    branch = office.ledger.read_now(figures.sums, ["H33"], "branch", [MONTH])["H33", MONTH]
    for heading, measure in (("Documents received", "received"), ("Sent with a paper copy", "sent_paper")):
        assert sum(int(row[heading]) for row in rows) == branch[measure]
    ends = office.ledger.read_now(figures.overdue_at_end, ["H33"], "branch", MONTH)
    assert sum(int(row["Overdue at the end of the month"]) for row in rows) == ends["H33"]
    # a spreadsheet must not compute a name
    assert rows[1]["Agency"].startswith("'=")
    entry = select(tables.audit_entry).where(tables.audit_entry.c.kind == "figures.exported")
    taken = office.ledger.read_now(lambda transaction: transaction.execute(entry).mappings().all())[-1]
    assert (taken["actor"], taken["agency_code"]) == ("person:reporting", "H33")
    assert taken["detail"]["month"] == MONTH
    book = office.get("reporting", f"/figures/export?month={MONTH}&format=xlsx", "vi").content
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 6
    assert "Văn bản đến" in sheet
    assert "<f>" not in sheet
    office.get("reporting", "/figures/export?format=exe", status=404)
    office.get("reporting", "/figures/export?format=csv&under=none", status=404)
    office.get("reporting", "/figures?under=none", status=404)


def test_the_security_sheet_counts_what_the_log_holds(office: Office) -> None:
    since, until = (clock.parse_rfc3339(f"2026-{month}-01T00:00:00+07:00") for month in ("10", "11"))
    column = tables.audit_entry.c
    inside = select(column.kind, column.code).where(column.at >= since, column.at < until)
    entries = [tuple(row) for row in office.ledger.read_now(lambda one: one.execute(inside).all())]
    rows = office.rows("auditor", f"/figures/security/export?month={MONTH}&format=csv")
    assert {row["Code"] for row in rows} >= {"certificate-expired", "metadata-missing"}
    for row in rows:
        assert int(row["Number"]) == entries.count((row["Step"], row["Code"])), row
    page = office.get("auditor", f"/figures/security?month={MONTH}").text
    failed = entries.count(("person.login_failed", ""))
    assert cells(page, '<a href="/log?kind=person.login_failed')[0] == str(failed) != "0"
    # who may not read the log is not led there
    assert "/log?kind" not in office.get("reporting", f"/figures/security?month={MONTH}").text


def test_a_sheet_reads_sums_alone_however_long_the_log_is(office: Office) -> None:
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(office.ledger.engine, "before_cursor_execute", hear)
    office.ledger.read_now(figure_sheet.read, Asked("H33", "branch", MONTH))
    event.remove(office.ledger.engine, "before_cursor_execute", hear)
    assert 5 < len(said) < 25
    assert not [one for one in said if re.search(r"\b(audit_entry|delivery|envelope|receipt|figure_case)\b", one)]


def test_before_anything_is_counted_the_pages_say_what_will_be_there(tmp_path: Path) -> None:
    ledger = Ledger.sqlite(tmp_path / "ledger.sqlite")
    migration.upgrade(ledger)
    token = enter(ledger, "reporting")
    with served(ledger, tmp_path) as address, httpx.Client(base_url=address) as client:
        client.cookies.set("lienthong-session", token)
        for path in ("/figures", "/figures/security"):
            assert "Figures appear here" in client.get(path, headers={"Accept-Language": "en"}).text
    ledger.close()


def test_every_measure_has_a_column_in_the_file(office: Office) -> None:
    row = office.rows("reporting", f"/figures/export?month={MONTH}&format=csv")[0]
    # agency, name, parent, level, month; two times with median and percentile each
    assert len(row) == 5 + len(MEASURES) + 4
