"""SQL of the inbox: each delivered message once, and whose turn is next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.inbound import Accepted, InboundMessage, InboundType, Sender
from conversations.message_repository import MESSAGES
from conversations.models import InboundRow, InboundState
from conversations.repository import insert_into
from core.ids import ConversationId, MessageId

INBOUND = cast(Table, InboundRow.__table__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A customer's message whose turn it is; the counts are of the tries before this one."""

    message_id: MessageId
    seq: int
    type: InboundType
    text: str
    choice_payload: str | None
    language_hint: str | None
    sender: Sender
    metadata: dict[str, Any]
    n_attempts: int
    n_failures: int


class InboundRepository:
    """Reads and writes inbound rows in the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, message: InboundMessage, message_id: MessageId, conversation_id: ConversationId, seq: int, at: datetime
    ) -> bool:
        """Store a message; False when one with its (channel, account, external_id) is there already."""
        row = {
            "id": message_id,
            "channel": message.channel,
            "account": message.account,
            "external_id": message.external_id,
            "conversation_id": conversation_id,
            "seq": seq,
            "type": message.type,
            "choice_payload": message.choice_payload,
            "language_hint": (message.language_hint or "")[:40] or None,
            "sender_kind": message.sender.kind,
            "sender_id": message.sender.id,
            "sender_claims": dict(message.sender.claims),
            "extra": dict(message.metadata),
            "fingerprint": message.fingerprint,
            "occurred_at": message.occurred_at,
            "received_at": at,
            "state": InboundState.WAITING,
            "n_attempts": 0,
            "n_failures": 0,
        }
        statement = (
            insert_into(self._session, INBOUND)
            .values(row)
            .on_conflict_do_nothing(index_elements=["channel", "account", "external_id"])
            .returning(INBOUND.c.id)
        )
        return (await self._session.execute(statement)).one_or_none() is not None

    async def get_accepted(self, message: InboundMessage) -> tuple[Accepted, str]:
        """Return what became of the stored message with this external id, and its fingerprint."""
        statement = select(INBOUND.c.id, INBOUND.c.conversation_id, INBOUND.c.seq, INBOUND.c.fingerprint).where(
            INBOUND.c.channel == message.channel,
            INBOUND.c.account == message.account,
            INBOUND.c.external_id == message.external_id,
        )
        row = (await self._session.execute(statement)).one()
        accepted = Accepted(MessageId(row.id), ConversationId(row.conversation_id), row.seq, duplicate=True)
        return accepted, row.fingerprint

    async def find_next(self, conversation_id: ConversationId) -> Waiting | None:
        """Return the oldest message of a conversation that has not had its turn."""
        statement = (
            select(INBOUND, MESSAGES.c.text)
            .join(MESSAGES, MESSAGES.c.id == INBOUND.c.id)
            .where(INBOUND.c.conversation_id == conversation_id, INBOUND.c.state == InboundState.WAITING)
            .order_by(INBOUND.c.seq)
            .limit(1)
        )
        row = (await self._session.execute(statement)).mappings().one_or_none()
        if row is None:
            return None
        return Waiting(
            message_id=MessageId(row["id"]),
            seq=row["seq"],
            type=InboundType(row["type"]),
            text=row["text"],
            choice_payload=row["choice_payload"],
            language_hint=row["language_hint"],
            sender=Sender(row["sender_kind"], row["sender_id"], row["sender_claims"]),
            metadata=row["extra"],
            n_attempts=row["n_attempts"],
            n_failures=row["n_failures"],
        )

    async def count_attempt(self, message_id: MessageId) -> None:
        """Note, before a turn begins, that it was begun: a turn that kills the process counts too."""
        await self._session.execute(
            update(INBOUND).where(INBOUND.c.id == message_id).values(n_attempts=INBOUND.c.n_attempts + 1)
        )

    async def count_failure(self, message_id: MessageId) -> None:
        """Note that a turn raised."""
        await self._session.execute(
            update(INBOUND).where(INBOUND.c.id == message_id).values(n_failures=INBOUND.c.n_failures + 1)
        )

    async def finish(self, message_id: MessageId, state: InboundState, outcome: str, at: datetime) -> None:
        """Record that a message has had its turn."""
        await self._session.execute(
            update(INBOUND).where(INBOUND.c.id == message_id).values(state=state, outcome=outcome[:40], finished_at=at)
        )
