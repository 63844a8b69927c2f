"""SQL of the conversation event log: append-only, numbered by the conversation's row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import RowMapping, Table, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.events import Audience, ConversationEvent, EventType
from conversations.models import EventRow
from core.ids import ConversationId

EVENTS = cast(Table, EventRow.__table__)


class EventLog:
    """Reads and writes events in the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, events: Sequence[ConversationEvent]) -> None:
        """Store events under the numbers they carry."""
        rows: list[dict[str, Any]] = [
            {
                "conversation_id": event.conversation_id,
                "seq": event.seq,
                "type": event.type.value,
                "audience": event.audience.value,
                "at": event.at,
                "data": dict(event.data),
            }
            for event in events
        ]
        if rows:
            await self._session.execute(EVENTS.insert(), rows)

    async def list_after(
        self, conversation_id: ConversationId, after: int, limit: int, audience: Audience
    ) -> list[ConversationEvent]:
        """Return events with a number above `after`, oldest first; for everyone, or for the desk, who sees all."""
        statement = select(EVENTS).where(EVENTS.c.conversation_id == conversation_id, EVENTS.c.seq > after)
        if audience is Audience.EVERYONE:
            statement = statement.where(EVENTS.c.audience == Audience.EVERYONE)
        rows = await self._session.execute(statement.order_by(EVENTS.c.seq).limit(limit))
        return [_to_event(row) for row in rows.mappings()]

    async def list_latest(
        self, conversation_id: ConversationId, kind: EventType, limit: int
    ) -> list[ConversationEvent]:
        """Return the newest events of one type, newest first."""
        statement = (
            select(EVENTS)
            .where(EVENTS.c.conversation_id == conversation_id, EVENTS.c.type == kind)
            .order_by(EVENTS.c.seq.desc())
            .limit(limit)
        )
        return [_to_event(row) for row in (await self._session.execute(statement)).mappings()]

    async def hide_from_customers(self, conversation_id: ConversationId, seq: int) -> None:
        """Make one event desk-only: its message was dropped before it left."""
        await self._session.execute(
            update(EVENTS)
            .where(EVENTS.c.conversation_id == conversation_id, EVENTS.c.seq == seq)
            .values(audience=Audience.DESK)
        )


def _to_event(row: RowMapping) -> ConversationEvent:
    return ConversationEvent(
        conversation_id=ConversationId(row["conversation_id"]),
        seq=row["seq"],
        type=EventType(row["type"]),
        at=row["at"],
        data=row["data"],
        audience=Audience(row["audience"]),
    )
