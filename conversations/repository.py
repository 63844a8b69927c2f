"""SQL of the conversations table: finding, numbering, owning, leasing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, RowMapping, Table, case, exists, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from conversations.conversation import Conversation, LastMessage
from conversations.inbound import Channel, InboundMessage, Sender
from conversations.models import ConversationRow, InboundRow, InboundState
from conversations.owner import Owner
from core.database import UtcDateTime
from core.errors import NotFoundError
from core.ids import ConversationId, CustomerId, new_id

CONVERSATIONS = cast(Table, ConversationRow.__table__)
INBOUND = cast(Table, InboundRow.__table__)


def insert_into(session: AsyncSession, table: Table) -> Any:
    """Return the INSERT of the session's dialect, which knows ON CONFLICT."""
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    return insert(table)


class ConversationRepository:
    """Reads and writes conversation rows in the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock_or_create(self, message: InboundMessage, *, language: str, at: datetime) -> Conversation:
        """Return the message's conversation, made if there is none; nobody else changes it until we commit."""
        row = {
            "id": new_id(),
            "channel": message.channel,
            "account": message.account,
            "conversation_key": message.conversation_key,
            **_sender_values(message.sender),
            "owner": Owner.BOT.value,
            "token": 1,
            "language": language,
            "last_seq": 0,
            "n_unread": 0,
            "created_at": at,
            "updated_at": at,
        }
        statement = (
            insert_into(self._session, CONVERSATIONS)
            .values(row)
            .on_conflict_do_update(
                index_elements=["channel", "account", "conversation_key"],
                set_={"conversation_key": message.conversation_key},  # changes nothing, locks the row
            )
            .returning(*CONVERSATIONS.c)
        )
        return to_conversation((await self._session.execute(statement)).one()._mapping)

    async def get(self, conversation_id: ConversationId) -> Conversation:
        """Return one conversation.

        Raises:
            NotFoundError: there is none with this id.
        """
        statement = select(CONVERSATIONS).where(CONVERSATIONS.c.id == conversation_id)
        row = (await self._session.execute(statement)).one_or_none()
        if row is None:
            raise unknown(conversation_id)
        return to_conversation(row._mapping)

    async def lock(self, conversation_id: ConversationId) -> Conversation:
        """Return one conversation that nobody else changes until we commit.

        Raises:
            NotFoundError: there is none with this id.
        """
        statement = select(CONVERSATIONS).where(CONVERSATIONS.c.id == conversation_id).with_for_update()
        row = (await self._session.execute(statement)).mappings().one_or_none()
        if row is None:
            raise unknown(conversation_id)
        return to_conversation(row)

    async def find_by_key(self, channel: Channel, account: str, conversation_key: str) -> Conversation | None:
        """Return the conversation with this address, if there is one."""
        statement = select(CONVERSATIONS).where(
            CONVERSATIONS.c.channel == channel,
            CONVERSATIONS.c.account == account,
            CONVERSATIONS.c.conversation_key == conversation_key,
        )
        row = (await self._session.execute(statement)).one_or_none()
        return to_conversation(row._mapping) if row else None

    async def advance(
        self,
        conversation_id: ConversationId,
        n_events: int,
        changes: Mapping[str, Any],
        *conditions: ColumnElement[bool],
    ) -> Conversation | None:
        """Take the next `n_events` numbers and change columns; None when a condition does not hold.

        The numbers are last_seq - n_events + 1 .. last_seq of the row returned. The row stays locked until the
        caller's commit, so numbers are committed in their order and a reader never sees a gap fill up later.
        """
        statement = (
            update(CONVERSATIONS)
            .where(CONVERSATIONS.c.id == conversation_id, *conditions)
            .values(last_seq=CONVERSATIONS.c.last_seq + n_events, **changes)
            .returning(*CONVERSATIONS.c)
        )
        row = (await self._session.execute(statement)).one_or_none()
        return to_conversation(row._mapping) if row else None

    async def change_owner(
        self, conversation_id: ConversationId, seen_token: int, to: Owner, changes: Mapping[str, Any]
    ) -> Conversation | None:
        """Give the conversation to `to` and take one event number; None when the token is not `seen_token`.

        One conditional UPDATE: of two that try with one token, one gets the row.
        """
        values = {"owner": to.value, "token": seen_token + 1, **changes}
        return await self.advance(conversation_id, 1, values, CONVERSATIONS.c.token == seen_token)

    async def list_due(self, now: datetime, limit: int) -> list[ConversationId]:
        """Return conversations with a turn due that nobody works on, longest due first."""
        statement = (
            select(CONVERSATIONS.c.id)
            .where(CONVERSATIONS.c.next_turn_at <= now, _is_free(now))
            .order_by(CONVERSATIONS.c.next_turn_at)
            .limit(limit)
        )
        return [ConversationId(one) for one in (await self._session.execute(statement)).scalars()]

    async def take_lease(
        self, conversation_id: ConversationId, holder: str, now: datetime, until: datetime
    ) -> Conversation | None:
        """Lease a conversation whose turn is due; None when none is due or somebody else holds it."""
        return await self.advance(
            conversation_id,
            0,
            {"lease_holder": holder, "lease_until": until},
            CONVERSATIONS.c.next_turn_at <= now,
            _is_free(now),
        )

    async def renew_lease(self, conversation_id: ConversationId, holder: str, until: datetime) -> bool:
        """Keep a lease; False when it is no longer the holder's."""
        statement = (
            update(CONVERSATIONS)
            .where(CONVERSATIONS.c.id == conversation_id, CONVERSATIONS.c.lease_holder == holder)
            .values(lease_until=until)
        )
        return cast("CursorResult[Any]", await self._session.execute(statement)).rowcount == 1

    async def end_lease(
        self, conversation_id: ConversationId, holder: str, changes: Mapping[str, Any] | None = None
    ) -> Conversation | None:
        """Give a lease back and lock the row; None when it is no longer the holder's."""
        values = {"lease_holder": None, "lease_until": None, **(changes or {})}
        return await self.advance(conversation_id, 0, values, CONVERSATIONS.c.lease_holder == holder)


