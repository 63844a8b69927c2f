"""Rasa's message processor made strict: what it logs and forgets is an error of the turn here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rasa.core.actions.action import ActionBotResponse, ActionExecutionRejection, ActionExtractSlots
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.nlg import NaturalLanguageGenerator, TemplatedNaturalLanguageGenerator
from rasa.core.policies.policy import PolicyPrediction
from rasa.core.processor import MessageProcessor
from rasa.engine import loader
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.engine.runner.interface import GraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.storage import ModelMetadata
from rasa.exceptions import ActionLimitReached
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.events import (
    ActionExecutionRejected,
    BotUttered,
    DefinePrevUserUtteredFeaturization,
    Event,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.common import TempDirectoryPath, get_temp_dir_name

from bot.errors import TurnError
from bot.graph_runner import OrderedGraphRunner
from bot.nlu.language import choose_language, read_language
from bot.nlu.message_vector import find_message_vector
from bot.turn_context import current_turn

CHANNEL = "gateway"
_PAYLOAD_PREFIX = "/"
_STEERING_INTENTS = frozenset({"restart", "back", "session_start"})


class RecordOnlyChannel(OutputChannel):
    """Sends nothing: a turn's messages are read from the events that it stored."""

    @classmethod
    def name(cls) -> str:
        """Return the channel's name, which responses may be restricted to."""
        return CHANNEL

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Do nothing."""


class StrictResponses(TemplatedNaturalLanguageGenerator):
    """The domain's responses; one that has no variation for the present slots is an error, not silence."""

    async def generate(
        self, utter_action: str, tracker: DialogueStateTracker, output_channel: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Generate a response; None only for a name that the domain does not have."""
        response: dict[str, Any] | None = await super().generate(utter_action, tracker, output_channel, **kwargs)
        if response is None and utter_action in self.responses:
            raise TurnError(f"Response {utter_action!r} has no variation for the present slots.")
        return response


class TurnProcessor(MessageProcessor):
    """Runs one turn on a tracker; either it ends in `action_listen`, or it raises."""

    @staticmethod
    def _load_model(model_path: str | Path) -> tuple[str, ModelMetadata, GraphRunner]:
        with TempDirectoryPath(get_temp_dir_name()) as folder:
            metadata, runner = loader.load_predict_graph_runner(
                Path(folder), Path(model_path), LocalModelStorage, OrderedGraphRunner
            )
        return Path(model_path).name, metadata, runner

    async def take_turn(self, tracker: DialogueStateTracker, message: UserMessage, metadata: Mapping[str, Any]) -> None:
        """Add a customer's message and all the assistant does until it listens to the tracker.

        Args:
            tracker: changed in place, also when the turn fails.
            message: what is stored of the message.
            metadata: the gateway's whole metadata, which chooses language and profile slots.

        Raises:
            EngineError: the turn could not be ended in order.
        """
        output = message.output_channel
        tracker.model_id = self.model_metadata.model_id
        tracker.assistant_id = tracker.assistant_id or self.model_metadata.assistant_id
        await self._update_tracker_session(tracker, output)
        if tracker.is_paused():
            raise TurnError("The tracker is paused; nothing would be answered.")
        message.text = without_command(message.text or "")
        began = time.perf_counter()
        parse_data = await self.parse_message(message, tracker)
        parse_data["parse_ms"] = round((time.perf_counter() - began) * 1000, 3)
        tracker.update_with_events(profile_slots(tracker, message.text or "", metadata), self.domain)
        tracker.update(
            UserUttered(
                message.text,
                parse_data["intent"],
                parse_data["entities"],
                parse_data,
                input_channel=message.input_channel,
                message_id=message.message_id,
                metadata=message.metadata,
            ),
            self.domain,
        )
        await self.run_action_extract_slots(output, tracker)
        await self._run_prediction_loop(output, tracker)
        if tracker.latest_action_name != ACTION_LISTEN_NAME:
            raise TurnError(f"The turn ended with {tracker.latest_action_name!r}, not with {ACTION_LISTEN_NAME!r}.")

    async def run_action_extract_slots(
        self, output_channel: OutputChannel, tracker: DialogueStateTracker
    ) -> DialogueStateTracker:
        """Fill the slots that the message fills."""
        events = await ActionExtractSlots(self.action_endpoint).run(output_channel, self.nlg, tracker, self.domain)
        tracker.update_with_events(events, self.domain)
        return tracker

    def _parse_message_with_graph(
        self, message: UserMessage, tracker: DialogueStateTracker, only_output_properties: bool = True
    ) -> dict[str, Any]:
        target = self.model_metadata.nlu_target
        inputs = {PLACEHOLDER_MESSAGE: [message], PLACEHOLDER_TRACKER: tracker}
        parsed = self.graph_runner.run(inputs=inputs, targets=[target])[target][0]
        parse_data: dict[str, Any] = {"text": "", "intent": {"name": None, "confidence": 0.0}, "entities": []}
        parse_data.update(parsed.as_dict(only_output_properties=only_output_properties))
        turn = current_turn.get()
        if turn is not None:
            turn.language = parse_data.setdefault("language", read_language(message.text or "").label)
            turn.sentiment = parse_data.setdefault("sentiment", {"label": "neutral", "score": 0.0})
            turn.vector = find_message_vector(parsed)
        return parse_data

    async def _run_prediction_loop(self, output_channel: OutputChannel, tracker: DialogueStateTracker) -> None:
        going_on = True
        while going_on:
            try:
                action, prediction = self.predict_next_with_tracker_if_should(tracker)
            except ActionLimitReached as error:
                raise TurnError(
                    f"{self.max_number_of_predictions} actions in one turn; the rules run in a circle."
                ) from error
            if prediction.max_confidence <= 0.0:
                raise TurnError(f"No policy knows what comes after {tracker.latest_action_name!r}.")
            going_on = await self._run_action(action, tracker, output_channel, self.nlg, prediction)

    async def _run_action(
        self,
        action: Any,
        tracker: DialogueStateTracker,
        output_channel: OutputChannel,
        nlg: NaturalLanguageGenerator,
        prediction: PolicyPrediction,
    ) -> bool:
        seen = _with_events(tracker, prediction.events, self.domain)
        try:
            events: list[Event] = await action.run(output_channel, nlg, seen, self.domain) or []
        except ActionExecutionRejection:
            tracker.update(ActionExecutionRejected(action.name(), prediction.policy_name, prediction.max_confidence))
            return self.should_predict_another_action(action.name())
        if isinstance(action, ActionBotResponse) and not action.silent_fail:
            _check_utterance(action, events)
        self._log_action_on_tracker(tracker, action, events, prediction)
        if any(isinstance(event, UserUttered) for event in events):
            await self.run_action_extract_slots(output_channel, tracker)
        await self._schedule_reminders(events, tracker, output_channel)
        await self._cancel_reminders(events, tracker)
        return self.should_predict_another_action(action.name())

    def _log_action_on_tracker(
        self, tracker: DialogueStateTracker, action: Any, events: list[Event] | None, prediction: PolicyPrediction
    ) -> None:
        happened = events or []
        if not any(isinstance(event, ActionExecutionRejected) for event in happened):
            tracker.update_with_events(prediction.events, self.domain)
            tracker.update(action.event_for_successful_execution(prediction))
        tracker.update_with_events(happened, self.domain)

    @staticmethod
    def _log_slots(tracker: DialogueStateTracker) -> None:
        """Log nothing: slots hold what customers said."""


def without_command(text: str) -> str:
    """Take the slash from a text that would steer Rasa itself; a button's payload stays as it is."""
    name = text[1:].split("{", maxsplit=1)[0].strip() if text.startswith(_PAYLOAD_PREFIX) else ""
    return text[1:] if name in _STEERING_INTENTS else text


def profile_slots(tracker: DialogueStateTracker, text: str, metadata: Mapping[str, Any]) -> list[SlotSet]:
    """Return the slots that the message's language and the customer's profile change.

    Only slots that the domain has are set: `language` (zh, en), `customer_name`, `verified`.
    """
    profile = metadata.get("profile") or {}
    hint = profile.get("language") or metadata.get("language_hint") or metadata.get("locale")
    current = tracker.get_slot("language")
    wanted: dict[str, Any] = {
        "language": choose_language(read_language(text), current=current, hint=str(hint) if hint else None),
        "customer_name": profile.get("name"),
        "verified": bool(metadata.get("verified")),
    }
    return [
        SlotSet(name, value)
        for name, value in wanted.items()
        if name in tracker.slots and tracker.get_slot(name) != value
    ]


def _with_events(tracker: DialogueStateTracker, events: list[Event], domain: Any) -> DialogueStateTracker:
    """Return what an action is to see: the tracker itself, unless the prediction changes more than a featurization."""
    if all(isinstance(event, DefinePrevUserUtteredFeaturization) for event in events):
        return tracker
    seen = tracker.copy()
    seen.update_with_events(events, domain)
    return seen


def _check_utterance(action: ActionBotResponse, events: list[Event]) -> None:
    if not any(isinstance(event, BotUttered) for event in events):
        raise TurnError(f"Response {action.name()!r} is not in the domain; nothing would be said.")
