"""What is said in a conversation: authors, kinds, states, and a message on its way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from conversations.inbound import Channel, Sender
from core.ids import ConversationId, MessageId, OutboxId


class AuthorKind(StrEnum):
    """Who speaks."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Author:
    """The one who said a message; an agent has an id and the name the customer sees."""

    kind: AuthorKind
    id: str | None = None
    name: str | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the form events carry."""
        data: dict[str, Any] = {"kind": self.kind.value}
        if self.id is not None:
            data["id"] = self.id
        if self.name is not None:
            data["name"] = self.name
        return data


BOT = Author(AuthorKind.BOT)
SYSTEM = Author(AuthorKind.SYSTEM)


class MessageKind(StrEnum):
    """How a message is shown."""

    TEXT = "text"
    CHOICES = "choices"
    CARD = "card"
    ANSWER = "answer"


class MessageState(StrEnum):
    """How far a message got; `received` is a customer's, every other state one of ours."""

    RECEIVED = "received"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED_LATE = "dropped_late"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: what it says and what it stands for."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says.

    `choices` may come with every kind. `source` of an `answer` is {article_id, title, section, url, version};
    `quote` its words as they stand in the article. `card` is the typed body of a `card`.
    """

    text: str
    kind: MessageKind = MessageKind.TEXT
    choices: tuple[Choice, ...] = ()
    source: Mapping[str, Any] | None = None
    quote: str | None = None
    card: Mapping[str, Any] | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the form events and rows carry; absent parts are left out."""
        data: dict[str, Any] = {"kind": self.kind.value, "text": self.text}
        if self.choices:
            data["choices"] = [{"title": choice.title, "payload": choice.payload} for choice in self.choices]
        for name in ("source", "card"):
            part = getattr(self, name)
            if part is not None:
                data[name] = dict(part)
        if self.quote is not None:
            data["quote"] = self.quote
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Content:
        """Read `as_data`'s form."""
        return cls(
            text=data.get("text", ""),
            kind=MessageKind(data.get("kind", MessageKind.TEXT)),
            choices=tuple(Choice(choice["title"], choice["payload"]) for choice in data.get("choices", ())),
            source=data.get("source"),
            quote=data.get("quote"),
            card=data.get("card"),
        )


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A message of ours as a connector gets it to deliver.

    `id` never changes over attempts: providers that know idempotency get it as their key.
    """

    id: MessageId
    outbox_id: OutboxId
    conversation_id: ConversationId
    channel: Channel
    account: str
    conversation_key: str
    recipient: Sender
    author: Author
    content: Content
    language: str
    seq: int
    attempt: int
    created_at: datetime
    in_reply_to: MessageId | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """A stored message of ours; `duplicate` says that it had been stored before and nothing was done now."""

    message_id: MessageId
    seq: int
    duplicate: bool = False
