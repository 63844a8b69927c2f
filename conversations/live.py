"""The event log as readers see it: what is there, and waiting for what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from conversations.event_log import EventLog
from conversations.events import Audience, ConversationEvent
from conversations.hints import conversation_topic
from core.bus import Bus, BusMessage
from core.database import Database
from core.ids import ConversationId

MAX_EVENTS = 500
RECHECK_S = 5.0


class LiveEvents:
    """Reads events from the database, which is the truth; the bus only says when to look."""

    def __init__(self, database: Database, bus: Bus, *, recheck_s: float = RECHECK_S) -> None:
        self._database = database
        self._bus = bus
        self._recheck_s = recheck_s

    async def after(
        self,
        conversation_id: ConversationId,
        after: int,
        *,
        limit: int = MAX_EVENTS,
        audience: Audience = Audience.DESK,
    ) -> list[ConversationEvent]:
        """Return events with a number above `after`, oldest first, at most `limit` (500 or fewer)."""
        async with self._database.read() as session:
            return await EventLog(session).list_after(conversation_id, after, max(1, min(limit, MAX_EVENTS)), audience)

    async def wait(
        self,
        conversation_id: ConversationId,
        after: int,
        *,
        wait_s: float,
        limit: int = MAX_EVENTS,
        audience: Audience = Audience.DESK,
    ) -> list[ConversationEvent]:
        """Return events above `after`; when there are none, the first to come within `wait_s`, else none."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            async with self._bus.subscribe(conversation_topic(conversation_id)) as hints:
                events = await self.after(conversation_id, after, limit=limit, audience=audience)
                remaining = deadline - loop.time()
                if events or remaining <= 0:
                    return events
                await _next_hint(hints, min(remaining, self._recheck_s))


async def _next_hint(hints: AsyncIterator[BusMessage], timeout_s: float) -> None:
    """Wait for a hint, or for the time after which one may have been lost; `hints` is used up by it."""
    try:
        async with asyncio.timeout(timeout_s):
            await anext(hints)
    except TimeoutError:
        return
