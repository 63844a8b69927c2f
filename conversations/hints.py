"""Says, once a transaction is committed, which conversations to look at again.

Whoever writes to a conversation notes it here, in whatever transaction it is; nobody has to remember to publish.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from core.bus import Bus
from core.ids import ConversationId

DESK_TOPIC = "desk"
OUTBOX_TOPIC = "outbox"
_NOTED = "conversations.hints"


def conversation_topic(conversation_id: str) -> str:
    """Return the bus topic of one conversation; payload {seq}."""
    return f"conversation:{conversation_id}"


@dataclass(frozen=True, slots=True)
class _Hint:
    seq: int
    outbox: bool


class Hints:
    """Collects hints during a transaction and publishes them after its commit; a rollback forgets them.

    Topics: `conversation:<id>` {seq}, `desk` {conversation_id, seq}, `outbox` {}. A hint is never the truth.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._publishing: set[asyncio.Task[None]] = set()

    def note(self, session: AsyncSession, conversation_id: ConversationId, seq: int, *, outbox: bool = False) -> None:
        """Publish after this session's commit that the conversation now reaches `seq`."""
        noted: dict[ConversationId, _Hint] | None = session.info.get(_NOTED)
        if noted is None:
            noted = session.info[_NOTED] = {}
            event.listen(session.sync_session, "after_commit", self._committed)
            event.listen(session.sync_session, "after_rollback", _forget)
        before = noted.get(conversation_id)
        noted[conversation_id] = _Hint(seq, outbox or (before is not None and before.outbox))

    def _committed(self, session: Session) -> None:
        if session.in_nested_transaction():  # a savepoint's end; nobody else can see its rows yet
            return
        noted = dict(session.info.get(_NOTED, {}))
        _forget(session)
        if noted:
            task = asyncio.get_running_loop().create_task(self._publish(noted), name="conversation-hints")
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)

    async def _publish(self, noted: dict[ConversationId, _Hint]) -> None:
        for conversation_id, hint in noted.items():
            await self._bus.publish(conversation_topic(conversation_id), {"seq": hint.seq})
            await self._bus.publish(DESK_TOPIC, {"conversation_id": conversation_id, "seq": hint.seq})
        if any(hint.outbox for hint in noted.values()):
            await self._bus.publish(OUTBOX_TOPIC, {})

    async def published(self) -> None:
        """Wait until what is committed so far has been published."""
        while self._publishing:
            await asyncio.gather(*self._publishing)


def _forget(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.get(_NOTED, {}).clear()
