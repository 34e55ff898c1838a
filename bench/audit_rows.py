"""Letters, deliveries and entries by the million, made inside PostgreSQL: 771 agencies, eighteen months.

Few agencies write most of the letters; subjects are put together from an office's phrases, the frequent ones first.
"""

from __future__ import annotations

import time

from psycopg import Connection

from hub.language.folding import folded

AGENCIES = 771
MONTHS = 18
TYPES = ("Công văn", "Quyết định", "Thông báo", "Báo cáo", "Kế hoạch", "Tờ trình", "Giấy mời", "Chỉ thị", "Công điện")
RARE_TYPE = "Sao lục"
ACTIONS = (
    "Về việc", "Triển khai", "Báo cáo kết quả", "Đôn đốc thực hiện", "Phê duyệt", "Góp ý dự thảo", "Hướng dẫn",
    "Kiểm tra", "Xin ý kiến", "Mời họp",
)  # fmt: skip
OBJECTS = (
    "kế hoạch chuyển đổi số", "phòng chống dịch bệnh", "dự toán ngân sách nhà nước", "giải phóng mặt bằng",
    "cải cách hành chính", "an toàn giao thông", "xây dựng nông thôn mới", "tuyển sinh đầu cấp",
    "phòng cháy chữa cháy", "bảo hiểm y tế toàn dân", "quản lý đất đai", "thi đua khen thưởng",
    "đầu tư công trung hạn", "bình ổn giá thị trường", "phòng chống thiên tai", "kiểm kê rừng ngập mặn",
)  # fmt: skip
TIMES = ("năm 2025", "năm 2026", "quý I", "quý II", "giai đoạn 2026-2030", "trên địa bàn tỉnh", "tại các xã", "tuần 21")
# one letter of 20,000 has it
RARE_WORD = "Sếu đầu đỏ"


def _v7(milliseconds: str) -> str:
    digits = f"lpad(to_hex(({milliseconds})::bigint), 12, '0')"
    tail = "substr(md5(random()::text), 1, 15)"
    return (
        f"(SELECT substr(d, 1, 8) || '-' || substr(d, 9, 4) || '-7' || substr(t, 1, 3) || '-8' || substr(t, 4, 3)"
        f" || '-' || substr(t, 7, 9) || substr(t, 1, 3) FROM (SELECT {digits} AS d, {tail} AS t) made)"
    )


def _array(words: tuple[str, ...]) -> str:
    return "ARRAY[" + ", ".join(f"'{word}'" for word in words) + "]"


def _pick(words: tuple[str, ...], draw: str) -> str:
    return f"({_array(words)})[1 + floor({len(words)} * {draw})::int]"


