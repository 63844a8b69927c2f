"""The tables of the record: conversations, inbound messages, messages, events, outbox."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, JsonValue, UtcDateTime
from core.ids import ID_LENGTH

KEY_LENGTH = 200
SENDER_ID_LENGTH = 320
NAME_LENGTH = 200
EXCERPT_LENGTH = 160


class InboundState(StrEnum):
    """Whether a customer's message has had its turn; `failed` ones were handed to people."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class ConversationRow(Base):
    """One conversation: who may speak, what the desk's list shows, and which turn is due.

    `token` rises with every change of `owner`. `last_seq` is the number of the newest event. `next_turn_at` is null
    when no message waits; a row is worked on by whoever holds its lease (`lease_holder` until `lease_until`).
    """

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("channel", "account", "conversation_key"),
        Index("ix_conversations_owner_updated_at", "owner", "updated_at", "id"),
        Index("ix_conversations_updated_at", "updated_at", "id"),
        Index("ix_conversations_customer_id", "customer_id"),
        Index(
            "ix_conversations_next_turn_at",
            "next_turn_at",
            sqlite_where=text("next_turn_at IS NOT NULL"),
            postgresql_where=text("next_turn_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    account: Mapped[str] = mapped_column(String(KEY_LENGTH))
    conversation_key: Mapped[str] = mapped_column(String(KEY_LENGTH))
    sender_kind: Mapped[str] = mapped_column(String(16))
    sender_id: Mapped[str] = mapped_column(String(SENDER_ID_LENGTH))
    sender_claims: Mapped[dict[str, Any]] = mapped_column(JsonValue)
    owner: Mapped[str] = mapped_column(String(40))
    token: Mapped[int] = mapped_column(Integer)
    agent_name: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    customer_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    customer_name: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    customer_verified: Mapped[bool] = mapped_column(Boolean, server_default=false())
    customer_tier: Mapped[str | None] = mapped_column(String(40))
    customer_language: Mapped[str | None] = mapped_column(String(16))
    resolved_sender: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(8))
    reason_code: Mapped[str | None] = mapped_column(String(40))
    reason_evidence: Mapped[str | None] = mapped_column(Text)
    waiting_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_message_author: Mapped[str | None] = mapped_column(String(16))
    last_message_text: Mapped[str | None] = mapped_column(String(EXCERPT_LENGTH))
    last_message_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_seq: Mapped[int] = mapped_column(Integer)
    n_unread: Mapped[int] = mapped_column(Integer)
    mood: Mapped[float | None] = mapped_column(Float)
    next_turn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_holder: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class InboundRow(Base):
    """What a connector handed in, once, and whether it has had its turn; its words are in `messages`.

    `n_attempts` counts turns begun, also those that died with their process; `n_failures` those that raised.
    """

    __tablename__ = "inbound_messages"
    __table_args__ = (
        UniqueConstraint("channel", "account", "external_id"),
        Index(
            "ix_inbound_messages_waiting",
            "conversation_id",
            "seq",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_inbound_messages_conversation_id", "conversation_id"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    account: Mapped[str] = mapped_column(String(KEY_LENGTH))
    external_id: Mapped[str] = mapped_column(String(KEY_LENGTH))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int] = mapped_column(Integer)
    type: Mapped[str] = mapped_column(String(16))
    choice_payload: Mapped[str | None] = mapped_column(Text)
    language_hint: Mapped[str | None] = mapped_column(String(40))
    sender_kind: Mapped[str] = mapped_column(String(16))
    sender_id: Mapped[str] = mapped_column(String(SENDER_ID_LENGTH))
    sender_claims: Mapped[dict[str, Any]] = mapped_column(JsonValue)
    extra: Mapped[dict[str, Any]] = mapped_column(JsonValue)
    fingerprint: Mapped[str] = mapped_column(String(64))
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(12))
    n_attempts: Mapped[int] = mapped_column(Integer)
    n_failures: Mapped[int] = mapped_column(Integer)
    outcome: Mapped[str | None] = mapped_column(String(40))
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MessageRow(Base):
    """One message of anybody; `seq` is its event's number, `token` the fencing token it was written under."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_conversation_id_seq", "conversation_id", "seq", unique=True),
        Index("ix_messages_client_msg_id", "conversation_id", "author_id", "client_msg_id", unique=True),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int] = mapped_column(Integer)
    author_kind: Mapped[str] = mapped_column(String(16))
    author_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    author_name: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    text: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, Any]] = mapped_column(JsonValue)
    in_reply_to: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    client_msg_id: Mapped[str | None] = mapped_column(String(KEY_LENGTH))
    state: Mapped[str] = mapped_column(String(16))
    token: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EventRow(Base):
    """One numbered line of a conversation's log."""

    __tablename__ = "conversation_events"

    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(String(32))
    audience: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    data: Mapped[dict[str, Any]] = mapped_column(JsonValue)


class OutboxRow(Base):
    """One message of ours on its way to a provider.

    `fence_token`, when set, must still be the conversation's; `fence_agent_id`, when set, must not have been
    followed by another agent. `seq` is the message's place: within a conversation messages leave in its order.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_due",
            "channel",
            "due_at",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_outbox_open",
            "conversation_id",
            "seq",
            sqlite_where=text("state IN ('queued', 'sending')"),
            postgresql_where=text("state IN ('queued', 'sending')"),
        ),
        Index(
            "ix_outbox_sending",
            "lease_until",
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        Index("ix_outbox_conversation_id", "conversation_id"),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), unique=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int] = mapped_column(Integer)
    channel: Mapped[str] = mapped_column(String(16))
    fence_token: Mapped[int | None] = mapped_column(Integer)
    fence_agent_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    state: Mapped[str] = mapped_column(String(16))
    n_attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_holder: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    provider_id: Mapped[str | None] = mapped_column(String(KEY_LENGTH))
    reason: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
