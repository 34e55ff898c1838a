"""Column types that mean the same on both stores."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, PrimaryKeyConstraint, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator, TypeEngine

from hub.clock import rfc3339


class Instant(TypeDecorator[datetime]):
    """Aware UTC time: ``timestamptz`` on PostgreSQL; on SQLite fixed-width RFC 3339 text, whose order is time order."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return rfc3339(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON document: ``jsonb`` on PostgreSQL, text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return json.loads(value) if isinstance(value, str) and dialect.name != "postgresql" else value


class MonthlyKey(PrimaryKeyConstraint):
    """A primary key to which PostgreSQL adds ``at``: keys of a partitioned table hold what it is partitioned by."""


@compiles(MonthlyKey, "postgresql")
def _with_at(key: MonthlyKey, compiler: Any, **options: Any) -> str:
    written: str = compiler.visit_primary_key_constraint(key, **options)
    return f"{written.removesuffix(')')}, at)"