def next_turn_at(conversation_id: ConversationId, now: datetime) -> ColumnElement[Any]:
    """Return an expression: `now` while messages of the conversation wait for their turn, else null.

    Right only in a statement after the one that locked the conversation's row, since `inbox.accept` locks it too.
    """
    waiting = exists().where(INBOUND.c.conversation_id == conversation_id, INBOUND.c.state == InboundState.WAITING)
    return case((waiting, literal(now, UtcDateTime())), else_=None)


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(CONVERSATIONS.c.lease_holder.is_(None), CONVERSATIONS.c.lease_until < now)


def _sender_values(sender: Sender) -> dict[str, Any]:
    return {"sender_kind": sender.kind, "sender_id": sender.id, "sender_claims": dict(sender.claims)}


def sender_changes(current: Conversation, sender: Sender) -> dict[str, Any]:
    """Return the columns to change so that the conversation's replies go to `sender`; none when they do."""
    return {} if current.sender == sender else _sender_values(sender)


def unknown(conversation_id: ConversationId) -> NotFoundError:
    """Return the error for an id that names no conversation."""
    return NotFoundError(f"There is no conversation {conversation_id!r}.", code="unknown_conversation")


def to_conversation(row: RowMapping) -> Conversation:
    """Turn a row into the frozen picture of it."""
    last = None
    if row["last_message_at"] is not None:
        last = LastMessage(row["last_message_author"], row["last_message_text"] or "", row["last_message_at"])
    return Conversation(
        id=ConversationId(row["id"]),
        channel=Channel(row["channel"]),
        account=row["account"],
        conversation_key=row["conversation_key"],
        sender=Sender(row["sender_kind"], row["sender_id"], row["sender_claims"]),
        owner=Owner.parse(row["owner"]),
        token=row["token"],
        agent_name=row["agent_name"],
        customer_id=CustomerId(row["customer_id"]) if row["customer_id"] else None,
        customer_name=row["customer_name"],
        customer_verified=bool(row["customer_verified"]),
        customer_tier=row["customer_tier"],
        customer_language=row["customer_language"],
        language=row["language"],
        reason_code=row["reason_code"],
        reason_evidence=row["reason_evidence"],
        waiting_since=row["waiting_since"],
        last_message=last,
        last_seq=row["last_seq"],
        n_unread=row["n_unread"],
        mood=row["mood"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        resolved_sender=row["resolved_sender"],
        next_turn_at=row["next_turn_at"],
    )


def to_conversations(rows: Sequence[Any]) -> list[Conversation]:
    """Turn rows into frozen pictures."""
    return [to_conversation(row._mapping) for row in rows]
