"""An address of every page, made from the table of rights: no page is forgotten by those who look at all of them."""

from __future__ import annotations

import re

import httpx
from sqlalchemy import text

from hub.dashboard.access import RIGHTS
from hub.ledger import Ledger, Transaction

UNKNOWN = "01890000-0000-7000-8000-000000000000"
# what stands in the braces of an address: where one is found
EXAMPLES = {
    "envelope_id": "SELECT coalesce((SELECT max(envelope_id) FROM delivery WHERE state = 'dead'), max(envelope_id))"
    " FROM delivery",
    "leaf_id": "SELECT id FROM audit_entry ORDER BY seq",
    "replay_id": "SELECT id FROM replay ORDER BY id",
    "purge_id": "SELECT id FROM purge ORDER BY id",
    "proposal_id": "SELECT id FROM proposal ORDER BY id",
    "alert_id": "SELECT id FROM alert ORDER BY id",
    "incident_id": "SELECT id FROM incident ORDER BY id",
    "person_id": "SELECT id FROM person ORDER BY login",
    "system_id": "SELECT id FROM system ORDER BY id",
    "sha256": "SELECT sha256 FROM agency_certificate ORDER BY sha256",
    "agency_code": "SELECT code FROM agency ORDER BY code",
}
# where the name in the braces does not say enough
PLACES = {"/problems/": "SELECT 'signature-digest'", "/agencies/": EXAMPLES["agency_code"]}


def pages(address: str, ledger: Ledger, token: str, only: str = "") -> list[str]:
    """Addresses of all pages that this session may open, each with something in it where the ledger has something;
    with ``only`` those in which that pattern occurs.

    What answers with a file or a stream, or leads elsewhere, is no page.
    """
    routes = sorted(route.removeprefix("GET ") for route in RIGHTS if route.startswith("GET "))
    filled = ledger.read_now(lambda transaction: [_filled(transaction, route) for route in routes])
    with httpx.Client(base_url=address, cookies={"lienthong-session": token}, timeout=60) as client:
        return [path for path in dict.fromkeys(filled) if re.search(only, path) and _is_page(client, path)]


def _is_page(client: httpx.Client, path: str) -> bool:
    with client.stream("GET", path) as answer:
        return answer.status_code in (200, 404) and answer.headers["content-type"].startswith("text/html")


def _filled(transaction: Transaction, route: str) -> str:
    def example(match: re.Match[str]) -> str:
        name = match[1].partition(":")[0]
        places = [found for place, found in PLACES.items() if route.startswith(place)]
        found = places[0] if places else EXAMPLES.get(name)
        return str((transaction.execute(text(f"{found} LIMIT 1")).scalars().first() if found else None) or UNKNOWN)

    return re.sub(r"\{([^}]+)\}", example, route)
