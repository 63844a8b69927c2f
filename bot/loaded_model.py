"""Loads a signed model and makes it ready for its first customer."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import InMemoryLockStore
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot import remote_action
from bot.action_endpoint import ActionEndpoint
from bot.errors import ModelError
from bot.metrics import Metrics
from bot.tracker_store import EventLogTrackerStore
from bot.turn_processor import StrictResponses, TurnProcessor
from bot.turns import ConversationLocks, Turns

_WARM_UP_TEXTS = ("我的订单 AB-123456 到哪了？", "Where is my order AB-123456?")
_COLLECT_AFTER = (50_000, 20, 50)


def load_turns(model: Path, model_id: str, *, tracker_url: str, actions: ActionEndpoint, metrics: Metrics) -> Turns:
    """Load a model, take two messages through it, and leave its objects out of garbage collection from now on.

    Raises:
        ModelError: the model can only understand, or only speak.
    """
    remote_action.install()
    store = EventLogTrackerStore(url=tracker_url)
    responses = StrictResponses({})
    processor = TurnProcessor(model, store, InMemoryLockStore(), responses, actions)
    if not processor.model_metadata.core_target or not processor.model_metadata.nlu_target:
        raise ModelError(f"Model {model} lacks its understanding or its dialogue part.")
    store.domain = processor.domain
    responses.responses = processor.domain.responses
    asyncio.run(_warm_up(processor))
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    return Turns(processor, store, model_id, metrics, ConversationLocks())


async def _warm_up(processor: TurnProcessor) -> None:
    for text in _WARM_UP_TEXTS:
        tracker = DialogueStateTracker("warm-up", processor.domain.slots)
        parsed = await processor.parse_message(UserMessage(text), tracker)
        tracker.update(UserUttered(text, parsed["intent"], parsed["entities"], parsed), processor.domain)
        processor.predict_next_with_tracker_if_should(tracker)
