"""A ledger that has run for months, made inside PostgreSQL: 1,000 systems, a directory of 120,000, letters at one rate.

More letters are more months of the same daily traffic, so that ledgers of different sizes differ in their history and
in nothing else. Columns, identifiers and subjects are as the hub makes them; signed receipts are shortened to 200
octets. Of every letter there are envelope, deliveries and acknowledgement; the log has entries of the newest tenth, and
none before.
What runs behind the acceptance (figures, sealing) stands at the newest entry, as in a hub that was never stopped.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator

from psycopg import Connection

from bench.audit_rows import deliveries, entries, envelopes, indexes_of, prepare
from hub.language.collation import sort_key
from hub.ledger.finding import search_text

SYSTEMS = 1_000
DIRECTORY = 120_000
PER_DAY = 10_000
TOLD_AT_LEAST = 100_000
KINDS = (
    "Ủy ban nhân dân", "Sở Y tế", "Sở Tài chính", "Phòng Nội vụ", "Trường Trung học cơ sở", "Trạm Y tế",
    "Ban Quản lý dự án", "Trung tâm Dịch vụ", "Chi cục Kiểm lâm", "Đội Thanh tra", "Văn phòng", "Thư viện",
)  # fmt: skip
PLACES = (
    "xã An Bình", "phường Bến Nghé", "huyện Cẩm Giàng", "xã Đông Hòa", "thị trấn Gia Lộc", "phường Hòa Khánh",
    "xã Kim Sơn", "huyện Lạc Thủy", "phường Mỹ Đình", "xã Ninh Giang", "xã Phú Thọ", "huyện Quảng Điền",
    "xã Tân Lập", "phường Vĩnh Hải", "xã Xuân Trường", "huyện Yên Dũng",
)  # fmt: skip
Row = tuple[object, ...]


def grow(connection: Connection[Row], letters: int, directory: int = DIRECTORY) -> dict[str, float]:
    """Fill an empty ledger at the head of the schema; the seconds that each step took.

    Indexes that are no constraint's are dropped meanwhile and made again.
    """
    days = max(2.0, letters / PER_DAY)
    told = min(letters, max(TOLD_AT_LEAST, letters // 10))
    took: dict[str, float] = {}
    for statement in prepare(int(days / 30) + 1):
        connection.execute(statement)
    kept = indexes_of(connection, "envelope", "delivery", "receipt", "audit_entry")
    steps: dict[str, Callable[[], object]] = {
        "registry": lambda: _registry(connection, directory),
        "indexes dropped": lambda: [connection.execute(f"DROP INDEX {name}") for name in kept],
        "envelopes": lambda: connection.execute(envelopes(letters, days, SYSTEMS)),
        "deliveries": lambda: connection.execute(deliveries(SYSTEMS)),
        "receipts": lambda: connection.execute(_ACKNOWLEDGEMENTS),
        "entries": lambda: connection.execute(entries(10 * told, told, told / PER_DAY, SYSTEMS)),
        "places": lambda: connection.execute(_PLACES),
    }
    steps |= {name: functools.partial(connection.execute, definition) for name, definition in kept.items()}
    for name, step in steps.items() if letters else [("registry", steps["registry"])]:
        began = time.monotonic()
        step()
        connection.commit()
        took[name] = time.monotonic() - began
    connection.autocommit = True
    began = time.monotonic()
    connection.execute("VACUUM ANALYZE")
    took["vacuum"] = time.monotonic() - began
    return took


def agency_names(count: int) -> Iterator[tuple[str, str, str | None]]:
    """Code, name and parent: a hundred agencies beneath each, the first thousand being who writes letters."""
    for number in range(count):
        code = f"H{number:03d}" if number < SYSTEMS else f"K{number:06d}"
        above = number // 100 - 1
        parent = None if above < 0 else f"H{above:03d}" if above < SYSTEMS else f"K{above:06d}"
        kind, place = KINDS[number % len(KINDS)], PLACES[number // len(KINDS) % len(PLACES)]
        yield code, f"{kind} {place} số {number}", parent


def _registry(connection: Connection[Row], count: int) -> None:
    connection.execute(
        "INSERT INTO system (id, name, channel, client_id, secret_sha256, created_at)"
        " SELECT 'system-' || n, 'system ' || n, 'pull', 'client-' || n, repeat('0', 64), now()"
        " FROM generate_series(0, %s::int - 1) AS n",
        (SYSTEMS,),
    )
    columns = "code, name, system_id, parent_code, level, changed_at, revision, sort_key, search"
    levels: dict[str | None, int] = {None: 0}
    with connection.cursor().copy(f"COPY agency ({columns}) FROM STDIN") as copy:
        for number, (code, name, parent) in enumerate(agency_names(max(count, SYSTEMS))):
            levels[code] = levels[parent] + 1
            system = f"system-{number % SYSTEMS}"
            copy.write_row(
                (code, name, system, parent, levels[code], "now", 1, sort_key(name), search_text(code, name))
            )
    connection.execute("INSERT INTO registry_revision (id, revision) VALUES (1, 1)")


_ACKNOWLEDGEMENTS = """
    INSERT INTO receipt (tx, id, kind, event, audience_system_id, audience_code, envelope_id, document_id, sender_code,
        at, payload_sha256, jws)
    SELECT 1000 + row_number() OVER (ORDER BY id) / 20, overlay(id PLACING '9' FROM 20 FOR 1), 'acknowledgement',
        'envelope.accepted', sender_system_id, sender_code, id, document_id, sender_code, received_at, sha256,
        repeat(md5(id), 6) || left(sha256, 8)
    FROM envelope
"""

# whoever counts and seals has done so up to the newest entry and the newest receipt
_PLACES = """
    INSERT INTO figure_state (id, tx, seq, counted_to, level_at)
    SELECT 1, tx, seq, at, now() FROM audit_entry ORDER BY tx DESC, seq DESC LIMIT 1;
    INSERT INTO log_head (id, entry_tx, entry_seq, receipt_tx, receipt_seq)
    SELECT 1, e.tx, e.seq, r.tx, r.seq
    FROM (SELECT tx, seq FROM audit_entry ORDER BY tx DESC, seq DESC LIMIT 1) e,
        (SELECT tx, seq FROM receipt ORDER BY tx DESC, seq DESC LIMIT 1) r
"""
