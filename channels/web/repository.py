"""Gives a conversation another address while its rivals are held still; SQL only."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.inbound import Channel, Sender
from conversations.models import ConversationRow
from core.ids import ConversationId


class WebConversations:
    """Addresses of web conversations, in the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def hold(self, account: str, keys: Collection[str]) -> None:
        """Lock the rows with these keys until the transaction ends, in one order, so that two never wait crosswise."""
        statement = (
            select(ConversationRow.id)
            .where(
                ConversationRow.channel == Channel.WEB,
                ConversationRow.account == account,
                ConversationRow.conversation_key.in_(keys),
            )
            .order_by(ConversationRow.id)
            .with_for_update()
        )
        await self._session.execute(statement)

    async def move(self, conversation_id: ConversationId, key: str, sender: Sender) -> None:
        """Give a conversation another key and the sender it belongs to from now on."""
        await self._session.execute(
            update(ConversationRow)
            .where(ConversationRow.id == conversation_id)
            .values(
                conversation_key=key,
                sender_kind=sender.kind,
                sender_id=sender.id,
                sender_claims=dict(sender.claims),
            )
        )
