"""One turn for one message, once: the same message again gets the same reply without running the turn again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import jsonschema
from rasa.core.channels.channel import UserMessage
from rasa.shared.core.events import UserUttered
from rasa.shared.utils.schemas.events import EVENTS_SCHEMA

from bot.errors import BadRequestError, EngineError, TurnError
from bot.metrics import Metrics
from bot.requests import EventsRequest, TurnRequest
from bot.tracker_store import EventLogTrackerStore, LiveTracker, to_events
from bot.turn_context import TurnContext, current_turn
from bot.turn_processor import CHANNEL, RecordOnlyChannel, TurnProcessor

_RANKING = 5
_EVENTS = jsonschema.Draft7Validator(EVENTS_SCHEMA)
_NOT_STORED = frozenset({"profile"})
_EVENTS_FROM_OUTSIDE = frozenset(
    {"slot", "active_loop", "reset_slots", "restart", "followup", "pause", "resume", "loop_interrupted"}
)


class ConversationLocks:
    """One holder at a time for each conversation; a lock lives only while somebody wants it."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[None]:
        """Wait for the conversation and hold it."""
        lock, n_wanting = self._locks.get(conversation_id, (asyncio.Lock(), 0))
        self._locks[conversation_id] = (lock, n_wanting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, n_wanting = self._locks[conversation_id]
            if n_wanting == 1:
                del self._locks[conversation_id]
            else:
                self._locks[conversation_id] = (lock, n_wanting - 1)


@dataclass(frozen=True)
class Turns:
    """Runs turns on one model and one event log.

    A turn's events are stored at its end, all at once and under its message id. A turn that failed or was cut off
    leaves nothing, so that the message can be sent again; actions make that harmless by the message id.
    """

    processor: TurnProcessor
    store: EventLogTrackerStore
    model_id: str
    metrics: Metrics
    locks: ConversationLocks

    async def answer(self, request: TurnRequest) -> dict[str, Any]:
        """Answer one message.

        Raises:
            EngineError: the turn failed; nothing of it is stored.
        """
        cause_id = f"m:{request.message_id}"
        async with self.locks.hold(request.conversation_id):
            opened = await self.store.open(request.conversation_id, cause_id)
            if opened.earlier is not None:
                self.metrics.count_turn("repeated")
                return self._reply(opened.live, opened.earlier, repeated=True)
            began = time.perf_counter()
            outcome = "failed"
            try:
                events = await self._take(opened.live, request, cause_id)
                outcome = "answered"
            except EngineError as failure:
                outcome = failure.code
                raise
            finally:
                if outcome != "answered":
                    self.store.forget(request.conversation_id)
                self.metrics.count_turn(outcome, time.perf_counter() - began)
            return self._reply(opened.live, events, repeated=False)

    async def append_events(self, request: EventsRequest) -> dict[str, Any]:
        """Add events to a conversation's tracker; the same event id again changes nothing.

        Raises:
            BadRequestError: an event is of a kind that does not come from outside, or lacks what it needs.
        """
        cause_id = f"e:{request.event_id}"
        foreign = sorted({str(event.get("event")) for event in request.events} - _EVENTS_FROM_OUTSIDE)
        if foreign:
            raise BadRequestError(f"Events {foreign} cannot be appended; these can: {sorted(_EVENTS_FROM_OUTSIDE)}.")
        if not _EVENTS.is_valid(list(request.events)):
            raise BadRequestError("One of the events lacks what an event of its kind needs.")
        events = to_events(request.events)
        async with self.locks.hold(request.conversation_id):
            opened = await self.store.open(request.conversation_id, cause_id)
            if opened.earlier is not None:
                return {"appended": 0, "repeated": True}
            stored = False
            try:
                opened.live.tracker.update_with_events(events, self.processor.domain)
                await self.store.append(opened.live, cause_id)
                stored = True
            finally:
                if not stored:
                    self.store.forget(request.conversation_id)
        return {"appended": len(events), "repeated": False}

    async def _take(self, live: LiveTracker, request: TurnRequest, cause_id: str) -> list[dict[str, Any]]:
        turn = TurnContext(request.message_id, request.metadata)
        message = UserMessage(
            request.text,
            RecordOnlyChannel(),
            request.conversation_id,
            input_channel=CHANNEL,
            message_id=request.message_id,
            metadata={key: value for key, value in request.metadata.items() if key not in _NOT_STORED},
        )
        token = current_turn.set(turn)
        try:
            await self.processor.take_turn(live.tracker, message, request.metadata)
        except EngineError:
            raise
        except Exception as error:
            raise TurnError(f"{type(error).__name__} while the turn ran.") from error
        finally:
            current_turn.reset(token)
            self.metrics.count_actions(turn.n_actions, turn.action_s)
        try:
            return await self.store.append(live, cause_id)
        except EngineError:
            raise
        except Exception as error:
            raise TurnError(f"{type(error).__name__} while the turn was stored.") from error

    def _reply(self, live: LiveTracker, events: Sequence[Mapping[str, Any]], *, repeated: bool) -> dict[str, Any]:
        spoken = next((event for event in events if event["event"] == UserUttered.type_name), None)
        if spoken is None:
            raise TurnError("The stored turn holds no message of the customer.")
        return {
            "messages": [_message(event) for event in events if event["event"] == "bot"],
            "understanding": _understanding(spoken["parse_data"]),
            "slots": live.tracker.current_slot_values(),
            "model_id": self.model_id,
            "repeated": repeated,
        }


def _message(event: Mapping[str, Any]) -> dict[str, Any]:
    fields = {"text": event.get("text"), **(event.get("data") or {})}
    return {key: value for key, value in fields.items() if value}


def _understanding(parse_data: Mapping[str, Any]) -> dict[str, Any]:
    intent = parse_data.get("intent") or {}
    ranking = parse_data.get("intent_ranking") or []
    return {
        "text": parse_data.get("text", ""),
        "intent": _scored(intent),
        "ranking": [_scored(candidate) for candidate in ranking[:_RANKING]],
        "entities": [
            {
                "entity": entity["entity"],
                "value": entity["value"],
                "start": entity.get("start", 0),
                "end": entity.get("end", 0),
            }
            for entity in parse_data.get("entities") or []
        ],
        "sentiment": parse_data.get("sentiment"),
        "language": parse_data.get("language", "other"),
        "parse_ms": parse_data.get("parse_ms"),
    }


def _scored(candidate: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": candidate.get("name"), "confidence": round(float(candidate.get("confidence") or 0.0), 4)}