def fill(connection: Connection[tuple[object, ...]], rows: int, letters: int = 0) -> dict[str, float]:
    """Fill an empty ledger at the head of the schema with about ``rows`` entries; the seconds that each step took.

    ``letters``: so many, of which only the newest have entries; else as many as the entries tell of.
    """
    took: dict[str, float] = {}
    told = max(1000, rows // 10)
    letters = letters or told
    for statement in prepare(MONTHS):
        connection.execute(statement)
    steps = {
        "registry": _registry(),
        "envelopes": envelopes(letters),
        "deliveries": deliveries(),
        "entries": entries(rows, told),
    }
    kept = indexes_of(connection, "audit_entry", "envelope", "delivery")
    for name in kept:
        connection.execute(f"DROP INDEX {name}")
    for name, statement in steps.items():
        began = time.monotonic()
        connection.execute(statement)
        connection.commit()
        took[name] = time.monotonic() - began
    for name, definition in kept.items():
        began = time.monotonic()
        connection.execute(definition)
        connection.commit()
        took[name] = time.monotonic() - began
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    return took


def prepare(months: int) -> tuple[str, str]:
    """Settings of the session that fills a ledger, and the log's partitions of so many months."""
    return (
        "SET session_replication_role = replica; SET synchronous_commit = off; SET work_mem = '512MB';"
        " SET maintenance_work_mem = '1GB'; SELECT setseed(0.42)",
        "SELECT audit_entry_month((date_trunc('month', now()) - make_interval(months => back))::date)"
        f" FROM generate_series(0, {months + 1}) AS back",
    )


def indexes_of(connection: Connection[tuple[object, ...]], *tables: str) -> dict[str, str]:
    """All that is no constraint's, with the definition that makes it again on every partition."""
    rows = connection.execute(
        """
        SELECT i.relname, replace(pg_get_indexdef(i.oid), ' ON ONLY ', ' ON ')
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
        WHERE t.relname = ANY(%s) AND NOT x.indisprimary AND NOT x.indisunique
        """,
        (list(tables),),
    ).fetchall()
    return {str(name): str(definition) for name, definition in rows}


def _registry() -> str:
    return f"""
        INSERT INTO system (id, name, channel, client_id, secret_sha256, created_at)
        SELECT 'system-' || n, 'system ' || n, 'pull', 'client-' || n, repeat('0', 64), now()
        FROM generate_series(0, {AGENCIES - 1}) AS n;
        INSERT INTO agency (code, name, system_id, changed_at, revision)
        SELECT 'H' || lpad(n::text, 3, '0'), 'Cơ quan ' || n, 'system-' || n, now(), 1
        FROM generate_series(0, {AGENCIES - 1}) AS n;
    """


def envelopes(letters: int, days: float = MONTHS * 30, agencies: int = AGENCIES) -> str:
    """The statement that makes so many letters, evenly over so many days until now."""
    phrases = [(one, folded(one)) for one in (*ACTIONS, *OBJECTS, *TIMES, RARE_WORD)]
    table = ", ".join(f"('{plain}', '{bare}')" for plain, bare in dict(phrases).items())
    subject = f"{_pick(ACTIONS, 'power(a, 2)')} || ' ' || {_pick(OBJECTS, 'power(b, 2)')} || ' ' || {_pick(TIMES, 'c')}"
    bare = (
        f"(SELECT bare FROM phrase WHERE plain = {_pick(ACTIONS, 'power(a, 2)')})"
        f" || ' ' || (SELECT bare FROM phrase WHERE plain = {_pick(OBJECTS, 'power(b, 2)')})"
        f" || ' ' || (SELECT bare FROM phrase WHERE plain = {_pick(TIMES, 'c')})"
    )
    rare = f"CASE WHEN n % 20000 = 77 THEN ' {RARE_WORD}' ELSE '' END"
    rare_bare = f"CASE WHEN n % 20000 = 77 THEN ' {folded(RARE_WORD)}' ELSE '' END"
    kind = f"CASE WHEN n % 2000 = 5 THEN '{RARE_TYPE}' ELSE {_pick(TYPES, 'power(d, 4)')} END"
    return f"""
        CREATE TEMP TABLE phrase (plain text PRIMARY KEY, bare text);
        INSERT INTO phrase VALUES {table};
        INSERT INTO envelope (id, sender_code, sender_system_id, document_id, business_type, profile, number, notation,
            promulgated_on, document_type, subject, priority, sha256, size, received_at, details, search)
        SELECT {_v7("extract(epoch FROM at) * 1000")}, 'H' || lpad(who::text, 3, '0'), 'system-' || who,
            'vb-' || n || '.' || who, CASE WHEN n % 50 = 3 THEN 1 + n % 3 ELSE 0 END, 'qcvn-102-2016',
            number::text, 'UBND-VP' || who % 40, at::date, {kind}, {subject} || {rare}, 0, md5(n::text) || md5(n::text),
            20000, at, '{{"attachments": []}}',
            number || '/ubnd-vp' || who % 40 || ' vb-' || n || '.' || who || ' h' || lpad(who::text, 3, '0') || ' '
            || {bare} || {rare_bare}
        FROM (
            SELECT n, now() - make_interval(secs => 86400 * {days}) * (1 - n::float8 / {letters}) AS at,
                floor({agencies} * power(random(), 2.5))::int AS who, 1 + floor(random() * 4000)::int AS number,
                random() AS a, random() AS b, random() AS c, random() AS d
            FROM generate_series(1, {letters}) AS n
        ) AS drawn
    """


def deliveries(agencies: int = AGENCIES) -> str:
    """The statement that makes the deliveries of all letters, 1.9 each in the mean."""
    return f"""
        INSERT INTO delivery (id, envelope_id, recipient_code, system_id, state, priority, since, available_at,
            closed_at, status_code, status_at, confirm_by, process_by)
        SELECT {_v7("extract(epoch FROM at) * 1000")}, envelope_id, 'H' || lpad(whom::text, 3, '0'), 'system-' || whom,
            state, 0, at + interval '10 minutes', CASE WHEN state = 'ready' THEN at END,
            CASE WHEN state <> 'ready' THEN at + interval '20 minutes' END,
            CASE WHEN state = 'settled' AND draw < 0.9 THEN '0' || (3 + n % 4) END,
            CASE WHEN state = 'settled' AND draw < 0.9 THEN at + interval '5 hours' END,
            at + interval '2 days', CASE WHEN n % 10 = 0 THEN at + interval '30 days' END
        FROM (
            SELECT e.id AS envelope_id, e.received_at AS at, n, draw,
                (base + 37 * k) % {agencies} AS whom,
                CASE WHEN n % 900 = 1 THEN 'dead' WHEN n % 700 = 2 THEN 'refused' WHEN n % 3000 = 3 THEN 'withdrawn'
                    WHEN e.received_at > now() - interval '1 hour' THEN 'ready' ELSE 'settled' END AS state
            FROM (
                SELECT *, row_number() OVER (ORDER BY id) AS n, random() AS draw,
                    floor({agencies} * power(random(), 1.5))::int AS base FROM envelope
            ) AS e
            CROSS JOIN LATERAL generate_series(1, CASE WHEN n % 1000 = 0 THEN 150 WHEN n % 20 = 0 THEN 8
                WHEN n % 3 = 0 THEN 2 ELSE 1 END) AS k
        ) AS made
    """


def entries(rows: int, told: int, days: float = MONTHS * 30, agencies: int = AGENCIES) -> str:
    """The statement that makes the log's entries of the newest ``told`` letters, and refusals and log-ins besides."""
    step = "SELECT '{kind}', at + {later}, '{actor}', {agency}, envelope_id, id, document_id, {code}, {detail} FROM d"
    about = "jsonb_build_object('recipient', recipient_code, 'system', system_id)"
    steps = [
        step.format(kind=kind, later=later, actor=actor, agency="recipient_code", code=code, detail=about)
        for kind, later, actor, code in (
            ("delivery.published", "interval '1 second'", "relay", "''"),
            ("delivery.ready", "interval '2 seconds'", "courier", "''"),
        )
    ]
    by_system = (
        "SELECT '{kind}', at + {later}, system_id, recipient_code, envelope_id, id, document_id, {code}, {about} FROM d"
    )
    steps += [
        by_system.format(kind=kind, later=later, code=code, about=about) + where
        for kind, later, code, where in (
            ("delivery.leased", "interval '19 minutes'", "''", " WHERE state <> 'ready'"),
            ("delivery.settled", "interval '20 minutes'", "''", " WHERE state = 'settled'"),
            ("delivery.refused", "interval '20 minutes'", "''", " WHERE state = 'refused'"),
            ("delivery.dead", "interval '20 minutes'", "'no-route'", " WHERE state = 'dead'"),
            ("status.received", "interval '5 hours'", "status_code", " WHERE status_code IS NOT NULL"),
        )
    ]
    moment = f"now() - make_interval(secs => 86400 * {days}) * random()"
    return f"""
        INSERT INTO audit_entry (tx, id, at, kind, actor, agency_code, envelope_id, delivery_id, document_id, code,
            detail)
        SELECT 1000 + row_number() OVER (ORDER BY at) / 20, {_v7("extract(epoch FROM at) * 1000")}, at, kind, actor,
            agency, envelope_id, delivery_id, document_id, code, detail
        FROM (
            WITH newest AS MATERIALIZED (SELECT * FROM envelope ORDER BY id DESC LIMIT {told}),
            d AS MATERIALIZED (
                SELECT delivery.*, e.received_at AS at, e.document_id
                FROM delivery JOIN newest e ON e.id = envelope_id
            )
            SELECT 'envelope.accepted' AS kind, received_at AS at, sender_system_id AS actor, sender_code AS agency,
                id AS envelope_id, '' AS delivery_id, document_id, '' AS code,
                jsonb_build_object('sha256', sha256, 'size', size, 'business_type', business_type,
                    'certificate', sha256) AS detail
            FROM newest
            UNION ALL {" UNION ALL ".join(steps)}
            UNION ALL
            SELECT 'envelope.refused', {moment}, 'system-' || n % {agencies},
                'H' || lpad((n % {agencies})::text, 3, '0'), '', '', 'tc-' || n,
                (ARRAY['signature-invalid', 'recipient-unknown', 'xml-dtd', 'secret-document'])[1 + (n % 13) / 4],
                '{{"findings": []}}'
            FROM generate_series(1, {max(100, rows // 330)}) AS n
            UNION ALL
            SELECT CASE WHEN n % 3 = 0 THEN 'person.login' ELSE 'log.queried' END, {moment}, 'person:p' || n % 30,
                '', '', '', '', '', '{{}}'
            FROM generate_series(1, {max(100, rows // 500)}) AS n
        ) AS told
        ORDER BY at
    """
