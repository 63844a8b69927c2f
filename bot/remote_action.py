"""Runs a custom action in the server: sends what actions use, and lets no failure pass as an empty answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import islice
from typing import Any

import rasa.core.actions.action
from rasa.core.actions.action import ActionExecutionRejection, RemoteAction, create_bot_utterance
from rasa.core.channels.channel import OutputChannel
from rasa.core.nlg import NaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.action_endpoint import ActionRefusedError
from bot.errors import ActionError
from bot.tracker_store import to_events
from bot.turn_context import current_turn

_RASA_VERSION = "3.6.21"
_MOST_EVENTS = 60
_PARSE_KEYS = ("intent", "entities", "text", "message_id", "metadata")


class EngineRemoteAction(RemoteAction):
    """A custom action whose failures are the turn's failures."""

    async def run(
        self,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
        tracker: DialogueStateTracker,
        domain: Domain,
    ) -> list[Event]:
        """Call the action and return its messages and events.

        Raises:
            ActionError: it could not be called, or its answer is unusable.
            ActionExecutionRejection: it declined, and Rasa is to predict another action.
        """
        if self.action_endpoint is None:
            raise ActionError(f"Action {self.name()} has no action server to run in.")
        turn = current_turn.get()
        began = time.perf_counter()
        try:
            call = action_call(self.name(), tracker, self.action_endpoint.domain_extract(domain))
            answer = await self.action_endpoint.request(json=call)
        except ActionRefusedError as refusal:
            raise ActionExecutionRejection(refusal.action_name, refusal.reason) from refusal
        finally:
            if turn is not None:
                turn.n_actions += 1
                turn.action_s += time.perf_counter() - began
        messages = await self._messages(answer.get("responses") or [], output_channel, nlg, tracker)
        try:
            return [*messages, *to_events(answer.get("events") or [])]
        except (ValueError, KeyError, TypeError) as error:
            raise ActionError(f"Action {self.name()} returned an event that is none: {error}") from error

    async def _messages(
        self,
        responses: list[dict[str, Any]],
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
        tracker: DialogueStateTracker,
    ) -> list[BotUttered]:
        messages = []
        for response in responses:
            fields = dict(response)
            draft: dict[str, Any] = {}
            name = fields.pop("response", None) or fields.pop("template", None)
            if name:
                generated = await nlg.generate(name, tracker, output_channel.name(), **fields)
                if generated is None:
                    raise ActionError(f"Action {self.name()} names the response {name!r}, which is not in the domain.")
                draft = {**generated, "utter_action": name}
            buttons = [*(draft.get("buttons") or []), *(fields.pop("buttons", None) or [])]
            draft.update({key: value for key, value in fields.items() if value})
            if buttons:
                draft["buttons"] = buttons
            messages.append(create_bot_utterance(draft))
        return messages


def action_call(name: str, tracker: DialogueStateTracker, domain: Mapping[str, Any]) -> dict[str, Any]:
    """Build the body of an action call: Rasa's, with the last events only."""
    return {
        "next_action": name,
        "sender_id": tracker.sender_id,
        "tracker": _tracker_state(tracker),
        "domain": domain,
        "version": _RASA_VERSION,
    }


def install() -> None:
    """Make Rasa build this class for custom actions; its own offers no other way in."""
    rasa.core.actions.action.RemoteAction = EngineRemoteAction


def _tracker_state(tracker: DialogueStateTracker) -> dict[str, Any]:
    state: dict[str, Any] = tracker.current_state()
    message = {key: value for key, value in (state["latest_message"] or {}).items() if key in _PARSE_KEYS}
    turn = current_turn.get()
    if turn is not None:
        message.update(turn.latest_message_extras())
    state["latest_message"] = message
    last_events = list(islice(reversed(tracker.events), _MOST_EVENTS))[::-1]
    state["events"] = [_short_event(event) for event in last_events]
    return state


def _short_event(event: Event) -> dict[str, Any]:
    document: dict[str, Any] = event.as_dict()
    if isinstance(event, UserUttered):
        parsed = document.get("parse_data") or {}
        document["parse_data"] = {key: parsed[key] for key in ("intent", "entities", "text") if key in parsed}
    return document
