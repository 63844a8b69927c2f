"""Rasa's tracker store over the event log: keeps recent trackers alive and fails loudly."""

from __future__ import annotations

import asyncio
import functools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event
from rasa.shared.core.trackers import DialogueStateTracker

from bot.event_log import EventLog
from bot.state_history import LiveStatesTracker

_DEFAULT_URL = "sqlite:///var/tracker.db"
_DEFAULT_LIVE = 500

T = TypeVar("T")


@dataclass
class LiveTracker:
    """A tracker in memory; its first event has the seq `offset`, and `n_stored` events are in the log."""

    tracker: DialogueStateTracker
    offset: int
    n_stored: int

    def unstored(self) -> list[Event]:
        """Return the events that the log does not have yet."""
        return list(islice(self.tracker.events, self.n_stored - self.offset, None))


@dataclass(frozen=True)
class OpenedConversation:
    """A conversation's tracker, and the events its cause added earlier, if that cause came before."""

    live: LiveTracker
    earlier: list[dict[str, Any]] | None


class EventLogTrackerStore(TrackerStore):
    """Appends new events only. A tracker in memory is used again only while the log has as many events as it knows.

    Unlike Rasa's own stores it has no fallback: an error of the database is an error of the turn.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        event_broker: EventBroker | None = None,
        url: str = _DEFAULT_URL,
        n_live: int = _DEFAULT_LIVE,
        **_: Any,
    ) -> None:
        super().__init__(domain, event_broker)
        self._log = EventLog(url)
        self._threads = ThreadPoolExecutor(self._log.n_threads, thread_name_prefix="event-log")
        self._live: OrderedDict[str, LiveTracker] = OrderedDict()
        self._n_live = n_live

    @property
    def n_live(self) -> int:
        """How many trackers are kept in memory now."""
        return len(self._live)

    async def open(self, conversation_id: str, cause_id: str | None) -> OpenedConversation:
        """Return a conversation's tracker, new if need be, and what `cause_id` added to it before."""
        position = await self._in_thread(self._log.position, conversation_id, cause_id)
        live = self._live.get(conversation_id)
        if live is None or live.n_stored != position.n_events:
            live = await self._load(conversation_id, position.n_events)
            self._remember(conversation_id, live)
        self._live.move_to_end(conversation_id)
        earlier = None
        if position.cause_start is not None:
            earlier = await self._in_thread(self._log.read_batch, conversation_id, position.cause_start)
        return OpenedConversation(live, earlier)

    async def append(self, live: LiveTracker, cause_id: str | None) -> list[dict[str, Any]]:
        """Store the tracker's new events as one batch and return them as stored.

        Raises:
            ConversationMovedError: the log has other events there already.
        """
        events = [event.as_dict() for event in live.unstored()]
        await self._in_thread(self._log.append, live.tracker.sender_id, live.n_stored, events, cause_id)
        live.n_stored += len(events)
        return events

    def forget(self, conversation_id: str) -> None:
        """Drop a tracker from memory, because it holds events that will not be stored."""
        self._live.pop(conversation_id, None)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Return the tracker of the latest session (Rasa's interface)."""
        opened = await self.open(sender_id, None)
        return opened.live.tracker if opened.live.n_stored else None

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """Return a tracker of all sessions (Rasa's interface)."""
        events = await self._in_thread(self._log.read_all, conversation_id)
        return self._tracker(conversation_id, events) if events else None

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Append the tracker's new events (Rasa's interface)."""
        live = self._live.get(tracker.sender_id)
        if live is None or live.tracker is not tracker:
            opened = await self.open(tracker.sender_id, None)
            live = LiveTracker(tracker, opened.live.offset, opened.live.n_stored)
            self._remember(tracker.sender_id, live)
        await self.append(live, None)

    async def keys(self) -> Iterable[str]:
        """Return the ids of all conversations (Rasa's interface)."""
        return await self._in_thread(self._log.conversation_ids)

    def close(self) -> None:
        """Close the database."""
        self._threads.shutdown(wait=True)
        self._log.close()

    def _remember(self, conversation_id: str, live: LiveTracker) -> None:
        self._live[conversation_id] = live
        while len(self._live) > self._n_live:
            self._live.popitem(last=False)

    async def _load(self, conversation_id: str, n_events: int) -> LiveTracker:
        if n_events == 0:
            return LiveTracker(self._tracker(conversation_id, []), 0, 0)
        offset, events = await self._in_thread(self._log.read_session, conversation_id)
        return LiveTracker(self._tracker(conversation_id, events), offset, offset + len(events))

    def _tracker(self, conversation_id: str, events: Sequence[Mapping[str, Any]]) -> DialogueStateTracker:
        tracker: DialogueStateTracker = LiveStatesTracker.from_events(
            conversation_id, to_events(events), self.domain.slots
        )
        return tracker

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def to_events(documents: Iterable[Mapping[str, Any]]) -> list[Event]:
    """Build Rasa's events from what `Event.as_dict` gave.

    Rasa's own way walks all event classes for each event; the class of a name never changes.

    Raises:
        ValueError: a document names no event.
    """
    events = []
    for document in documents:
        event = _event_class(document.get("event") or "")._from_parameters(dict(document))
        if event is None:
            raise ValueError(f"{document.get('event')!r} event lacks what it needs.")
        events.append(event)
    return events


@functools.cache
def _event_class(name: str) -> type[Event]:
    found = Event.resolve_by_type(name)
    if found is None:
        raise ValueError(f"Unknown event name {name!r}.")
    return found
