"""Tables and values of handoffs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, JsonValue, UtcDateTime
from core.ids import ID_LENGTH, AgentId, ConversationId, HandoffId


class HandoffState(StrEnum):
    """How far a handoff is: it waits, an agent has it, or it is over."""

    WAITING = "waiting"
    ACTIVE = "active"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a handoff ended."""

    HANDED_BACK = "handed_back"
    RESOLVED = "resolved"
    REQUEUED = "requeued"


class ReasonCode(StrEnum):
    """Why a conversation goes to people. Source: specs/handoff.md section 2."""

    CUSTOMER_ASKED = "customer_asked"
    NOT_UNDERSTOOD = "not_understood"
    LOW_CONFIDENCE = "low_confidence"
    NEGATIVE_MOOD = "negative_mood"
    COMPLAINT = "complaint"
    POLICY = "policy"
    VIP = "vip"
    FAILURE = "failure"
    AGENT_REQUEST = "agent_request"


class HandoffRow(Base):
    """One transfer of a conversation to people; a conversation has at most one that is not over.

    `opened_token` is the conversation's fencing token when the handoff was opened; `ended_seq` the number of the
    conversation's newest event when it ended; `follows` the handoff that was given back to the queue before it.
    """

    __tablename__ = "handoffs"
    __table_args__ = (
        Index(
            "uq_handoffs_open",
            "conversation_id",
            unique=True,
            sqlite_where=text("state <> 'ended'"),
            postgresql_where=text("state <> 'ended'"),
        ),
        Index("ix_handoffs_conversation_id", "conversation_id", "created_at"),
        Index(
            "ix_handoffs_waiting",
            "created_at",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_handoffs_assistant_untold",
            "ended_at",
            sqlite_where=text("assistant_untold"),
            postgresql_where=text("assistant_untold"),
        ),
    )

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    state: Mapped[str] = mapped_column(String(16))
    opened_token: Mapped[int] = mapped_column(Integer)
    reason_code: Mapped[str] = mapped_column(String(40))
    reason_said_by: Mapped[str] = mapped_column(String(40))
    reason_evidence: Mapped[str] = mapped_column(Text)
    packet: Mapped[dict[str, Any]] = mapped_column(JsonValue)
    packet_version: Mapped[int] = mapped_column(Integer)
    follows: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    agent_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    agent_name: Mapped[str | None] = mapped_column(String(200))
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_seq: Mapped[int | None] = mapped_column(Integer)
    outcome: Mapped[str | None] = mapped_column(String(20))
    assistant_untold: Mapped[bool] = mapped_column(Boolean, default=False)


@dataclass(frozen=True)
class Handoff:
    """One transfer of a conversation to people, as it is now; the packet as it was at its moment."""

    id: HandoffId
    conversation_id: ConversationId
    state: HandoffState
    reason_code: str
    reason_said_by: str
    reason_evidence: str
    packet: dict[str, Any]
    created_at: datetime
    agent_id: AgentId | None
    agent_name: str | None
    taken_at: datetime | None
    ended_at: datetime | None
    ended_seq: int | None
    outcome: Outcome | None
