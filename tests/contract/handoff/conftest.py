"""The desk on both databases."""

from __future__ import annotations

import pytest

from core.database import Database
from tests.contract.handoff.house import DeskHouse


@pytest.fixture
def house(database: Database) -> DeskHouse:
    """The desk, wired on a fresh database."""
    return DeskHouse(database)
