"""One database behind one door: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import JSON, DateTime, Dialect, MetaData, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from core.errors import ConfigError

JsonValue = JSON().with_variant(JSONB(), "postgresql")
SQLITE_BUSY_TIMEOUT_MS = 15_000


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, stored in UTC; SQLite keeps no zone, so it is added back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive moment and turn any other into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; moments are aware UTC.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment as aware UTC."""
        if value is None or value.tzinfo is not None:
            return value if value is None else value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The one registry of tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database:
    """Sessions on one database.

    On SQLite a unit of work begins with BEGIN IMMEDIATE, so that a read which is followed by a write can
    never fail with "database is locked" half-way; reads use a deferred transaction and never wait for a writer.
    Errors repeat no parameters, since they go to the log and parameters are what customers wrote.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = _checked_url(url)
        self.dialect: Literal["sqlite", "postgresql"] = (
            "sqlite" if self.url.get_backend_name() == "sqlite" else "postgresql"
        )
        self.engine = self._make_engine(pool_size)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    def _make_engine(self, pool_size: int) -> AsyncEngine:
        if self.dialect == "postgresql":
            return create_async_engine(
                self.url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, hide_parameters=True
            )
        if self.url.database and self.url.database != ":memory:":
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(self.url, pool_size=pool_size, max_overflow=pool_size, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite_connection)
        event.listen(engine.sync_engine, "begin", _begin_sqlite_transaction)
        return engine

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[AsyncSession]:
        """Open one write transaction; commit when the block ends cleanly, roll back when it raises."""
        async with self._sessions() as session:
            await session.connection(execution_options={"yiti_writes": True})
            async with _committed(session):
                yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for reading only."""
        async with self._sessions() as session:
            try:
                yield session
            finally:
                await session.rollback()

    async def create_all(self) -> None:
        """Create every table; for tests, the product migrates with Alembic."""
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


@asynccontextmanager
async def _committed(session: AsyncSession) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        await session.rollback()
        raise
    await session.commit()


def _checked_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "YITI_DATABASE_URL is not a database URL; use sqlite+aiosqlite:///var/yiti.db or "
            "postgresql+psycopg://user@host/name.",
            code="bad_database_url",
        ) from error
    if parsed.drivername not in {"sqlite+aiosqlite", "postgresql+psycopg"}:
        raise ConfigError(
            f"YITI_DATABASE_URL uses {parsed.drivername!r}; Yiti runs on sqlite+aiosqlite and postgresql+psycopg.",
            code="bad_database_url",
        )
    return parsed


def _prepare_sqlite_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, below
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite_transaction(connection: Any) -> None:
    writes = connection.get_execution_options().get("yiti_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
