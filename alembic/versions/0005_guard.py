"""the log's guard: entries by month, and rows that nobody changes or deletes

Whoever rebuilds a guarded table in a later migration makes its triggers again (tests/ledger/test_guard.py looks).

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

AHEAD = 12

GUARDED = (
    "audit_entry",
    "envelope",
    "envelope_part",
    "evidence",
    "log_checkpoint",
    "log_cosignature",
    "log_leaf",
    "log_node",
    "log_timestamp",
    "receipt",
)

INDEXES = {
    "feed": ("tx", "seq"),
    "at": ("at",),
    "envelope": ("envelope_id", "seq"),
    "agency": ("agency_code", "seq"),
    "document": ("document_id", "seq"),
    "kind": ("kind", "seq"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _refuse_on_sqlite()
    else:
        _refuse_on_postgresql()
        _partition()


def _refuse_on_sqlite() -> None:
    for table in GUARDED:
        for doing in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER guard_{table}_{doing} BEFORE {doing.upper()} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed or deleted'); END"
            )


def _refuse_on_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME
                USING ERRCODE = 'insufficient_privilege';
        END $$
        """
    )
    for table in GUARDED:
        if table != "audit_entry":
            op.execute(
                f"CREATE TRIGGER guard BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse()"
            )


def _partition() -> None:
    """``audit_entry`` by month. Entries move in the order in which they were written; the serial goes on."""
    op.execute("ALTER TABLE audit_entry RENAME TO audit_entry_before")
    op.execute("ALTER SEQUENCE audit_entry_seq_seq OWNED BY NONE")
    op.execute("CREATE TABLE audit_entry (LIKE audit_entry_before INCLUDING DEFAULTS) PARTITION BY RANGE (at)")
    op.execute("CREATE TABLE audit_entry_rest PARTITION OF audit_entry DEFAULT")
    _month_maker()
    op.execute(
        "SELECT audit_entry_month(CAST(month AS date)) FROM (SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC')"
        " AS month FROM audit_entry_before WHERE at > now() - interval '20 years') AS months"
    )
    op.execute(f"SELECT audit_entry_months({AHEAD})")
    op.execute("INSERT INTO audit_entry SELECT * FROM audit_entry_before ORDER BY seq")
    op.execute("DROP TABLE audit_entry_before")
    op.execute("ALTER SEQUENCE audit_entry_seq_seq OWNED BY audit_entry.seq")
    op.execute("ALTER TABLE audit_entry ADD CONSTRAINT pk_audit_entry PRIMARY KEY (seq, at)")
    op.execute("ALTER TABLE audit_entry ADD CONSTRAINT uq_audit_entry_id_at UNIQUE (id, at)")
    for name, columns in INDEXES.items():
        op.create_index(f"ix_audit_entry_{name}", "audit_entry", list(columns), unique=False)
    for table in ("audit_entry", "audit_entry_rest"):
        op.execute(
            f"CREATE TRIGGER guard BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION guard_refuse()"
        )


def _month_maker() -> None:
    """Functions with the owner's rights: who may call them can make months of this table, and nothing else.

    A month of which the partition for all the rest has entries already is left to it: no entry is ever moved.
    """
    op.execute(
        """
        DO $make$
        DECLARE
            place text := quote_ident(current_schema());
        BEGIN
            EXECUTE format($function$
                CREATE FUNCTION audit_entry_month(month date) RETURNS boolean LANGUAGE plpgsql AS $body$
                DECLARE
                    name text := 'audit_entry_' || to_char(month, 'YYYY_MM');
                    low timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
                    high timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
                BEGIN
                    IF to_regclass('%1$s.' || name) IS NOT NULL
                        OR EXISTS (SELECT FROM %1$s.audit_entry_rest WHERE at >= low AND at < high)
                    THEN
                        RETURN false;
                    END IF;
                    EXECUTE format('CREATE TABLE %1$s.%%I PARTITION OF %1$s.audit_entry FOR VALUES FROM (%%L) TO (%%L)',
                        name, low, high);
                    EXECUTE format('CREATE TRIGGER guard BEFORE UPDATE OR DELETE OR TRUNCATE ON %1$s.%%I'
                        ' FOR EACH STATEMENT EXECUTE FUNCTION %1$s.guard_refuse()', name);
                    RETURN true;
                END $body$ SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
            $function$, place);
            EXECUTE format($function$
                CREATE FUNCTION audit_entry_months(ahead integer) RETURNS integer LANGUAGE plpgsql
                SECURITY DEFINER AS $body$
                DECLARE
                    this timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
                    made integer := 0;
                BEGIN
                    PERFORM pg_advisory_xact_lock(hashtext('audit_entry_months'));
                    FOR later IN 0..least(greatest(ahead, 0), 120) LOOP
                        IF %1$s.audit_entry_month((this + make_interval(months => later))::date) THEN
                            made := made + 1;
                        END IF;
                    END LOOP;
                    RETURN made;
                END $body$ SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s'
            $function$, place);
        END $make$
        """
    )
    for function in ("audit_entry_month(date)", "audit_entry_months(integer)"):
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
