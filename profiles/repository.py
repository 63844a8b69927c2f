"""SQL of customers, identifiers and profile events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import CustomerId, new_id
from profiles.models import CustomerRow, CustomerStatus, IdentifierRow, IdentityStatus, ProfileEventRow

IDENTIFIERS = cast(Table, IdentifierRow.__table__)


class ProfileRepository:
    """Reads and writes the profile tables in the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_customer(self, customer_id: str, *, lock: bool = False) -> CustomerRow | None:
        """Return a customer's row, locked against other writers when asked."""
        return await self._session.get(CustomerRow, customer_id, with_for_update=lock or None, populate_existing=True)

    async def find_identifier(self, kind: str, value_hmac: str) -> IdentifierRow | None:
        """Return an identity that leads to a customer."""
        return await self._session.scalar(
            select(IdentifierRow).where(
                IdentifierRow.kind == kind,
                IdentifierRow.value_hmac == value_hmac,
                IdentifierRow.status == IdentityStatus.ACTIVE.value,
            ),
            execution_options={"populate_existing": True},
        )

    async def list_identifiers(self, customer_id: str) -> Sequence[IdentifierRow]:
        """Return a customer's active identities, oldest first."""
        query = (
            select(IdentifierRow)
            .where(IdentifierRow.customer_id == customer_id, IdentifierRow.status == IdentityStatus.ACTIVE.value)
            .order_by(IdentifierRow.first_seen_at, IdentifierRow.kind)
        )
        return (await self._session.scalars(query)).all()

    async def add_customer(self, customer_id: CustomerId, *, data_key: bytes, at: datetime) -> CustomerRow:
        """Insert a customer of whom nothing is known yet."""
        row = CustomerRow(
            id=customer_id,
            status=CustomerStatus.ACTIVE.value,
            merged_into=None,
            created_at=at,
            last_seen_at=at,
            version=1,
            traits={},
            data_key=data_key,
        )
        self._session.add(row)
        await self._session.flush()
        return row

    async def delete_customer(self, row: CustomerRow) -> None:
        """Take back a customer that was added in this transaction."""
        await self._session.execute(delete(CustomerRow).where(CustomerRow.id == row.id))
        self._session.expunge(row)

    async def add_identifier(self, values: Mapping[str, Any]) -> bool:
        """Insert an identity; False when it is there already, also by a writer who was faster."""
        insert = sqlite_insert if self._session.get_bind().dialect.name == "sqlite" else postgresql_insert
        statement = insert(IDENTIFIERS).values(dict(values)).on_conflict_do_nothing().returning(IDENTIFIERS.c.kind)
        return (await self._session.execute(statement)).one_or_none() is not None

    async def note_seen(self, kind: str, value_hmac: str, customer_id: str, at: datetime, *, verified: bool) -> None:
        """Move the moment an identity and its customer were last seen; once verified stays verified."""
        values: dict[str, Any] = {"last_seen_at": at}
        if verified:
            values["verified"] = True
        await self._session.execute(
            update(IdentifierRow)
            .where(IdentifierRow.kind == kind, IdentifierRow.value_hmac == value_hmac)
            .values(values)
        )
        await self._session.execute(update(CustomerRow).where(CustomerRow.id == customer_id).values(last_seen_at=at))

    async def add_event(
        self, customer_id: str, event_type: str, at: datetime, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Append to the customer's record."""
        self._session.add(
            ProfileEventRow(
                id=new_id(), customer_id=customer_id, type=event_type, at=at, properties=dict(properties or {})
            )
        )
        await self._session.flush()

    async def list_events(self, customer_id: str, limit: int) -> Sequence[ProfileEventRow]:
        """Return the newest events of a customer, newest first."""
        query = (
            select(ProfileEventRow)
            .where(ProfileEventRow.customer_id == customer_id)
            .order_by(ProfileEventRow.at.desc(), ProfileEventRow.id.desc())
            .limit(limit)
        )
        return (await self._session.scalars(query)).all()
