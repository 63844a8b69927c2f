"""SQL of the outbox: which message may leave next, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, RowMapping, Table, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.inbound import Channel
from conversations.message_repository import MESSAGES
from conversations.messages import Author, AuthorKind, Content, MessageState, OutboundMessage
from conversations.models import OutboxRow
from conversations.owner import Owner
from conversations.repository import CONVERSATIONS, to_conversation
from core.ids import ConversationId, MessageId, OutboxId

OUTBOX = cast(Table, OutboxRow.__table__)
_OPEN = (MessageState.QUEUED, MessageState.SENDING)
_MESSAGE_COLUMNS = [
    MESSAGES.c[name].label(f"message_{name}")
    for name in ("author_kind", "author_id", "author_name", "content", "in_reply_to", "created_at")
]
_OUTBOX_COLUMNS = [column.label(f"outbox_{column.name}") for column in OUTBOX.c]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An outbox row with its message and its conversation's present owner; both rows are locked."""

    message: OutboundMessage
    fence_token: int | None
    fence_agent_id: str | None
    owner: Owner
    token: int
    state: MessageState


class OutboxRepository:
    """Reads and writes outbox rows in the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Queue messages."""
        if rows:
            await self._session.execute(OUTBOX.insert(), [dict(row) for row in rows])

    async def has_work(self, channels: Sequence[Channel], now: datetime) -> bool:
        """Say whether a message is due or was left by a dead worker."""
        due = and_(OUTBOX.c.state == MessageState.QUEUED, OUTBOX.c.due_at <= now)
        abandoned = and_(OUTBOX.c.state == MessageState.SENDING, OUTBOX.c.lease_until < now)
        statement = select(OUTBOX.c.id).where(OUTBOX.c.channel.in_(list(channels)), or_(due, abandoned)).limit(1)
        return (await self._session.execute(statement)).one_or_none() is not None

    async def lock_due(self, channels: Sequence[Channel], now: datetime, limit: int) -> list[Candidate]:
        """Return messages that may leave now, each the first open one of its conversation, and lock them.

        On PostgreSQL rows that another worker holds are skipped; on SQLite the whole transaction is alone.
        """
        earlier = OUTBOX.alias("earlier")
        is_first = ~(
            select(earlier.c.id)
            .where(
                earlier.c.conversation_id == OUTBOX.c.conversation_id,
                earlier.c.seq < OUTBOX.c.seq,
                earlier.c.state.in_(_OPEN),
            )
            .exists()
        )
        return await self._lock(
            channels, limit, OUTBOX.c.state == MessageState.QUEUED, OUTBOX.c.due_at <= now, is_first
        )

    async def lock_abandoned(self, channels: Sequence[Channel], now: datetime, limit: int) -> list[Candidate]:
        """Return messages whose worker died while sending, and lock them."""
        return await self._lock(channels, limit, OUTBOX.c.state == MessageState.SENDING, OUTBOX.c.lease_until < now)

    async def _lock(self, channels: Sequence[Channel], limit: int, *conditions: Any) -> list[Candidate]:
        statement = (
            select(*_OUTBOX_COLUMNS, *_MESSAGE_COLUMNS, *CONVERSATIONS.c)
            .join(MESSAGES, MESSAGES.c.id == OUTBOX.c.message_id)
            .join(CONVERSATIONS, CONVERSATIONS.c.id == OUTBOX.c.conversation_id)
            .where(OUTBOX.c.channel.in_(list(channels)), *conditions)
            .order_by(OUTBOX.c.due_at, OUTBOX.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=[OUTBOX, CONVERSATIONS])
        )
        return [_candidate(row) for row in (await self._session.execute(statement)).mappings()]

    async def mark_sending(self, ids: Sequence[OutboxId], holder: str, until: datetime) -> None:
        """Lease rows to a worker; each is now one try further."""
        await self._session.execute(
            update(OUTBOX)
            .where(OUTBOX.c.id.in_(list(ids)))
            .values(
                state=MessageState.SENDING,
                lease_holder=holder,
                lease_until=until,
                n_attempts=OUTBOX.c.n_attempts + 1,
            )
        )

    async def settle(self, outbox_id: OutboxId, state: MessageState, *, holder: str | None, **values: Any) -> bool:
        """Record what became of a row; False when `holder` no longer has it."""
        statement = update(OUTBOX).where(OUTBOX.c.id == outbox_id)
        if holder is not None:
            statement = statement.where(OUTBOX.c.lease_holder == holder, OUTBOX.c.state == MessageState.SENDING)
        statement = statement.values(state=state, lease_holder=None, lease_until=None, **values)
        return cast("CursorResult[Any]", await self._session.execute(statement)).rowcount == 1


def _candidate(row: RowMapping) -> Candidate:
    conversation = to_conversation(row)
    message = OutboundMessage(
        id=MessageId(row["outbox_message_id"]),
        outbox_id=OutboxId(row["outbox_id"]),
        conversation_id=ConversationId(row["outbox_conversation_id"]),
        channel=conversation.channel,
        account=conversation.account,
        conversation_key=conversation.conversation_key,
        recipient=conversation.sender,
        author=Author(AuthorKind(row["message_author_kind"]), row["message_author_id"], row["message_author_name"]),
        content=Content.from_data(row["message_content"]),
        language=conversation.language,
        seq=row["outbox_seq"],
        attempt=row["outbox_n_attempts"] + 1,
        created_at=row["message_created_at"],
        in_reply_to=MessageId(row["message_in_reply_to"]) if row["message_in_reply_to"] else None,
    )
    return Candidate(
        message=message,
        fence_token=row["outbox_fence_token"],
        fence_agent_id=row["outbox_fence_agent_id"],
        owner=conversation.owner,
        token=conversation.token,
        state=MessageState(row["outbox_state"]),
    )
