"""Brings a database's tables up to date with Alembic."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from core.errors import ConfigError
from core.settings import REPOSITORY


def alembic_config(url: str) -> Config:
    """Return Alembic's configuration for one database."""
    config = Config()
    config.set_main_option("script_location", str(REPOSITORY / "migrations"))
    config.attributes["url"] = sync_url(url)
    return config


def sync_url(url: str) -> str:
    """Return the URL with a driver that works without an event loop."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        parsed = parsed.set(drivername="sqlite")
    return parsed.render_as_string(hide_password=False)


def migrate(url: str) -> str:
    """Upgrade to the newest revision; say what was done.

    Raises:
        ConfigError: the database cannot be reached.
    """
    config = alembic_config(url)
    head = ScriptDirectory.from_config(config).get_current_head()
    try:
        if current_revision(url) == head:
            return "up to date"
        command.upgrade(config, "head")
    except DBAPIError as error:
        shown = make_url(url).render_as_string(hide_password=True)
        reason = str(error.orig).strip().splitlines()[0]
        raise ConfigError(f"The database {shown} cannot be used: {reason}", code="database") from error
    return f"migrated to {head}"


def current_revision(url: str) -> str | None:
    """Return the revision a database is at, None when it is empty."""
    engine = create_engine(sync_url(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
