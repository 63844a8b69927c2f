"""Sends what is queued: in order within a conversation, only while its author may still speak, never twice unknowingly.

A message is claimed and checked against the conversation's owner in one transaction, sent outside any, and settled
in another. What a dead worker left in `sending` is sent again where the provider knows idempotency, and shown to
the desk as `unknown` where it does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.event_log import EventLog
from conversations.events import Audience, EventType
from conversations.hints import OUTBOX_TOPIC
from conversations.inbound import Channel
from conversations.message_repository import MessageRepository
from conversations.messages import MessageState, OutboundMessage
from conversations.outbox_repository import Candidate, OutboxRepository
from conversations.owner import OwnerKind
from conversations.protocols import Delivery
from conversations.record import EventDraft, Record
from core.bus import Bus
from core.clock import Clock
from core.database import Database
from core.errors import ProviderError
from core.ids import OutboxId, new_id
from core.logs import get_logger
from core.metrics import Metrics

log = get_logger(__name__)

OUTCOME_UNKNOWN = "outcome_unknown"
MAX_REASON_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """How often and how patiently messages are sent, in seconds.

    A try may take `timeout_s`; after `max_attempts` refused ones the message is a dead letter (`failed`).
    """

    poll_s: float = 1.0
    concurrent: int = 16
    timeout_s: float = 60.0
    max_attempts: int = 12
    max_backoff_s: float = 60.0
    stop_grace_s: float = 5.0


@dataclass(frozen=True, slots=True)
class _Claimed:
    message: OutboundMessage
    holder: str


class Outbox:
    """A worker that delivers through each channel's Delivery; any number of replicas may run one."""

    def __init__(
        self,
        *,
        database: Database,
        bus: Bus,
        clock: Clock,
        record: Record,
        deliveries: Sequence[Delivery],
        settings: OutboxSettings | None = None,
        metrics: Metrics | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._record = record
        self._deliveries = {delivery.channel: delivery for delivery in deliveries}
        self._channels: list[Channel] = sorted(self._deliveries)
        self._settings = settings or OutboxSettings()
        self._metrics = metrics
        self._jitter = jitter
        self._tasks: list[asyncio.Task[None]] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Begin to send; without a channel to send on there is nothing to begin."""
        if not self._channels:
            return
        self._tasks = [
            asyncio.create_task(self._listen(), name="outbox-hints"),
            asyncio.create_task(self._work(), name="outbox"),
        ]

    async def stop(self) -> None:
        """Claim no more and give what is under way a moment; the rest is found by its lease."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=self._settings.stop_grace_s)
        for task in list(self._in_flight):
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)

    async def send_due(self) -> int:
        """Send every message that is due now, conversations side by side; return how many were tried."""
        n_tried = 0
        await self._recover()
        while claimed := await self._claim(self._settings.concurrent):
            await asyncio.gather(*(self._send(one) for one in claimed))
            n_tried += len(claimed)
        return n_tried

    async def _listen(self) -> None:
        async with self._bus.subscribe(OUTBOX_TOPIC) as hints:
            async for _ in hints:
                self._wake.set()

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                if await self._has_work():
                    await self._recover()
                    for claimed in await self._claim(self._settings.concurrent - len(self._in_flight)):
                        self._begin(claimed)
            except Exception:  # the database may be away for a while
                log.exception("outbox.failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.poll_s):
                    await self._wake.wait()

    def _begin(self, claimed: _Claimed) -> None:
        task = asyncio.create_task(self._send_or_log(claimed), name=f"outbox-{claimed.message.id}")
        self._in_flight.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._wake.set()

    async def _send_or_log(self, claimed: _Claimed) -> None:
        try:
            await self._send(claimed)
        except Exception:  # what became of it could not be written; its lease will run out
            log.exception("outbox.not_settled", message_id=claimed.message.id)

    async def _has_work(self) -> bool:
        """Look before taking the write lock: an idle outbox only reads."""
        if len(self._in_flight) >= self._settings.concurrent:
            return False
        async with self._database.read() as session:
            return await OutboxRepository(session).has_work(self._channels, self._clock.now())

    async def _claim(self, limit: int) -> list[_Claimed]:
        """Lease the next messages; drop those whose author has lost the word."""
        now = self._clock.now()
        holder = new_id()
        until = now + timedelta(seconds=2 * self._settings.timeout_s)
        while True:
            async with self._database.unit_of_work() as session:
                outbox = OutboxRepository(session)
                candidates = await outbox.lock_due(self._channels, now, limit)
                allowed = [one for one in candidates if _may_leave(one)]
                for candidate in candidates:
                    if not _may_leave(candidate):
                        await self._drop_late(session, candidate)
                await outbox.mark_sending([one.message.outbox_id for one in allowed], holder, until)
            if allowed or not candidates:
                return [_Claimed(one.message, holder) for one in allowed]

    async def _send(self, claimed: _Claimed) -> None:
        """Make one try and record what became of it."""
        message = claimed.message
        delivery = self._deliveries[message.channel]
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                receipt = await delivery.deliver(message)
        except ProviderError as error:
            await self._refused(claimed, delivery, error)
        except TimeoutError:
            await self._unclear(claimed, delivery, "timeout")
        except Exception:  # a connector's bug must not stop the other messages
            log.exception("outbox.delivery_failed", message_id=message.id, channel=message.channel.value)
            await self._unclear(claimed, delivery, "internal")
        else:
            await self._settle(claimed, MessageState.SENT, provider_id=(receipt.provider_id or "")[:200] or None)

    async def _refused(self, claimed: _Claimed, delivery: Delivery, error: ProviderError) -> None:
        if error.code == OUTCOME_UNKNOWN:
            await self._unclear(claimed, delivery, error.code)
        elif error.retry_after_s is None:
            await self._settle(claimed, MessageState.FAILED, reason=error.code)
        else:
            await self._again(claimed, error.code, at_least_s=error.retry_after_s)

    async def _unclear(self, claimed: _Claimed, delivery: Delivery, reason: str) -> None:
        """The provider may have it: send again only where twice is seen as once."""
        if delivery.is_idempotent:
            await self._again(claimed, reason)
        else:
            await self._settle(claimed, MessageState.UNKNOWN, reason=reason)

    async def _again(self, claimed: _Claimed, reason: str, *, at_least_s: float = 0.0) -> None:
        attempt = claimed.message.attempt
        if attempt >= self._settings.max_attempts:
            await self._settle(claimed, MessageState.FAILED, reason=reason)
            return
        backoff_s = min(2.0 ** (attempt - 1), self._settings.max_backoff_s) * (1 + 0.25 * self._jitter())
        due_at = self._clock.now() + timedelta(seconds=max(backoff_s, at_least_s))
        async with self._database.unit_of_work() as session:
            outbox = OutboxRepository(session)
            await outbox.settle(
                claimed.message.outbox_id,
                MessageState.QUEUED,
                holder=claimed.holder,
                due_at=due_at,
                reason=reason[:MAX_REASON_CHARACTERS],
            )
        self._count(claimed.message.channel, "retried")

    async def _settle(self, claimed: _Claimed, state: MessageState, **values: Any) -> None:
        async with self._database.unit_of_work() as session:
            await self._write_end(session, claimed.message, state, claimed.holder, **values)
        if state is not MessageState.SENT:
            log.warning(
                "outbox.not_sent", message_id=claimed.message.id, state=state.value, reason=values.get("reason")
            )

    async def _write_end(
        self, session: AsyncSession, message: OutboundMessage, state: MessageState, holder: str | None, **values: Any
    ) -> None:
        """Write a final state to outbox, message and log, unless another worker was quicker."""
        if "reason" in values:
            values["reason"] = values["reason"][:MAX_REASON_CHARACTERS]
        data: dict[str, Any] = {"message_id": message.id, "state": state.value}
        if values.get("reason"):
            data["reason"] = values["reason"]
        audience = Audience.EVERYONE if state in {MessageState.SENT, MessageState.FAILED} else Audience.DESK
        drafts = [EventDraft(EventType.STATUS, data, audience)]
        now = self._clock.now()
        outbox = OutboxRepository(session)
        if not await outbox.settle(message.outbox_id, state, holder=holder, finished_at=now, **values):
            return
        await MessageRepository(session).set_state(message.id, state)
        await self._record.append(session, message.conversation_id, drafts)
        self._count(message.channel, state.value)

    async def _drop_late(self, session: AsyncSession, candidate: Candidate) -> None:
        message = candidate.message
        await EventLog(session).hide_from_customers(message.conversation_id, message.seq)
        await self._write_end(session, message, MessageState.DROPPED_LATE, None, reason="owner_changed")

    async def _recover(self) -> None:
        """Take up messages whose worker died while sending."""
        async with self._database.unit_of_work() as session:
            outbox = OutboxRepository(session)
            now = self._clock.now()
            for candidate in await outbox.lock_abandoned(self._channels, now, self._settings.concurrent):
                message = candidate.message
                delivery = self._deliveries[message.channel]
                if delivery.is_idempotent and _may_leave(candidate):
                    await outbox.settle(OutboxId(message.outbox_id), MessageState.QUEUED, holder=None, due_at=now)
                else:
                    await self._write_end(session, message, MessageState.UNKNOWN, None, reason="worker_lost")

    def _count(self, channel: Channel, outcome: str) -> None:
        if self._metrics is not None:
            self._metrics.outbox.labels(channel=channel.value, outcome=outcome).inc()


def _may_leave(candidate: Candidate) -> bool:
    """Say whether the message's author may still speak.

    A message with a token needs that token. An agent's last words may leave after the conversation went back to
    the bot, the queue or was closed, but not once another agent has it.
    """
    if candidate.fence_token is not None and candidate.fence_token != candidate.token:
        return False
    if candidate.fence_agent_id is None or candidate.owner.kind is not OwnerKind.AGENT:
        return True
    return candidate.owner.agent_id == candidate.fence_agent_id
