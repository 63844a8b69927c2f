"""Bodies of the gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.errors import BadRequestError
from bot.requests import MOST_CHARACTERS, read_events, read_turn

TURN = {"message_id": "m1", "conversation_id": "c1", "text": "hi", "metadata": {"a": 1}}


def raw(**changes: Any) -> bytes:
    return json.dumps({key: value for key, value in (TURN | changes).items() if value is not ...}).encode()


def test_reads_a_turn() -> None:
    request = read_turn(raw())

    assert (request.message_id, request.conversation_id, request.text, request.metadata) == ("m1", "c1", "hi", {"a": 1})


def test_metadata_may_be_absent() -> None:
    assert read_turn(raw(metadata=...)).metadata == {}


def test_replaces_what_cannot_be_stored() -> None:
    assert read_turn(b'{"message_id":"m","conversation_id":"c","text":"a\\ud83d"}').text == "a\ufffd"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "must be a JSON object"),
        (raw(text=...), "lacks text"),
        (raw(text="  "), "text must be a text that is not empty"),
        (raw(text=3), "text must be a text"),
        (raw(text="x" * (MOST_CHARACTERS + 1)), "4001 characters; at most 4000"),
        (raw(message_id=""), "message_id must be"),
        (raw(message_id="a\nb"), "message_id must be"),
        (raw(conversation_id="c" * 129), "conversation_id must be"),
        (raw(conversation_id=7), "conversation_id must be"),
        (raw(metadata=[]), "metadata must be an object"),
        (raw(sender="x"), "1 unknown field"),
    ],
)
def test_refuses_a_bad_turn(body: bytes, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        read_turn(body)


@pytest.mark.parametrize("events", [[], {}, ["slot"], [{}] * 101])
def test_refuses_bad_events(events: Any) -> None:
    with pytest.raises(BadRequestError, match="events"):
        read_events(json.dumps({"conversation_id": "c", "event_id": "e", "events": events}).encode())
