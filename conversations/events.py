"""The conversation event: one numbered line of the log that widget, console and fallback read alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from conversations.messages import MessageState
from core.ids import ConversationId


class Audience(StrEnum):
    """Who may read an event: `everyone` includes the customer, `desk` are the people who serve."""

    EVERYONE = "everyone"
    DESK = "desk"


class EventType(StrEnum):
    """What happened, and the data that goes with it (a part with `?` may be absent).

    - `message` {message_id, author: {kind, id?, name?}, kind, text, state, choices?: [{title, payload}], source?,
      quote?, card?, client_msg_id?, in_reply_to?, notice?}; `notice` names the occasion of a system message.
    - `status` {message_id, state, reason?}: the message's state from now on.
    - `owner_changed` {from, to, token, cause, agent?: {id, name}}: owners in their stored form.
    - `handoff_opened` {handoff_id, reason: {code, said_by, evidence}, position}; `handoff_ended` {handoff_id, outcome}
    - `agent_joined` {agent: {id, name}}; `queue_position` {position}; `closed` {}
    - for the desk only: `understood` {message_id, intent, ranking, entities, sentiment, language, model_id};
      `note` {note_id, author, text}; `customer_linked` {customer_id}
    """

    MESSAGE = "message"
    STATUS = "status"
    OWNER_CHANGED = "owner_changed"
    HANDOFF_OPENED = "handoff_opened"
    HANDOFF_ENDED = "handoff_ended"
    AGENT_JOINED = "agent_joined"
    QUEUE_POSITION = "queue_position"
    CLOSED = "closed"
    UNDERSTOOD = "understood"
    NOTE = "note"
    CUSTOMER_LINKED = "customer_linked"


DESK_ONLY = frozenset({EventType.UNDERSTOOD, EventType.NOTE, EventType.CUSTOMER_LINKED})


@dataclass(frozen=True, slots=True)
class ConversationEvent:
    """One event; within a conversation `seq` rises by the order of commits and never repeats."""

    conversation_id: ConversationId
    seq: int
    type: EventType
    at: datetime
    data: Mapping[str, Any]
    audience: Audience = Audience.EVERYONE

    def as_json(self) -> dict[str, Any]:
        """Return the wire form: {seq, type, at, data}."""
        at = self.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"seq": self.seq, "type": self.type.value, "at": at, "data": dict(self.data)}


def customer_view(event: ConversationEvent) -> dict[str, Any] | None:
    """Return the wire form a customer may see, or None when the event is not for customers.

    Customers see no desk event, no message dropped as late, no reason of a handoff or of a failure, and of an
    owner only the kind.
    """
    if event.audience is not Audience.EVERYONE or event.type in DESK_ONLY:
        return None
    if event.data.get("state") == MessageState.DROPPED_LATE:
        return None
    return {**event.as_json(), "data": _customer_data(event.type, event.data)}


def _customer_data(kind: EventType, data: Mapping[str, Any]) -> dict[str, Any]:
    match kind:
        case EventType.MESSAGE:
            author = {name: value for name, value in data["author"].items() if name in {"kind", "name"}}
            return {**data, "author": author}
        case EventType.STATUS:
            return _only(data, "message_id", "state")
        case EventType.OWNER_CHANGED:
            return {side: str(data[side]).partition(":")[0] for side in ("from", "to")}
        case EventType.HANDOFF_OPENED | EventType.QUEUE_POSITION | EventType.HANDOFF_ENDED:
            return _only(data, "position")
        case EventType.AGENT_JOINED:
            return {"agent": _only(data["agent"], "name")}
        case _:
            return dict(data)


def _only(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}
