"""The page explains every attack of the corpus with the code that the intake refuses it with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import insert

from hub.ledger import Ledger, Transaction, tables
from tests.dashboard.seeding import PASSWORD, seed
from tests.dashboard.serving import served
from tests.hostile.forgery import SENDER, Attack, Bench
from tests.hostile.test_attacks import CORPUS

LARGEST = 64 * 1024 * 1024
# no file at all is a mistake in the form, which the page says beside the field
NO_FILE = "nothing"


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench.create()


@pytest.fixture(scope="module")
def operator(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The browser of an operator of a hub that knows the sender of the corpus."""
    directory = tmp_path_factory.mktemp("hostile")
    ledger = Ledger.sqlite(directory / "ledger.db")
    seed(ledger)
    ledger.write_now(register_sender, bench.register.known[SENDER].system_id)
    with (
        served(ledger, directory, bench.register, largest=LARGEST) as address,
        httpx.Client(base_url=address, headers={"Accept-Language": "en"}, timeout=60) as opened,
    ):
        assert opened.post("/login", data={"login": "truc", "password": PASSWORD}).status_code == 303
        yield opened
    ledger.close()


def register_sender(transaction: Transaction, system_id: str) -> None:
    at = datetime.now(UTC)
    system = {"id": system_id, "name": "system of the corpus", "channel": "pull", "client_id": "corpus"}
    transaction.execute(insert(tables.system).values(**system, secret_sha256="0" * 64, created_at=at))
    agency = {"code": SENDER, "name": "Cơ quan gửi", "system_id": system_id, "level": 2, "revision": 1}
    transaction.execute(insert(tables.agency).values(**agency, changed_at=at))


def report(operator: httpx.Client, body: bytes) -> str:
    answer = operator.post("/check", files={"envelope": ("letter.edxml", body, "application/xml")})
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("attack", [one for one in CORPUS if one.name != NO_FILE], ids=lambda attack: attack.name)
def test_an_attack_is_explained_by_its_code(operator: httpx.Client, bench: Bench, attack: Attack) -> None:
    page = report(operator, attack.forge(bench))
    assert "This letter would be refused" in page
    to_mend = page.split('id="to-mend"')[1].split("</section>")[0]
    assert f'href="/problems/{attack.code}"' in to_mend
    assert "<script>" not in page.replace('<script src="', "")


def test_the_honest_letter_of_the_corpus_is_acceptable(operator: httpx.Client, bench: Bench) -> None:
    page = report(operator, bench.honest())
    assert "This letter would be accepted" in page
    assert "Judged as if the system system of the corpus had sent it." in page
