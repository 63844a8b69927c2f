"""Logs are events with fields: ids yes, personal data and secrets no."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Literal

import structlog

_SECRET_KEYS = re.compile(r"(secret|password|token$|authorization|cookie|api_key|signing_key)", re.IGNORECASE)
_TEXT_KEYS = frozenset({"text", "body", "email", "phone", "name", "quote", "question"})


def get_logger(name: str) -> Any:
    """Return a logger whose calls read `log.info("handoff.assigned", handoff_id=...)`."""
    return structlog.stdlib.get_logger(name)


def configure_logs(form: Literal["console", "json"] = "console", level: str = "INFO") -> None:
    """Send our logs and every library's to standard error, one event a line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_private_fields,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if form == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,  # the default one shows variables' values
            )
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "asyncio", "sanic.access", "aiosqlite", "rasa_sdk"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def hide_private_fields(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replace what must not be logged: secrets by name, and what customers wrote."""
    for key in event:
        if key != "event" and (_SECRET_KEYS.search(key) or key in _TEXT_KEYS):
            event[key] = "[hidden]"
    return event
