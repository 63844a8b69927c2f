"""Logs keep personal data and secrets out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from core.logs import configure_logs, get_logger, hide_private_fields


@pytest.fixture
def _logs_as_they_were() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configuration)


@pytest.mark.parametrize("key", ["password", "engine_secret", "access_token", "text", "phone", "Authorization"])
def test_private_fields_are_hidden(key: str) -> None:
    assert hide_private_fields(None, "info", {"event": "x", key: "value"}) == {"event": "x", key: "[hidden]"}


def test_ids_and_counts_stay() -> None:
    event = {"event": "handoff.assigned", "handoff_id": "h-1", "n_waiting": 3, "owner_token_seen": 4}

    assert hide_private_fields(None, "info", dict(event)) == event


@pytest.mark.usefixtures("_logs_as_they_were")
@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_shows_no_value_of_a_variable(
    form: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(form)

    def sign_in(password: str) -> None:
        raise RuntimeError(f"the password has {len(password)} characters")

    try:
        sign_in("-".join(["correct", "horse"]))
    except RuntimeError:
        get_logger("test").exception("http.unexpected")

    written = capsys.readouterr().err
    assert "RuntimeError" in written
    assert "has 13 characters" in written
    assert "correct-horse" not in written
