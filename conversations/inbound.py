"""What a connector hands in: one message of one customer, and what becomes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import orjson

from core.errors import InvalidInputError
from core.ids import ConversationId, MessageId

MAX_TEXT_CHARACTERS = 4_000
MAX_KEY_CHARACTERS = 200
MAX_SENDER_CHARACTERS = 320
MAX_JSON_BYTES = 16 * 1024


class Channel(StrEnum):
    """The medium a conversation is held in."""

    WEB = "web"
    WECHAT = "wechat"
    EMAIL = "email"


class InboundType(StrEnum):
    """What kind of thing the customer sent."""

    TEXT = "text"
    CHOICE = "choice"
    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    FILE = "file"
    LOCATION = "location"
    LINK = "link"
    EVENT = "event"
    UNSUPPORTED = "unsupported"


SenderKind = Literal["visitor", "user", "openid", "email"]


@dataclass(frozen=True, slots=True)
class Sender:
    """The address a message came from, as the connector proved it; `claims` hold what the proof said more."""

    kind: SenderKind
    id: str
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Return a digest of the whole address, claims included."""
        return _digest([self.kind, self.id, dict(self.claims)])


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message from a customer.

    `(channel, account, external_id)` names it for good: delivered again it is the same message. `account` is our
    own address on that channel (a widget's id, an appid, a mailbox). `conversation_key` names the conversation
    within (channel, account). `metadata["client_msg_id"]`, when a string, comes back in the message's event.
    """

    channel: Channel
    account: str
    external_id: str
    conversation_key: str
    sender: Sender
    text: str
    occurred_at: datetime
    type: InboundType = InboundType.TEXT
    choice_payload: str | None = None
    language_hint: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what cannot be stored or answered.

        Raises:
            InvalidInputError: `too_long`, `empty`, or `invalid_key`.
        """
        for name in ("account", "external_id", "conversation_key"):
            value = getattr(self, name)
            if not value or len(value) > MAX_KEY_CHARACTERS or "\x00" in value:
                raise InvalidInputError(
                    f"{name} has {len(value)} characters; 1 to {MAX_KEY_CHARACTERS} are allowed, none of them NUL.",
                    code="invalid_key",
                    field=name,
                )
        if not self.sender.id or len(self.sender.id) > MAX_SENDER_CHARACTERS:
            raise InvalidInputError(
                f"The sender's id has {len(self.sender.id)} characters; 1 to {MAX_SENDER_CHARACTERS} are allowed.",
                code="invalid_key",
                field="sender",
            )
        check_text(self.text, may_be_empty=self.type not in {InboundType.TEXT, InboundType.CHOICE})
        if self.choice_payload is not None:
            check_text(self.choice_payload, may_be_empty=True)
        for name, part in (("sender", dict(self.sender.claims)), ("metadata", dict(self.metadata))):
            _check_json(name, part)

    @property
    def fingerprint(self) -> str:
        """Return a digest of what was said; a true repetition has the same one."""
        return _digest([self.type, self.text, self.choice_payload])


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored message; `duplicate` says that it had been stored before and nothing was done now."""

    message_id: MessageId
    conversation_id: ConversationId
    seq: int
    duplicate: bool


def check_text(text: str, *, may_be_empty: bool = False) -> None:
    """Refuse a text that is too long, empty, or not storable.

    Raises:
        InvalidInputError: `too_long` (over 4,000 characters), `empty`, or `invalid_text` (NUL, lone surrogate).
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidInputError(
            f"The text has {len(text)} characters; at most {MAX_TEXT_CHARACTERS} are allowed.",
            code="too_long",
            characters=len(text),
            limit=MAX_TEXT_CHARACTERS,
        )
    if not may_be_empty and not text.strip():
        raise InvalidInputError("The text is empty; say something.", code="empty")
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInputError("The text holds NUL or half of a surrogate pair.", code="invalid_text")


def _check_json(name: str, part: dict[str, Any]) -> None:
    """Refuse what a JSON column of either database would."""
    try:
        written = orjson.dumps(part)
    except TypeError as error:
        raise InvalidInputError(f"The {name} has no JSON form: {error}.", code="invalid_metadata") from error
    if len(written) > MAX_JSON_BYTES or b"\\u0000" in written:
        raise InvalidInputError(
            f"The {name} has {len(written)} bytes; at most {MAX_JSON_BYTES} are allowed, none of them NUL.",
            code="invalid_metadata",
        )


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
