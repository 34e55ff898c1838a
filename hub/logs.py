"""Logs on standard error: JSON for machines, lines for people. Identifiers yes, contents of documents never."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def for_machines(form: str) -> bool:
    """Whether logs of this form (``json``, ``text``, or ``auto``: text on a terminal) are one JSON object a line."""
    return form == "json" or (form == "auto" and not sys.stderr.isatty())


def configure(level: str, form: str) -> None:
    """``form``: see ``for_machines``."""
    as_json = for_machines(form)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, renderer] if as_json else [*shared[:-1], renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]), handlers=[handler], force=True
    )
