"""Slots of a turn, typed commands, action calls and the order of the graph."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import numpy as np
import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SlotSet, UserUttered
from rasa.shared.core.slots import BooleanSlot, TextSlot
from rasa.shared.core.trackers import DialogueStateTracker

from bot.action_endpoint import ActionEndpoint
from bot.errors import ActionError
from bot.nlu.message_vector import MessageVector
from bot.remote_action import action_call
from bot.turn_context import TurnContext, current_turn
from bot.turn_processor import profile_slots, without_command
from bot.turns import ConversationLocks

CUSTOM = [{"type": "custom"}]


def tracker(*slots: Any) -> DialogueStateTracker:
    return DialogueStateTracker("c", slots)


def test_slots_follow_message_and_profile_and_only_when_they_change() -> None:
    talk = tracker(TextSlot("language", CUSTOM), TextSlot("customer_name", CUSTOM), BooleanSlot("verified", CUSTOM))
    metadata = {"profile": {"name": "Lin", "language": "zh"}, "verified": True}

    first = profile_slots(talk, "where is my order", metadata)
    talk.update_with_events(first, None)
    second = profile_slots(talk, "ok", metadata)

    assert {event.key: event.value for event in first} == {"language": "en", "customer_name": "Lin", "verified": True}
    assert second == []


def test_slots_that_the_domain_lacks_are_left_alone() -> None:
    assert profile_slots(tracker(), "hi", {"profile": {"name": "Lin"}}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("/restart", "restart"), ("/back", "back"), ('/thank{"a": 1}', '/thank{"a": 1}'), ("hi", "hi")],
)
def test_a_typed_command_does_not_steer_rasa(text: str, expected: str) -> None:
    assert without_command(text) == expected


def test_an_action_call_carries_metadata_and_vector_and_few_events() -> None:
    talk = tracker(TextSlot("city", CUSTOM))
    for number in range(200):
        talk.update(SlotSet("city", str(number)))
    talk.update(
        UserUttered("hi", {"name": "greet"}, [], {"intent": {"name": "greet"}, "text": "hi", "intent_ranking": [1]})
    )
    values = np.array([0.6, 0.8], dtype=np.float32)
    turn = TurnContext("m1", {"profile": {"name": "Lin"}}, "en", {"score": 0.1}, MessageVector("use", values))

    token = current_turn.set(turn)
    call = action_call("action_x", talk, {"forms": {}})
    current_turn.reset(token)

    message = call["tracker"]["latest_message"]
    assert message["metadata"] == {
        "profile": {"name": "Lin"},
        "message_id": "m1",
        "language": "en",
        "sentiment": {"score": 0.1},
    }
    assert message["vector_encoder"] == "use"
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(message["vector"]), dtype="<f4"), values)
    assert message["intent"] == {"name": "greet"}
    assert len(call["tracker"]["events"]) == 60
    assert call["tracker"]["events"][-1]["event"] == "user"
    json.dumps(call)


def test_the_domain_goes_out_without_its_responses() -> None:
    async def run() -> dict[str, Any]:
        return ActionEndpoint("http://x", "s", timeout_s=1).domain_extract(
            Domain.from_dict({"responses": {"utter_a": [{"text": "a"}]}, "forms": {}})
        )

    assert "responses" not in asyncio.run(run())


@pytest.mark.parametrize("answer", [[], "x", {"events": {}}, {"events": [{"timestamp": 1}]}, {"responses": ["hi"]}])
def test_a_wrong_answer_of_the_action_server_is_an_error(answer: Any) -> None:
    endpoint = ActionEndpoint("http://x", "s", timeout_s=1)

    with pytest.raises(ActionError, match="answered with a wrong document"):
        endpoint.check("action_x", answer)


def test_an_answer_of_rasa_sdk_is_accepted() -> None:
    answer = {"events": [{"event": "slot", "timestamp": None, "name": "a", "value": 1}], "responses": [{"text": "a"}]}

    ActionEndpoint("http://x", "s", timeout_s=1).check("action_x", answer)


def test_one_holder_of_a_conversation_at_a_time() -> None:
    seen: list[str] = []
    locks = ConversationLocks()

    async def hold(name: str, conversation_id: str) -> None:
        async with locks.hold(conversation_id):
            seen.append(f"{name} in")
            await asyncio.sleep(0)
            seen.append(f"{name} out")

    async def run() -> None:
        await asyncio.gather(hold("a", "1"), hold("b", "1"))

    asyncio.run(run())

    assert seen == ["a in", "a out", "b in", "b out"]
