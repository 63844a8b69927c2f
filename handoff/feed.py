"""Tells every open desk of this process which conversations changed: one reader of the database for all of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from conversations.conversation import Conversation
from conversations.hints import DESK_TOPIC
from conversations.service import ConversationService
from core.bus import Bus
from core.clock import Clock
from core.database import Database
from core.ids import AgentId, ConversationId
from core.logs import get_logger
from handoff.desk_rows import DeskRows

log = get_logger(__name__)

RECHECK_S = 5.0
COUNTS_EVERY_S = 1.0
RETRY_S = 1.0
CLOCKS_MAY_DIFFER = timedelta(seconds=10)
MOST_AT_ONCE = 500


class Desk(Protocol):
    """One open desk."""

    @property
    def agent_id(self) -> AgentId:
        """Say whose desk it is."""
        ...

    def show_row(self, conversation: Conversation) -> None:
        """Show a conversation as it is now, and what happened in it when it is watched."""
        ...

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Show how many conversations each view has."""
        ...


class DeskFeed:
    """Reads changed conversations once and shows them to all desks.

    A hint on the bus only makes it look sooner; every few seconds it looks anyway for what changed since.
    """

    def __init__(
        self,
        *,
        database: Database,
        conversations: ConversationService,
        bus: Bus,
        clock: Clock,
        recheck_s: float = RECHECK_S,
        counts_every_s: float = COUNTS_EVERY_S,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._bus = bus
        self._clock = clock
        self._recheck_s = recheck_s
        self._counts_every_s = counts_every_s
        self._desks: set[Desk] = set()
        self._changed: set[ConversationId] = set()
        self._shown: dict[ConversationId, tuple[int, int]] = {}
        self._looked_at = clock.now()
        self._look = asyncio.Event()
        self._count = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen."""
        parts = (("listen", self._listen()), ("show", self._show()), ("count", self._show_counts()))
        self._tasks = [asyncio.create_task(part, name=f"desk-feed-{name}") for name, part in parts]

    async def stop(self) -> None:
        """Stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def join(self, desk: Desk) -> None:
        """Show a desk what changes from now on, and the counts soon."""
        if not self._desks:
            self._looked_at = self._clock.now()
        self._desks.add(desk)
        self._count.set()

    def leave(self, desk: Desk) -> None:
        """Show a desk nothing more."""
        self._desks.discard(desk)

    async def _listen(self) -> None:
        async with self._bus.subscribe(DESK_TOPIC) as hints:
            async for hint in hints:
                conversation_id = hint.payload.get("conversation_id")
                if self._desks and isinstance(conversation_id, str):
                    self._changed.add(ConversationId(conversation_id))
                    self._look.set()

    async def _show(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), self._recheck_s)
            recheck = not self._look.is_set()
            self._look.clear()
            if self._desks:
                try:
                    await self._show_changed(recheck=recheck)
                except Exception:  # the database may be away for a while; what changed is looked at again
                    log.exception("desk.feed_failed")
                    await asyncio.sleep(RETRY_S)
                    self._look.set()

    async def _show_changed(self, *, recheck: bool) -> None:
        changed, now = list(self._changed)[:MOST_AT_ONCE], self._clock.now()
        async with self._database.read() as session:
            rows = await DeskRows(session).list_by_id(changed)
            if recheck:
                since = self._looked_at - CLOCKS_MAY_DIFFER
                missed = await DeskRows(session).list_changed_since(since, MOST_AT_ONCE)
                rows += [row for row in missed if self._shown.get(row.id) != _version(row)]
                self._forget_old(missed, since)
                self._looked_at = now
        self._changed.difference_update(changed)
        if self._changed:
            self._look.set()
        for row in rows:
            self._shown[row.id] = _version(row)
            for desk in list(self._desks):
                desk.show_row(row)
        if rows:
            self._count.set()

    def _forget_old(self, recent: Iterable[Conversation], since: datetime) -> None:
        """Keep the versions of those rows only that the next look can find again."""
        keep = {row.id for row in recent if row.updated_at >= since}
        self._shown = {id_: version for id_, version in self._shown.items() if id_ in keep}

    async def _show_counts(self) -> None:
        while True:
            await self._count.wait()
            self._count.clear()
            try:
                await self._count_once()
            except Exception:  # the next change counts again
                log.exception("desk.counts_failed")
            await asyncio.sleep(self._counts_every_s)

    async def _count_once(self) -> None:
        desks = list(self._desks)
        if not desks:
            return
        shared = await self._conversations.count_for_desk(desks[0].agent_id)
        async with self._database.read() as session:
            own = await DeskRows(session).count_by_agent()
        for desk in desks:
            counts: dict[str, Any] = {**shared, "mine": own.get(desk.agent_id, 0)}
            desk.show_counts(counts)


def _version(row: Conversation) -> tuple[int, int]:
    return row.last_seq, row.token
