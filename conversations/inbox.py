"""Where customers' messages enter: stored once, whatever the provider repeats, before anybody is told 200."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.conversation import Conversation
from conversations.inbound import Accepted, InboundMessage
from conversations.inbound_repository import InboundRepository
from conversations.messages import Author, AuthorKind, Content
from conversations.models import KEY_LENGTH
from conversations.owner import Owner, OwnerKind
from conversations.record import MessageDraft, Record
from conversations.repository import CONVERSATIONS, ConversationRepository, sender_changes
from conversations.system_texts import DEFAULT_LANGUAGE, known_language, language_of
from core.clock import Clock
from core.database import Database
from core.errors import ConflictError
from core.ids import ConversationId, MessageId, new_id
from core.metrics import Metrics


class RunsTurns(Protocol):
    """Whoever is told that a conversation has a message waiting."""

    def nudge(self, conversation_id: ConversationId) -> None:
        """Look at this conversation soon."""
        ...


class Inbox:
    """Takes messages from connectors."""

    def __init__(
        self, *, database: Database, record: Record, turns: RunsTurns, clock: Clock, metrics: Metrics | None = None
    ) -> None:
        self._database = database
        self._record = record
        self._turns = turns
        self._clock = clock
        self._metrics = metrics

    async def accept(self, message: InboundMessage) -> Accepted:
        """Store one message and its event in one transaction, then have its turn run.

        A repeated delivery gives the first result with `duplicate`. A closed conversation is opened again, for
        the bot.

        Raises:
            InvalidInputError: `too_long`, `empty`, `invalid_text`, `invalid_key`, `invalid_metadata`.
            ConflictError: `external_id_reused`: its external id is another message's.
        """
        message.check()
        async with self._database.unit_of_work() as session:
            accepted = await self._store(session, message)
        self._turns.nudge(accepted.conversation_id)
        if self._metrics is not None:
            self._metrics.inbound.labels(channel=message.channel.value, duplicate=str(accepted.duplicate)).inc()
        return accepted

    async def _store(self, session: AsyncSession, message: InboundMessage) -> Accepted:
        now = self._clock.now()
        language = language_of(message.text) or known_language(message.language_hint) or DEFAULT_LANGUAGE
        conversation = await ConversationRepository(session).lock_or_create(message, language=language, at=now)
        reopens = conversation.owner.kind is OwnerKind.CLOSED
        message_id = MessageId(new_id())
        seq = conversation.last_seq + (2 if reopens else 1)
        inbound = InboundRepository(session)
        if not await inbound.add(message, message_id, conversation.id, seq, now):
            return _same(await inbound.get_accepted(message), message, conversation)
        if reopens:
            await self._record.change_owner(
                session, conversation.id, conversation.token, Owner.BOT, "customer_returned"
            )
        client_msg_id = message.metadata.get("client_msg_id")
        draft = MessageDraft(
            id=message_id,
            author=Author(AuthorKind.CUSTOMER),
            content=Content(message.text),
            client_msg_id=client_msg_id[:KEY_LENGTH] if isinstance(client_msg_id, str) else None,
        )
        changes = self._changes(conversation, message)
        appended = await self._record.append(session, conversation.id, [draft], changes=changes)
        return Accepted(message_id, conversation.id, appended.events[0].seq, duplicate=False)

    def _changes(self, conversation: Conversation, message: InboundMessage) -> dict[str, Any]:
        return {
            "next_turn_at": func.coalesce(CONVERSATIONS.c.next_turn_at, self._clock.now()),
            "n_unread": CONVERSATIONS.c.n_unread + 1,
            "language": language_of(message.text, n_words=2) or conversation.language,
            **sender_changes(conversation, message.sender),
        }


def _same(found: tuple[Accepted, str], message: InboundMessage, conversation: Conversation) -> Accepted:
    accepted, fingerprint = found
    if accepted.conversation_id != conversation.id or fingerprint != message.fingerprint:
        raise ConflictError(
            "This message id was used before for another message; every new message needs a new one.",
            code="external_id_reused",
        )
    return accepted
