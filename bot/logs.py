"""Logs of the engine: JSON lines on stderr, with ids and without customers' text."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from datetime import UTC, datetime
from typing import Any

import structlog

_OURS = "bot"
_LIBRARY_WARNINGS = (
    "DeprecationWarning",
    "FutureWarning",
    "SyntaxWarning",
    "pkg_resources is deprecated",
    "Slot auto-fill has been removed",  # shown for every domain
    "does not include an entity extractor trained",  # Rasa knows its own extractors only
)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record; fields given as `extra={"fields": {...}}` stand beside the event."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logs() -> None:
    """Send every log of this process to stderr as JSON lines.

    Rasa's own lines are kept from WARNING up: below it logs each parse with the customer's text, by default on stdout.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(_OURS).setLevel(logging.INFO)
    ignore_library_warnings()
    configure_structlog()


def configure_structlog() -> None:
    """Send what Rasa logs by structlog to the standard logs; by default it prints each parse, with its text."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            structlog.stdlib.render_to_log_kwargs,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def ignore_library_warnings() -> None:
    """Keep the warnings that are about data and configuration, and drop those about the age of libraries."""
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").addFilter(_is_about_our_data)
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    warnings.simplefilter("ignore", DeprecationWarning)


def _is_about_our_data(record: logging.LogRecord) -> bool:
    text = record.getMessage()
    return not any(part in text for part in _LIBRARY_WARNINGS)


def hush_rasa() -> None:
    """Keep only Rasa's errors from now on: its warnings about a message quote the message."""
    logging.getLogger("rasa").setLevel(logging.ERROR)
    logging.getLogger("py.warnings").setLevel(logging.CRITICAL)


def log_event(
    event: str, *, level: int = logging.INFO, exc_info: BaseException | None = None, **fields: object
) -> None:
    """Log one event of ours with its fields."""
    logging.getLogger(_OURS).log(level, event, extra={"fields": fields}, exc_info=exc_info)
