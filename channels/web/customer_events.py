"""The customer's side of the record: their one conversation, and of its log what they may see."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from channels.web.tokens import Visitor
from conversations.conversation import Conversation
from conversations.events import Audience, customer_view
from conversations.inbound import Channel
from conversations.service import ConversationService
from core.bus import Bus
from core.ids import ConversationId

RECHECK_S = 5.0


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, oldest first; `seq` is the number to go on from, `more` says that others wait already."""

    events: list[dict[str, Any]]
    seq: int
    more: bool
    conversation_id: ConversationId | None


class CustomerEvents:
    """Reads for one caller at a time; the conversation is always found by the caller's own key."""

    def __init__(self, conversations: ConversationService, bus: Bus, *, recheck_s: float = RECHECK_S) -> None:
        self._conversations = conversations
        self._bus = bus
        self._recheck_s = recheck_s

    async def find(self, visitor: Visitor) -> Conversation | None:
        """Return the caller's conversation, if they have said anything yet."""
        return await self._conversations.find_by_key(Channel.WEB, visitor.widget_id, visitor.conversation_key)

    async def announce_start(self, visitor: Visitor) -> None:
        """Tell the caller's other tabs that the conversation has begun."""
        await self._bus.publish(_start_topic(visitor), {})

    async def wait_for_start(self, visitor: Visitor, wait_s: float) -> Conversation | None:
        """Return the caller's conversation, waiting for its first message."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            async with self._bus.subscribe(_start_topic(visitor)) as hints:
                conversation = await self.find(visitor)
                remaining = deadline - loop.time()
                if conversation is not None or remaining <= 0:
                    return conversation
                with contextlib.suppress(TimeoutError):  # a hint may be lost: look again now and then
                    async with asyncio.timeout(min(remaining, self._recheck_s)):
                        await anext(hints)

    async def after(self, visitor: Visitor, *, after: int, limit: int, wait_s: float) -> Page:
        """Return what the caller may see above `after`, waiting up to `wait_s` for the first of it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        conversation = await self.wait_for_start(visitor, wait_s)
        if conversation is None:
            return Page([], after, False, None)
        while True:
            found = await self._conversations.wait_for_events(
                conversation.id,
                after,
                wait_s=max(0.0, deadline - loop.time()),
                limit=limit,
                audience=Audience.EVERYONE,
            )
            seen = [view for view in map(customer_view, found) if view is not None]
            if seen or not found:
                return Page(seen, found[-1].seq if found else after, len(found) == limit, conversation.id)
            after = found[-1].seq


def _start_topic(visitor: Visitor) -> str:
    return f"web-start:{visitor.widget_id}:{visitor.conversation_key}"
