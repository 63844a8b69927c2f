"""A conversation as the rest of the server sees it: a frozen picture of its row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from conversations.inbound import Channel, Sender
from conversations.owner import Owner, OwnerKind
from core.ids import ConversationId, CustomerId


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The start of what was said last."""

    author_kind: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation at the moment it was read; `token` is the fencing token that goes with `owner`."""

    id: ConversationId
    channel: Channel
    account: str
    conversation_key: str
    sender: Sender
    owner: Owner
    token: int
    agent_name: str | None
    customer_id: CustomerId | None
    customer_name: str | None
    customer_verified: bool
    customer_tier: str | None
    customer_language: str | None
    language: str
    reason_code: str | None
    reason_evidence: str | None
    waiting_since: datetime | None
    last_message: LastMessage | None
    last_seq: int
    n_unread: int
    mood: float | None
    created_at: datetime
    updated_at: datetime
    resolved_sender: str | None = None
    next_turn_at: datetime | None = None

    def as_row(self) -> dict[str, Any]:
        """Return the Row of the desk's list."""
        owner: dict[str, Any] = {"kind": self.owner.kind.value}
        if self.owner.kind is OwnerKind.AGENT:
            owner["agent"] = {"id": self.owner.agent_id, "name": self.agent_name}
        row: dict[str, Any] = {
            "id": self.id,
            "channel": self.channel.value,
            "customer": {
                "id": self.customer_id,
                "name": self.customer_name,
                "verified": self.customer_verified,
                "tier": self.customer_tier,
                "language": self.customer_language or self.language,
            },
            "owner": owner,
            "token": self.token,
            "last_message": self._last_message(),
            "last_seq": self.last_seq,
            "unread": self.n_unread,
            "updated_at": moment(self.updated_at),
        }
        if self.reason_code is not None:
            row["reason"] = {"code": self.reason_code, "evidence": self.reason_evidence}
        if self.waiting_since is not None:
            row["waiting_since"] = moment(self.waiting_since)
        if self.mood is not None:
            row["mood"] = self.mood
        return row

    def _last_message(self) -> dict[str, Any] | None:
        if self.last_message is None:
            return None
        last = self.last_message
        return {"author_kind": last.author_kind, "text": last.text, "at": moment(last.at)}


def moment(at: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with milliseconds and Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
