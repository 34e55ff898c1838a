"""A hub with a PKI, two administrators, and clients that are signed in: what changes by two people are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from adapters.sandbox.pki import Identity, Pki
from hub import clock
from hub.ledger import Ledger, Transaction, people, registration, sessions
from tests.dashboard.seeding import seed
from tests.dashboard.serving import served
from tests.intake.register import Register

ADMINISTRATORS = ("quan", "tri")
YEARS = timedelta(days=3 * 365)  # a certificate of the sandbox ends so long after its moment


@dataclass
class Desk:
    """``identities``: the certificate that each agency signs with, by its code."""

    address: str
    ledger: Ledger
    pki: Pki
    identities: dict[str, Identity]
    clients: dict[str, httpx.Client]

    def __getitem__(self, login: str) -> httpx.Client:
        """A signed-in person's client; it reads English."""
        return self.clients[login]


@contextmanager
def desk_in(directory: Path) -> Iterator[Desk]:
    """H33.07's certificate ends in 20 days, H33.12's ended yesterday, H33.21's ends in three years."""
    ledger, pki = Ledger.sqlite(directory / "ledger.db"), Pki.create()
    seed(ledger)
    ends = {"H33.07": timedelta(days=20), "H33.12": timedelta(days=-1), "H33.21": YEARS}
    names = {"H33.07": "Sở Y tế", "H33.12": "Sở Tài chính", "H33.21": "Ủy ban nhân dân huyện An Phú"}
    now = clock.now()
    issued = {code: pki.issue(code, names[code], moment=now + left - YEARS) for code, left in ends.items()}
    tokens = {login: clock.new_secret() for login in (*ADMINISTRATORS, "truc", "kiemtoan")}

    def tell(transaction: Transaction) -> None:
        registration.add_anchor(transaction, pki.root.certificate)
        for authority in (pki.root, pki.issuing):
            registration.add_list(transaction, authority.crl())
        for code, identity in issued.items():
            registration.add_certificate(transaction, code, identity.certificate)
        for login in ADMINISTRATORS:
            people.add_person(transaction, login, f"Quản trị {login}", ("administrator",), "-", None, now)
        for login, token in tokens.items():
            found = people.find_by_login(transaction, login)
            assert found is not None
            sessions.open_session(transaction, found[0].id, token, now, timedelta(hours=1))

    ledger.write_now(tell)
    with served(ledger, directory, Register()) as address:
        clients = {login: _client(address, token) for login, token in tokens.items()}
        yield Desk(address, ledger, pki, issued, clients)
        for client in clients.values():
            client.close()
    ledger.close()


def _client(address: str, token: str) -> httpx.Client:
    cookies, headers = {"lienthong-session": token}, {"Accept-Language": "en"}
    return httpx.Client(base_url=address, cookies=cookies, headers=headers, timeout=60)
