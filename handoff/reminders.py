"""Tells the assistant of hand-backs it could not be told of when they happened."""

from __future__ import annotations

import asyncio
import contextlib

from conversations.event_log import EventLog
from conversations.events import EventType
from core.clock import Clock
from core.database import Database
from core.errors import EngineError
from core.ids import ConversationId
from core.logs import get_logger
from handoff.models import Outcome
from handoff.protocols import AssistantMemory
from handoff.repository import HandoffRepository

log = get_logger(__name__)

SWEEP_S = 10.0
SWEEP_LIMIT = 50


class AssistantReminder:
    """Sweeps for hand-backs the assistant has not heard of; telling it twice changes nothing.

    Once the assistant has served the customer again it is too late: what it remembers then is new.
    """

    def __init__(self, *, database: Database, clock: Clock, memory: AssistantMemory, sweep_s: float = SWEEP_S) -> None:
        self._database = database
        self._clock = clock
        self._memory = memory
        self._sweep_s = sweep_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to sweep."""
        self._task = asyncio.create_task(self._sweep(), name="assistant-reminder")

    async def stop(self) -> None:
        """Stop sweeping."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def run_due(self) -> int:
        """Tell the assistant of all it has not heard of; return how many, stop at the first it cannot hear."""
        async with self._database.read() as session:
            untold = await HandoffRepository(session).list_assistant_untold(self._clock.now(), SWEEP_LIMIT)
        for number, (handoff_id, conversation_id, outcome, ended_seq) in enumerate(untold):
            if not await self._is_too_late(ConversationId(conversation_id), ended_seq):
                try:
                    await self._memory.reset_after_handoff(
                        ConversationId(conversation_id), Outcome(outcome), event_id=handoff_id
                    )
                except EngineError:
                    return number
            async with self._database.unit_of_work() as session:
                await HandoffRepository(session).note_assistant_told(handoff_id)
        return len(untold)

    async def _is_too_late(self, conversation_id: ConversationId, ended_seq: int) -> bool:
        async with self._database.read() as session:
            latest = await EventLog(session).list_latest(conversation_id, EventType.UNDERSTOOD, 1)
            return bool(latest) and latest[0].seq > ended_seq

    async def _sweep(self) -> None:
        while True:
            try:
                await self.run_due()
            except Exception:  # the database may be away for a while; the next sweep tries again
                log.exception("handoff.reminder_failed")
            await asyncio.sleep(self._sweep_s)
