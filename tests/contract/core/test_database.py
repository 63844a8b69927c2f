"""A unit of work is all or nothing, and concurrent ones wait for each other."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from core.audit import AuditRow, record_audit
from core.database import Database
from core.errors import ConfigError

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


async def _count(database: Database) -> int:
    async with database.read() as session:
        return (await session.execute(select(func.count()).select_from(AuditRow))).scalar_one()


async def test_a_unit_of_work_that_raises_leaves_nothing(database: Database) -> None:
    before = await _count(database)

    with pytest.raises(RuntimeError, match="in the middle"):
        async with database.unit_of_work() as session:
            await record_audit(session, actor="system", action="test", subject="t:1", at=AT)
            await session.flush()
            raise RuntimeError("in the middle")

    assert await _count(database) == before


async def test_many_units_of_work_at_once_all_commit(database: Database) -> None:
    before = await _count(database)

    async def one(n: int) -> None:
        async with database.unit_of_work() as session:
            await session.execute(select(func.count()).select_from(AuditRow))
            await record_audit(session, actor="system", action="test", subject=f"t:{n}", at=AT)

    await asyncio.gather(*(one(n) for n in range(50)))

    assert await _count(database) == before + 50


async def test_an_error_of_the_database_repeats_no_value(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with database.unit_of_work() as session:
            await session.execute(text("SELECT :said FROM no_such_table"), {"said": "what a customer wrote"})

    assert "no_such_table" in str(caught.value)
    assert "what a customer wrote" not in str(caught.value)


async def test_moments_come_back_aware_and_equal(database: Database) -> None:
    async with database.unit_of_work() as session:
        await record_audit(session, actor="system", action="moment", subject="t:moment", at=AT, details={"名": [1]})

    async with database.read() as session:
        found = select(AuditRow.at, AuditRow.details).where(AuditRow.subject == "t:moment")
        at, details = (await session.execute(found)).one()

    assert at == AT
    assert at.tzinfo is not None
    assert details == {"名": [1]}


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///x.db", "nonsense"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="YITI_DATABASE_URL"):
        Database(url)
