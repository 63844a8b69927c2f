"""What the app counts of each answer."""

from __future__ import annotations

import pytest

from server.app import counted_method


@pytest.mark.parametrize(
    ("method", "counted"), [("GET", "GET"), ("PATCH", "PATCH"), ("BREW", "other"), ("get", "other"), ("", "other")]
)
def test_methods_that_clients_invent_are_counted_as_one(method: str, counted: str) -> None:
    assert counted_method(method) == counted
