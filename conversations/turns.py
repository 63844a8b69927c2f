"""Runs the turns that are due: conversations side by side, one turn at a time in each, in any number of replicas.

Nothing here matters for correctness: what is due stands in the database, a nudge only makes it sooner, and a sweep
finds what a crash, a lost nudge or a dead replica left.
"""

from __future__ import annotations

import asyncio
import contextlib

from conversations.repository import ConversationRepository
from conversations.turn import Claim, Turn
from core.clock import Clock
from core.database import Database
from core.ids import ConversationId
from core.logs import get_logger

log = get_logger(__name__)

SWEEP_S = 1.0
SWEEP_LIMIT = 200
STOP_GRACE_S = 5.0
BEATS_PER_LEASE = 3


class TurnRunner:
    """A few workers over one queue of conversations; each takes one turn and lets the next conversation go first."""

    def __init__(
        self,
        turn: Turn,
        *,
        database: Database,
        clock: Clock,
        concurrent_turns: int = 8,
        sweep_s: float = SWEEP_S,
        stop_grace_s: float = STOP_GRACE_S,
    ) -> None:
        self._turn = turn
        self._database = database
        self._clock = clock
        self._concurrent_turns = concurrent_turns
        self._sweep_s = sweep_s
        self._stop_grace_s = stop_grace_s
        self._ready: asyncio.Queue[ConversationId] = asyncio.Queue()
        self._queued: set[ConversationId] = set()
        self._running: set[ConversationId] = set()
        self._again: set[ConversationId] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False

    def start(self) -> None:
        """Begin to sweep and to work."""
        self._stopping = False
        self._tasks = [asyncio.create_task(self._sweep(), name="turns-sweep")]
        self._tasks += [
            asyncio.create_task(self._work(), name=f"turns-{number}") for number in range(self._concurrent_turns)
        ]

    async def stop(self) -> None:
        """Take no new turn, give running ones a moment, and give the rest back for the next start."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._stop_grace_s):
                await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def nudge(self, conversation_id: ConversationId) -> None:
        """Look at this conversation soon; without a running runner this does nothing, a sweep will find it."""
        if not self._tasks or self._stopping or conversation_id in self._queued:
            return
        if conversation_id in self._running:
            self._again.add(conversation_id)
            return
        self._queued.add(conversation_id)
        self._ready.put_nowait(conversation_id)

    async def run_due(self) -> int:
        """Run every turn that is due now, one after another, in the calling task; return how many."""
        n_turns = 0
        while due := await self._list_due():
            n_run = sum([await self._run_one(conversation_id) is not None for conversation_id in due])
            if not n_run:
                break
            n_turns += n_run
        return n_turns

    async def _list_due(self) -> list[ConversationId]:
        async with self._database.read() as session:
            return await ConversationRepository(session).list_due(self._clock.now(), SWEEP_LIMIT)

    async def _sweep(self) -> None:
        while True:
            try:
                for conversation_id in await self._list_due():
                    self.nudge(conversation_id)
            except Exception:  # the database may be away for a while; the next sweep tries again
                log.exception("turns.sweep_failed")
            await asyncio.sleep(self._sweep_s)

    async def _work(self) -> None:
        while True:
            conversation_id = await self._ready.get()
            self._queued.discard(conversation_id)
            if self._stopping:
                continue
            self._running.add(conversation_id)
            self._idle.clear()
            more: bool | None = None
            try:
                more = await self._run_one(conversation_id)
            except Exception:  # a failure to claim or to put off; the sweep comes back to it
                log.exception("turns.worker_failed", conversation_id=conversation_id)
                await asyncio.sleep(self._sweep_s)
            finally:
                self._running.discard(conversation_id)
                if not self._running:
                    self._idle.set()
            if more or conversation_id in self._again:
                self._again.discard(conversation_id)
                self.nudge(conversation_id)

    async def _run_one(self, conversation_id: ConversationId) -> bool | None:
        """Run the next turn of a conversation; return whether more wait, None when there was none to run."""
        claim = await self._turn.claim(conversation_id)
        return None if claim is None else await self._run_with_heartbeat(claim)

    async def _run_with_heartbeat(self, claim: Claim) -> bool:
        turn = asyncio.create_task(self._turn.run(claim), name=f"turn-{claim.inbound.message_id}")
        heartbeat = asyncio.create_task(self._keep_lease(claim), name=f"lease-{claim.inbound.message_id}")
        try:
            await asyncio.wait({turn, heartbeat}, return_when=asyncio.FIRST_COMPLETED)
            if turn.done():
                return turn.result()
            log.warning("turns.lease_lost", conversation_id=claim.conversation_id)
            return False
        except asyncio.CancelledError:
            await _cancelled(turn)
            await self._turn.release(claim)
            raise
        finally:
            await _cancelled(turn, heartbeat)

    async def _keep_lease(self, claim: Claim) -> None:
        """Renew the lease for as long as it is ours; return when it is lost."""
        loop = asyncio.get_running_loop()
        lease_s = self._turn.settings.lease_s
        renewed_at = loop.time()
        while loop.time() - renewed_at < lease_s:
            await asyncio.sleep(lease_s / BEATS_PER_LEASE)
            try:
                asked_at = loop.time()
                if not await self._turn.renew(claim):
                    return
                renewed_at = asked_at
            except Exception:  # tried again until the lease has run out
                log.exception("turns.renew_failed", conversation_id=claim.conversation_id)


async def _cancelled(*tasks: asyncio.Task[bool] | asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
