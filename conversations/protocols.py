"""What the record needs of others, in its own words; server/wiring.py joins them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.conversation import Conversation
from conversations.inbound import Channel, Sender
from conversations.messages import Content, OutboundMessage
from core.ids import ConversationId, CustomerId, HandoffId, MessageId


@dataclass(frozen=True, slots=True)
class Intent:
    """One reading of a message; `confidence` in 0..1."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Sentiment:
    """How a message sounds; `score` in -1 (very angry) .. 1."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Understanding:
    """What the assistant understood of one customer's message; `language` is zh, en, mixed or other."""

    text: str = ""
    intent: Intent | None = None
    ranking: tuple[Intent, ...] = ()
    entities: tuple[Mapping[str, Any], ...] = ()
    sentiment: Sentiment | None = None
    language: str | None = None
    parse_ms: float | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the form the `understood` event carries; the three best readings only, no text."""
        return {
            "intent": _intent(self.intent) if self.intent else None,
            "ranking": [_intent(intent) for intent in self.ranking[:3]],
            "entities": [dict(entity) for entity in self.entities],
            "sentiment": ({"label": self.sentiment.label, "score": self.sentiment.score} if self.sentiment else None),
            "language": self.language,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Understanding:
        """Read an understanding from an `understood` event or from the engine's answer."""
        intent, sentiment = data.get("intent"), data.get("sentiment")
        return cls(
            text=data.get("text") or "",
            intent=Intent(intent["name"], float(intent["confidence"])) if intent and intent.get("name") else None,
            ranking=tuple(
                Intent(one["name"], float(one["confidence"])) for one in data.get("ranking") or () if one.get("name")
            ),
            entities=tuple(data.get("entities") or ()),
            sentiment=Sentiment(sentiment["label"], float(sentiment["score"])) if sentiment else None,
            language=data.get("language"),
            parse_ms=data.get("parse_ms"),
        )


def _intent(intent: Intent) -> dict[str, Any]:
    return {"name": intent.name, "confidence": intent.confidence}


BotMessage = Content  # what the assistant says; the record gives it author, number and place


@dataclass(frozen=True, slots=True)
class Effect:
    """What an action asks of the server; `kind` is the custom message's `effect`, `data` the rest of it.

    Known: `handoff` with {reason, evidence?, said_by?}.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssistantRequest:
    """One customer's message for the assistant.

    A repeated `message_id` must get the same reply. `text` is what was typed, or the payload of a choice that
    this conversation offered; `metadata["input"]` says which: `text` or `choice`.
    """

    message_id: MessageId
    conversation_id: ConversationId
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssistantReply:
    """What the assistant says, understood and asks for; messages with an effect are not in `messages`."""

    messages: Sequence[BotMessage]
    understanding: Understanding
    effects: Sequence[Effect] = ()
    model_id: str = ""


class Assistant(Protocol):
    """Answers customers."""

    async def answer(self, request: AssistantRequest) -> AssistantReply:
        """Answer one message; waits while the engine is starting.

        Raises:
            EngineError: `engine_timeout`, `engine_unavailable` or `engine_failed`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ResolvedCustomer:
    """Who a sender is; `verified` only when the connector's proof reaches that far."""

    customer_id: CustomerId
    name: str | None = None
    verified: bool = False
    tier: str | None = None
    language: str | None = None


class CustomerDirectory(Protocol):
    """Knows the customers."""

    async def resolve(self, session: AsyncSession, sender: Sender, channel: Channel, account: str) -> ResolvedCustomer:
        """Find or make the sender's customer, in the caller's transaction."""
        ...

    async def summary(self, customer_id: CustomerId) -> dict[str, Any]:
        """Return what the assistant may know of the customer; `name`, `tier` and `language` go into the desk's row."""
        ...


@dataclass(frozen=True, slots=True)
class HandoffRequest:
    """Why a conversation should go to people.

    `code` as in specs/handoff.md section 2 (customer_asked, not_understood, negative_mood, failure, ...);
    `said_by` is assistant, customer, rule, agent or system; `evidence` may be the customer's words. With
    `instead_of_reply` the assistant's own messages of this turn are not said.
    """

    code: str
    said_by: str
    evidence: str = ""
    instead_of_reply: bool = False


@dataclass(frozen=True, slots=True)
class HandoffOpened:
    """A handoff that now waits, and its place in the queue, counted from 1."""

    handoff_id: HandoffId
    position: int | None = None


class HandoffDesk(Protocol):
    """Passes conversations to people."""

    def wants_handoff(self, understanding: Understanding, recent: Sequence[Understanding]) -> HandoffRequest | None:
        """Say whether this message must go to people whatever the assistant does.

        `recent` are the conversation's earlier understandings, newest first, at most five.
        """
        ...

    async def allows(self, session: AsyncSession, conversation: Conversation, request: HandoffRequest) -> bool:
        """Say whether a handoff the assistant or a rule wants would be no loop; a failure is not asked about."""
        ...

    async def open_handoff(
        self, session: AsyncSession, conversation: Conversation, request: HandoffRequest
    ) -> HandoffOpened:
        """Put the conversation into the queue of people, in the caller's transaction.

        Called by `ConversationService.hand_over` once the owner is `queue`: `conversation` is the row after that
        change. It stores the handoff and says its position; the events and the customer's message are the record's.
        """
        ...


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """The provider's word that it has the message."""

    provider_id: str | None = None


class Delivery(Protocol):
    """Sends messages on one channel.

    `is_idempotent`: delivering the same message id twice is seen once by the customer. Only then is a message
    whose outcome is not known sent again; else it becomes `unknown` and is shown to the desk.
    """

    channel: Channel
    is_idempotent: bool

    async def deliver(self, message: OutboundMessage) -> DeliveryReceipt:
        """Make one provider call.

        Raises:
            ProviderError: refused. With `retry_after_s` it is tried again, not before that many seconds; code
                `outcome_unknown` says that the provider may have it.
        """
        ...
