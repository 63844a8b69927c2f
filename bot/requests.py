"""The bodies of the gateway's requests, checked before anything else looks at them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import BadRequestError
from bot.nlu.message_text import clean

MOST_CHARACTERS = 4000
_MOST_ID_CHARACTERS = 128
_MOST_EVENTS = 100


@dataclass(frozen=True)
class TurnRequest:
    """One message of a customer."""

    message_id: str
    conversation_id: str
    text: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class EventsRequest:
    """Events to append to a conversation's tracker, in Rasa's form."""

    conversation_id: str
    event_id: str
    events: Sequence[Mapping[str, Any]]


def read_turn(raw: bytes) -> TurnRequest:
    """Read the body of a turn.

    Raises:
        BadRequestError: says which field is wrong, without its content.
    """
    body = _object(raw, {"message_id", "conversation_id", "text"}, {"metadata"})
    text = body["text"]
    if not isinstance(text, str) or not text.strip():
        raise BadRequestError("text must be a text that is not empty.")
    if len(text) > MOST_CHARACTERS:
        raise BadRequestError(f"text has {len(text)} characters; at most {MOST_CHARACTERS} are taken.")
    metadata = body.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise BadRequestError("metadata must be an object.")
    cleaned = clean(text)
    return TurnRequest(
        _identifier(body, "message_id"),
        _identifier(body, "conversation_id"),
        cleaned if cleaned.strip() else "?",
        metadata,
    )


def read_events(raw: bytes) -> EventsRequest:
    """Read the body of a call that appends events.

    Raises:
        BadRequestError: says which field is wrong, without its content.
    """
    body = _object(raw, {"conversation_id", "event_id", "events"}, set())
    events = body["events"]
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise BadRequestError("events must be a list of objects.")
    if not 1 <= len(events) <= _MOST_EVENTS:
        raise BadRequestError(f"events has {len(events)} entries; 1 to {_MOST_EVENTS} are taken.")
    return EventsRequest(_identifier(body, "conversation_id"), _identifier(body, "event_id"), events)


def _object(raw: bytes, required: set[str], optional: set[str]) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("The body is not JSON in UTF-8.") from error
    if not isinstance(body, dict):
        raise BadRequestError("The body must be a JSON object.")
    missing = sorted(required - body.keys())
    unknown = sorted(body.keys() - required - optional)
    if missing:
        raise BadRequestError(f"The body lacks {', '.join(missing)}.")
    if unknown:
        raise BadRequestError(
            f"The body has {len(unknown)} unknown field(s); known are {', '.join(sorted(required | optional))}."
        )
    return body


def _identifier(body: Mapping[str, Any], key: str) -> str:
    value = body[key]
    if not isinstance(value, str) or not 1 <= len(value) <= _MOST_ID_CHARACTERS or not value.isprintable():
        raise BadRequestError(f"{key} must be a text of 1 to {_MOST_ID_CHARACTERS} printable characters.")
    return value
