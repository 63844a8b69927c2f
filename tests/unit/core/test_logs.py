"""Logs keep personal data and secrets out."""

from __future__ import annotations

import pytest

from core.logs import hide_private_fields


@pytest.mark.parametrize("key", ["password", "engine_secret", "access_token", "text", "phone", "Authorization"])
def test_private_fields_are_hidden(key: str) -> None:
    assert hide_private_fields(None, "info", {"event": "x", key: "value"}) == {"event": "x", key: "[hidden]"}


def test_ids_and_counts_stay() -> None:
    event = {"event": "handoff.assigned", "handoff_id": "h-1", "n_waiting": 3, "owner_token_seen": 4}

    assert hide_private_fields(None, "info", dict(event)) == event
