"""Migrations run on the connection that ``hub.ledger.migrations`` hands over; developers pass a URL in ``-x url=``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine

from alembic import context
from hub.ledger import months
from hub.ledger.columns import Instant, Json
from hub.ledger.tables import metadata


def render_item(kind: str, item: Any, _autogen: Any) -> str | bool:
    """Write our column types as plain ones: a migration must not change when the code does."""
    if kind == "type" and isinstance(item, Instant):
        return 'sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")'
    if kind == "type" and isinstance(item, Json):
        return 'postgresql.JSONB().with_variant(sa.Text(), "sqlite")'
    return False


def run(connection: Any) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render_item,
        include_object=months.compared(connection.dialect.name),
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).connect() as connection:
        run(connection)
        connection.commit()
