"""SQL of handoffs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import AgentId, ConversationId, HandoffId
from handoff.models import Handoff, HandoffRow, HandoffState, Outcome


class HandoffRepository:
    """Reads and writes handoffs in the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, row: HandoffRow) -> None:
        """Insert a handoff now, so that a second open one of its conversation shows here."""
        self._session.add(row)
        await self._session.flush()

    async def find_open(self, conversation_id: ConversationId) -> Handoff | None:
        """Return the conversation's handoff that is not over."""
        return await self._first(
            select(HandoffRow).where(
                HandoffRow.conversation_id == conversation_id, HandoffRow.state != HandoffState.ENDED.value
            )
        )

    async def find_latest(self, conversation_id: ConversationId) -> Handoff | None:
        """Return the conversation's newest handoff, over or not."""
        return await self._first(
            select(HandoffRow)
            .where(HandoffRow.conversation_id == conversation_id)
            .order_by(HandoffRow.created_at.desc(), HandoffRow.id.desc())
            .limit(1)
        )

    async def find_last_handed_back(self, conversation_id: ConversationId, reason_code: str) -> Handoff | None:
        """Return the newest handoff for this reason that was handed back to the assistant."""
        return await self._first(
            select(HandoffRow)
            .where(
                HandoffRow.conversation_id == conversation_id,
                HandoffRow.reason_code == reason_code,
                HandoffRow.outcome == Outcome.HANDED_BACK.value,
            )
            .order_by(HandoffRow.ended_at.desc())
            .limit(1)
        )

    async def count_ahead(self, created_at: datetime, handoff_id: HandoffId) -> int:
        """Return how many waiting handoffs are older than this one."""
        query = (
            select(func.count())
            .select_from(HandoffRow)
            .where(
                HandoffRow.state == HandoffState.WAITING.value,
                tuple_(HandoffRow.created_at, HandoffRow.id) < (created_at, handoff_id),
            )
        )
        return int(await self._session.scalar(query) or 0)

    async def activate(self, handoff_id: HandoffId, *, agent_id: AgentId, agent_name: str, at: datetime) -> bool:
        """Make an open handoff the agent's; False when it is over."""
        return await self._change(
            handoff_id, state=HandoffState.ACTIVE.value, agent_id=agent_id, agent_name=agent_name, taken_at=at
        )

    async def end(
        self, handoff_id: HandoffId, outcome: Outcome, *, at: datetime, seq: int, assistant_untold: bool = False
    ) -> bool:
        """End an open handoff; False when it is over already."""
        return await self._change(
            handoff_id,
            state=HandoffState.ENDED.value,
            outcome=outcome.value,
            ended_at=at,
            ended_seq=seq,
            assistant_untold=assistant_untold,
        )

    async def list_assistant_untold(self, ended_before: datetime, limit: int) -> Sequence[tuple[str, str, str, int]]:
        """Return (id, conversation id, outcome, ended_seq) of ends the assistant has not heard of, oldest first."""
        query = (
            select(HandoffRow.id, HandoffRow.conversation_id, HandoffRow.outcome, HandoffRow.ended_seq)
            .where(HandoffRow.assistant_untold, HandoffRow.ended_at <= ended_before)
            .order_by(HandoffRow.ended_at)
            .limit(limit)
        )
        return [(row[0], row[1], row[2] or "", row[3] or 0) for row in (await self._session.execute(query)).all()]

    async def note_assistant_told(self, handoff_id: str) -> None:
        """Record that the assistant has heard how a handoff ended."""
        await self._session.execute(
            update(HandoffRow).where(HandoffRow.id == handoff_id).values(assistant_untold=False)
        )

    async def _change(self, handoff_id: HandoffId, **values: Any) -> bool:
        result = await self._session.execute(
            update(HandoffRow)
            .where(HandoffRow.id == handoff_id, HandoffRow.state != HandoffState.ENDED.value)
            .values(values)
        )
        return cast("CursorResult[Any]", result).rowcount == 1

    async def _first(self, query: Any) -> Handoff | None:
        row = (await self._session.scalars(query, execution_options={"populate_existing": True})).first()
        return None if row is None else to_handoff(row)


def to_handoff(row: HandoffRow) -> Handoff:
    """Return the row as a value."""
    return Handoff(
        id=HandoffId(row.id),
        conversation_id=ConversationId(row.conversation_id),
        state=HandoffState(row.state),
        reason_code=row.reason_code,
        reason_said_by=row.reason_said_by,
        reason_evidence=row.reason_evidence,
        packet=row.packet,
        created_at=row.created_at,
        agent_id=None if row.agent_id is None else AgentId(row.agent_id),
        agent_name=row.agent_name,
        taken_at=row.taken_at,
        ended_at=row.ended_at,
        ended_seq=row.ended_seq,
        outcome=None if row.outcome is None else Outcome(row.outcome),
    )
