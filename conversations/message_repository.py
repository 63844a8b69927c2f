"""SQL of messages: what was said, and how far it got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.messages import AuthorKind, MessageState, Said
from conversations.models import MessageRow
from core.ids import ConversationId, MessageId

MESSAGES = cast(Table, MessageRow.__table__)


class MessageRepository:
    """Reads and writes message rows in the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store messages."""
        if rows:
            await self._session.execute(MESSAGES.insert(), [dict(row) for row in rows])

    async def find_said(
        self, conversation_id: ConversationId, author_id: str, client_msg_id: str
    ) -> tuple[Said, str] | None:
        """Return the message an author sent under this client id, with its text."""
        statement = select(MESSAGES.c.id, MESSAGES.c.seq, MESSAGES.c.text).where(
            MESSAGES.c.conversation_id == conversation_id,
            MESSAGES.c.author_id == author_id,
            MESSAGES.c.client_msg_id == client_msg_id,
        )
        row = (await self._session.execute(statement)).one_or_none()
        return (Said(MessageId(row.id), row.seq, duplicate=True), row.text) if row else None

    async def set_state(self, message_id: MessageId, state: MessageState) -> None:
        """Record how far a message got."""
        await self._session.execute(update(MESSAGES).where(MESSAGES.c.id == message_id).values(state=state))

    async def list_offered_payloads(self, conversation_id: ConversationId, limit: int) -> set[str]:
        """Return the payloads of the choices in the assistant's newest messages."""
        statement = (
            select(MESSAGES.c.content)
            .where(
                MESSAGES.c.conversation_id == conversation_id,
                MESSAGES.c.author_kind == AuthorKind.BOT,
                MESSAGES.c.state != MessageState.DROPPED_LATE,
            )
            .order_by(MESSAGES.c.seq.desc())
            .limit(limit)
        )
        contents = (await self._session.execute(statement)).scalars()
        return {choice["payload"] for content in contents for choice in content.get("choices", ())}
