"""SQL of what open desks are shown live: changed rows of the list, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.conversation import Conversation
from conversations.owner import Owner
from conversations.repository import CONVERSATIONS, to_conversation
from core.ids import AgentId, ConversationId


class DeskRows:
    """Reads conversations in the caller's session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_by_id(self, conversation_ids: Sequence[ConversationId]) -> list[Conversation]:
        """Return those of these conversations that exist, the longest unchanged first."""
        if not conversation_ids:
            return []
        statement = (
            select(CONVERSATIONS).where(CONVERSATIONS.c.id.in_(conversation_ids)).order_by(CONVERSATIONS.c.updated_at)
        )
        return [to_conversation(row) for row in (await self._session.execute(statement)).mappings()]

    async def list_changed_since(self, at: datetime, limit: int) -> list[Conversation]:
        """Return conversations that changed at or after a moment, the longest unchanged first."""
        statement = (
            select(CONVERSATIONS)
            .where(CONVERSATIONS.c.updated_at >= at)
            .order_by(CONVERSATIONS.c.updated_at)
            .limit(limit)
        )
        return [to_conversation(row) for row in (await self._session.execute(statement)).mappings()]

    async def count_by_agent(self) -> dict[AgentId, int]:
        """Return how many conversations each agent owns."""
        statement = (
            select(CONVERSATIONS.c.owner, func.count())
            .where(CONVERSATIONS.c.owner > "agent:", CONVERSATIONS.c.owner < "agent;")
            .group_by(CONVERSATIONS.c.owner)
        )
        counts = (await self._session.execute(statement)).all()
        return {agent_id: n for owner, n in counts if (agent_id := Owner.parse(owner).agent_id) is not None}
