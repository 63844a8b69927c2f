"""Writes to a conversation: events, messages, outbox rows and the row's columns, in one step of a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.conversation import Conversation
from conversations.event_log import EventLog
from conversations.events import DESK_ONLY, Audience, ConversationEvent, EventType
from conversations.hints import Hints
from conversations.inbound import Channel
from conversations.message_repository import MessageRepository
from conversations.messages import Author, AuthorKind, Content, MessageState
from conversations.models import EXCERPT_LENGTH, NAME_LENGTH
from conversations.outbox_repository import OutboxRepository
from conversations.owner import Owner, OwnerKind, may_become
from conversations.repository import ConversationRepository, unknown
from core.clock import Clock
from core.errors import ConflictError
from core.ids import ConversationId, MessageId, new_id

LOGGED_CHANNELS = frozenset({Channel.WEB})


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event that has no number yet."""

    type: EventType
    data: Mapping[str, Any]
    audience: Audience = Audience.EVERYONE


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """A message that has no number yet.

    `fence_token` and `fence_agent_id` say under what condition the outbox may send it (models.OutboxRow); `late`
    that it was overtaken already, so that it is kept for the desk and sent to nobody.
    """

    author: Author
    content: Content
    id: MessageId = field(default_factory=lambda: MessageId(new_id()))
    in_reply_to: MessageId | None = None
    client_msg_id: str | None = None
    fence_token: int | None = None
    fence_agent_id: str | None = None
    late: bool = False
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """What a write left: the row after it, and the events with their numbers."""

    conversation: Conversation
    events: tuple[ConversationEvent, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    event: ConversationEvent
    draft: MessageDraft | None
    state: MessageState | None


class Record:
    """Appends to conversations in the caller's transaction; hints follow its commit.

    On a channel in `logged_channels` the customer reads the event log itself, so a stored message is a sent one;
    on every other channel it gets an outbox row.
    """

    def __init__(self, clock: Clock, hints: Hints, *, logged_channels: frozenset[Channel] = LOGGED_CHANNELS) -> None:
        self._clock = clock
        self._hints = hints
        self._logged_channels = logged_channels

    async def append(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        drafts: Sequence[EventDraft | MessageDraft],
        *,
        changes: Mapping[str, Any] | None = None,
    ) -> Appended:
        """Number and store events and messages in the order given.

        Raises:
            NotFoundError: there is no such conversation.
        """
        at = self._clock.now()
        values = {"updated_at": at, **_list_columns(drafts, at), **(changes or {})}
        row = await ConversationRepository(session).advance(conversation_id, len(drafts), values)
        if row is None:
            raise unknown(conversation_id)
        return await self._store(session, row, drafts, at)

    async def change_owner(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        seen_token: int,
        to: Owner,
        cause: str,
        *,
        agent_name: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> Appended:
        """Give the conversation to `to` and write `owner_changed`; of two with one token, one wins.

        Raises:
            NotFoundError: there is no such conversation.
            ConflictError: `owner_changed` when the token is old (details: owner, token); `owner_transition` when
                this owner may not become that one.
        """
        conversations = ConversationRepository(session)
        at = self._clock.now()
        before = await conversations.get(conversation_id)
        if before.token != seen_token:
            raise overtaken(before, seen_token)
        if not may_become(before.owner, to):
            raise ConflictError(
                f"A conversation owned by {before.owner} cannot pass to {to}.",
                code="owner_transition",
                **owner_details(before),
            )
        values = {"updated_at": at, **_owner_columns(to, agent_name, at), **(changes or {})}
        row = await conversations.change_owner(conversation_id, seen_token, to, values)
        if row is None:
            raise overtaken(await conversations.get(conversation_id), seen_token)
        data: dict[str, Any] = {"from": before.owner.value, "to": to.value, "token": row.token, "cause": cause}
        if to.kind is OwnerKind.AGENT:
            data["agent"] = {"id": to.agent_id, "name": agent_name}
        return await self._store(session, row, [EventDraft(EventType.OWNER_CHANGED, data)], at)

    async def _store(
        self,
        session: AsyncSession,
        row: Conversation,
        drafts: Sequence[EventDraft | MessageDraft],
        at: datetime,
    ) -> Appended:
        first = row.last_seq - len(drafts) + 1
        lines = [self._line(row, draft, first + place, at) for place, draft in enumerate(drafts)]
        said = [(line.draft, line.event, line.state) for line in lines if line.draft and line.state]
        queued = [(draft, event) for draft, event, state in said if state is MessageState.QUEUED]
        await EventLog(session).add([line.event for line in lines])
        await MessageRepository(session).add([_message_row(row, *one) for one in said])
        await OutboxRepository(session).add([_outbox_row(row, *one) for one in queued])
        self._hints.note(session, row.id, row.last_seq, outbox=bool(queued))
        return Appended(row, tuple(line.event for line in lines))

    def _line(self, row: Conversation, draft: EventDraft | MessageDraft, seq: int, at: datetime) -> _Line:
        if isinstance(draft, EventDraft):
            audience = Audience.DESK if draft.type in DESK_ONLY else draft.audience
            return _Line(ConversationEvent(row.id, seq, draft.type, at, draft.data, audience), None, None)
        state = self._state_of(row, draft)
        audience = Audience.DESK if draft.late else Audience.EVERYONE
        event = ConversationEvent(row.id, seq, EventType.MESSAGE, at, _message_data(draft, state), audience)
        return _Line(event, draft, state)

    def _state_of(self, row: Conversation, draft: MessageDraft) -> MessageState:
        if draft.author.kind is AuthorKind.CUSTOMER:
            return MessageState.RECEIVED
        if draft.late:
            return MessageState.DROPPED_LATE
        return MessageState.SENT if row.channel in self._logged_channels else MessageState.QUEUED


def overtaken(conversation: Conversation, seen_token: int) -> ConflictError:
    """Return the error for whoever shows an old token."""
    return ConflictError(
        f"The conversation is {conversation.owner}'s with token {conversation.token}; token {seen_token} is old.",
        code="owner_changed",
        **owner_details(conversation),
    )


def owner_details(conversation: Conversation) -> dict[str, Any]:
    """Return who owns a conversation, in the form of an error's details."""
    return {"owner": conversation.as_row()["owner"], "token": conversation.token}


def _owner_columns(to: Owner, agent_name: str | None, at: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "agent_name": agent_name[:NAME_LENGTH] if agent_name and to.kind is OwnerKind.AGENT else None,
        "waiting_since": at if to.kind is OwnerKind.QUEUE else None,
    }
    if to.kind in {OwnerKind.BOT, OwnerKind.CLOSED}:
        columns |= {"reason_code": None, "reason_evidence": None, "n_unread": 0}
    return columns


def _list_columns(drafts: Sequence[EventDraft | MessageDraft], at: datetime) -> dict[str, Any]:
    """Return the columns of the desk's list that these messages change; our own notices are no news there."""
    said = [
        draft
        for draft in drafts
        if isinstance(draft, MessageDraft) and not draft.late and draft.author.kind is not AuthorKind.SYSTEM
    ]
    if not said:
        return {}
    last = said[-1]
    return {
        "last_message_author": last.author.kind.value,
        "last_message_text": last.content.text[:EXCERPT_LENGTH],
        "last_message_at": at,
    }


def _message_data(draft: MessageDraft, state: MessageState) -> dict[str, Any]:
    data = {"message_id": draft.id, "author": draft.author.as_data(), **draft.content.as_data(), "state": state.value}
    for name in ("client_msg_id", "in_reply_to", "notice"):
        value = getattr(draft, name)
        if value is not None:
            data[name] = value
    return data


def _message_row(
    row: Conversation, draft: MessageDraft, event: ConversationEvent, state: MessageState
) -> dict[str, Any]:
    return {
        "id": draft.id,
        "conversation_id": row.id,
        "seq": event.seq,
        "author_kind": draft.author.kind.value,
        "author_id": draft.author.id,
        "author_name": draft.author.name[:NAME_LENGTH] if draft.author.name else None,
        "text": draft.content.text,
        "content": draft.content.as_data(),
        "in_reply_to": draft.in_reply_to,
        "client_msg_id": draft.client_msg_id,
        "state": state.value,
        "token": draft.fence_token,
        "created_at": event.at,
    }


def _outbox_row(row: Conversation, draft: MessageDraft, event: ConversationEvent) -> dict[str, Any]:
    return {
        "id": new_id(),
        "message_id": draft.id,
        "conversation_id": row.id,
        "seq": event.seq,
        "channel": row.channel.value,
        "fence_token": draft.fence_token,
        "fence_agent_id": draft.fence_agent_id,
        "state": MessageState.QUEUED.value,
        "n_attempts": 0,
        "due_at": event.at,
        "created_at": event.at,
    }
