"""The migrations make the tables that the code expects, on both databases."""

from __future__ import annotations

import pytest
from alembic import command

from core.errors import ConfigError
from server.setup.database import alembic_config, migrate


def test_an_empty_database_is_migrated_once_and_fits_the_tables(database_url: str) -> None:
    assert migrate(database_url).startswith("migrated to")
    assert migrate(database_url) == "up to date"

    command.check(alembic_config(database_url))


def test_a_database_that_cannot_be_reached_is_named_without_its_password() -> None:
    with pytest.raises(ConfigError, match=r"postgresql\+psycopg://yiti:\*\*\*@127\.0\.0\.1:9/none cannot be used"):
        migrate("postgresql+psycopg://yiti:secret@127.0.0.1:9/none")
