"""The states a live tracker remembers are those that Rasa would build anew."""

from __future__ import annotations

import random
from typing import Any

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    DefinePrevUserUtteredFeaturization,
    Event,
    FollowupAction,
    LoopInterrupted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.state_history import LiveStatesTracker

DOMAIN = Domain.from_dict(
    {
        "intents": ["greet", "order", "thank"],
        "entities": ["number"],
        "actions": ["action_a", "action_b"],
        "forms": {"order_form": {"required_slots": ["number"]}, "other_form": {"required_slots": ["mood"]}},
        "slots": {
            "number": {"type": "text", "mappings": [{"type": "from_entity", "entity": "number"}]},
            "mood": {"type": "categorical", "values": ["good", "bad"], "mappings": [{"type": "custom"}]},
            "count": {"type": "float", "influence_conversation": False, "mappings": [{"type": "custom"}]},
        },
        "responses": {"utter_a": [{"text": "a"}]},
    }
)
RULE_ONLY = {"rule_only_slots": ["mood"], "rule_only_loops": ["other_form"]}
WAYS: list[dict[str, Any]] = [
    {},
    {"omit_unset_slots": True},
    {"ignore_rule_only_turns": True, "rule_only_data": RULE_ONLY},
]


def message(chance: random.Random) -> Event:
    entities = [{"entity": "number", "value": "1"}] if chance.random() < 0.4 else []
    return UserUttered("hi", {"name": chance.choice(["greet", "order", "thank"])}, entities)


def turn(chance: random.Random) -> list[Event]:
    """Return events as a turn leaves them, in any mixture."""
    form = chance.choice(["order_form", "other_form"])
    hidden = chance.random() < 0.3
    return chance.choice(
        [
            [
                message(chance),
                DefinePrevUserUtteredFeaturization(False),
                ActionExecuted("utter_a", hide_rule_turn=hidden),
            ],
            [message(chance), ActionExecuted(form), ActiveLoop(form), SlotSet("requested_slot", "number")],
            [
                message(chance),
                SlotSet("number", "1"),
                ActionExecuted(form),
                SlotSet("mood", chance.choice(["good", "bad"])),
            ],
            [message(chance), ActionExecutionRejected(form), ActionExecuted("action_a", hide_rule_turn=hidden)],
            [
                message(chance),
                LoopInterrupted(True),
                ActionExecuted(form),
                ActiveLoop(None),
                ActionExecuted("action_b"),
            ],
            [ActionExecuted("action_b"), BotUttered("b"), SlotSet("count", 1.0), FollowupAction("action_a")],
            [message(chance), DefinePrevUserUtteredFeaturization(True), ActionExecuted("action_a")],
            [AllSlotsReset()],
            [UserUtteranceReverted()],
            [ActionReverted()],
            [Restarted()] if chance.random() < 0.3 else [],
            [ActionExecuted("action_session_start"), SessionStarted()] if chance.random() < 0.3 else [],
        ]
    )


@pytest.mark.parametrize("seed", range(60))
def test_remembered_states_are_those_built_anew(seed: int) -> None:
    chance = random.Random(seed)
    live = LiveStatesTracker("c", DOMAIN.slots)
    happened: list[Event] = []

    for _ in range(25):
        for event in [*turn(chance), *([ActionExecuted("action_listen")] if chance.random() < 0.8 else [])]:
            live.update(event, DOMAIN)
            happened.append(event)
            if chance.random() < 0.3:
                continue
            anew = DialogueStateTracker.from_events("c", list(happened), DOMAIN.slots)
            for way in WAYS:
                assert live.past_states(DOMAIN, **way) == anew.past_states(DOMAIN, **way)


def test_what_a_caller_changes_is_not_remembered() -> None:
    live = LiveStatesTracker("c", DOMAIN.slots)
    live.update_with_events([ActionExecuted("action_listen"), UserUttered("hi", {"name": "greet"})], DOMAIN)
    before = live.past_states(DOMAIN)

    live.past_states(DOMAIN)[-1]["user"].clear()

    assert live.past_states(DOMAIN) == before
    assert before[-1]["user"]
