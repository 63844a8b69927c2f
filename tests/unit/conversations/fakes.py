"""Stand-ins for the record's neighbours, a house built on them, and a way to kill it at any point."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.conversation import Conversation
from conversations.event_log import EventLog
from conversations.events import Audience, ConversationEvent
from conversations.hints import Hints
from conversations.inbound import Channel, InboundMessage, InboundType, Sender
from conversations.inbox import Inbox
from conversations.live import LiveEvents
from conversations.messages import Content, OutboundMessage
from conversations.outbox import Outbox, OutboxSettings
from conversations.owner import Owner
from conversations.protocols import (
    AssistantReply,
    AssistantRequest,
    DeliveryReceipt,
    Effect,
    HandoffOpened,
    HandoffRequest,
    Intent,
    ResolvedCustomer,
    Sentiment,
    Understanding,
)
from conversations.record import Record
from conversations.service import ConversationService
from conversations.turn import Turn, TurnSettings
from conversations.turns import TurnRunner
from core.bus import InProcessBus
from core.clock import FrozenClock
from core.database import Database
from core.ids import AgentId, ConversationId, CustomerId, HandoffId, new_id

LIN = AgentId("a" * 32)
WANG = AgentId("b" * 32)


class Killed(BaseException):
    """The process died here."""


class CrashPoints:
    """Counts the points a process passes and kills it at one of them; a dead process passes no further point."""

    def __init__(self, fatal: int | None = None) -> None:
        self.fatal = fatal
        self.n_passed = 0

    def hit(self) -> None:
        """Pass one point."""
        self.n_passed += 1
        if self.fatal is not None and self.n_passed >= self.fatal:
            raise Killed

    @property
    def is_dead(self) -> bool:
        """Whether the process was killed."""
        return self.fatal is not None and self.n_passed >= self.fatal


class CrashingDatabase:
    """A database whose every begin, statement and commit is a crash point; a crash rolls back, as a real one does."""

    def __init__(self, inner: Database, points: CrashPoints) -> None:
        self._inner = inner
        self._points = points
        self.dialect = inner.dialect

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[AsyncSession]:
        self._points.hit()
        async with self._inner.unit_of_work() as session:
            yield self._watched(session)
            self._points.hit()
        self._points.hit()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        self._points.hit()
        async with self._inner.read() as session:
            yield session

    def _watched(self, session: AsyncSession) -> AsyncSession:
        execute = session.execute

        async def watched(*args: Any, **kwargs: Any) -> Any:
            self._points.hit()
            return await execute(*args, **kwargs)

        session.execute = watched  # type: ignore[method-assign]
        return session


class FakeAssistant:
    """Answers each message id once and remembers it, as the engine does; counts turns of a conversation at once."""

    def __init__(self, points: CrashPoints | None = None) -> None:
        self.points = points or CrashPoints()
        self.asked: list[AssistantRequest] = []
        self.replies: dict[str, AssistantReply] = {}
        self.reply: Callable[[AssistantRequest], AssistantReply] = answer
        self.at_once: Counter[str] = Counter()
        self.most_at_once = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_asked = asyncio.Event()

    async def answer(self, request: AssistantRequest) -> AssistantReply:
        self.points.hit()
        self.asked.append(request)
        self.at_once[request.conversation_id] += 1
        self.most_at_once = max(self.most_at_once, self.at_once[request.conversation_id])
        self.is_asked.set()
        try:
            await asyncio.sleep(0)
            await self.may_answer.wait()
            if request.message_id not in self.replies:
                self.replies[request.message_id] = self.reply(request)
        finally:
            self.at_once[request.conversation_id] -= 1
        self.points.hit()
        return self.replies[request.message_id]


def answer(request: AssistantRequest, *texts: str, score: float = 0.0, **more: Any) -> AssistantReply:
    """Return a reply that says these texts (by default an echo)."""
    return AssistantReply(
        messages=[Content(text) for text in texts or (f"re: {request.text}",)],
        understanding=Understanding(
            text=request.text,
            intent=Intent("greet", 0.9),
            ranking=(Intent("greet", 0.9),),
            sentiment=Sentiment("neutral", score),
            language="zh",
        ),
        effects=more.get("effects", ()),
        model_id="model-1",
    )


def handoff_reply(request: AssistantRequest) -> AssistantReply:
    """Return a reply that asks for people."""
    effect = Effect("handoff", {"reason": "customer_asked", "evidence": "人工"})
    return answer(request, "I will find somebody.", effects=(effect,))


class FakeCustomers:
    """Knows every sender under an id made from its address; users are verified."""

    def __init__(self) -> None:
        self.n_resolved = 0
        self.profile: dict[str, Any] = {}

    async def resolve(self, session: AsyncSession, sender: Sender, channel: Channel, account: str) -> ResolvedCustomer:
        self.n_resolved += 1
        customer_id = CustomerId(hashlib.sha256(f"{sender.kind}:{sender.id}".encode()).hexdigest()[:32])
        return ResolvedCustomer(customer_id, sender.claims.get("name"), verified=sender.kind == "user")

    async def summary(self, customer_id: CustomerId) -> dict[str, Any]:
        return {"customer_id": customer_id, **self.profile}


class FakeDesk:
    """Wants every very angry customer; a queue that counts."""

    def __init__(self) -> None:
        self.opened: list[HandoffRequest] = []
        self.recent: list[Sequence[Understanding]] = []
        self.error: Exception | None = None
        self.is_loop = False
        self.instead_of_reply = False

    def wants_handoff(self, understanding: Understanding, recent: Sequence[Understanding]) -> HandoffRequest | None:
        self.recent.append(recent)
        angry = understanding.sentiment is not None and understanding.sentiment.score < -0.9
        request = HandoffRequest("negative_mood", "rule", "-0.9", instead_of_reply=self.instead_of_reply)
        return request if angry else None

    async def allows(self, session: AsyncSession, conversation: Conversation, request: HandoffRequest) -> bool:
        return not self.is_loop

    async def open_handoff(
        self, session: AsyncSession, conversation: Conversation, request: HandoffRequest
    ) -> HandoffOpened:
        if self.error is not None:
            raise self.error
        self.opened.append(request)
        return HandoffOpened(HandoffId(new_id()), position=2)


class FakeProvider:
    """The company behind a channel: it has a memory that survives our crashes."""

    def __init__(self, *, knows_idempotency: bool) -> None:
        self.knows_idempotency = knows_idempotency
        self.shown: list[OutboundMessage] = []

    def take(self, message: OutboundMessage) -> None:
        """Show a message to the customer, unless it is known to be a repetition."""
        if self.knows_idempotency and any(seen.id == message.id for seen in self.shown):
            return
        self.shown.append(message)


class FakeDelivery:
    """Delivers WeChat messages to a fake provider; `errors` are raised first, one a call."""

    channel = Channel.WECHAT

    def __init__(self, provider: FakeProvider, points: CrashPoints | None = None) -> None:
        self.provider = provider
        self.is_idempotent = provider.knows_idempotency
        self.points = points or CrashPoints()
        self.errors: list[Exception] = []
        self.n_calls = 0

    async def deliver(self, message: OutboundMessage) -> DeliveryReceipt:
        self.n_calls += 1
        self.points.hit()
        if self.errors:
            raise self.errors.pop(0)
        self.provider.take(message)
        self.points.hit()
        return DeliveryReceipt(f"p-{message.id}")


@dataclass
class House:
    """The record, joined on one database; build a second one on the same database to be a second replica."""

    database: Any
    clock: FrozenClock = field(default_factory=FrozenClock)
    points: CrashPoints = field(default_factory=CrashPoints)
    assistant: FakeAssistant = field(default_factory=FakeAssistant)
    customers: FakeCustomers = field(default_factory=FakeCustomers)
    desk: FakeDesk = field(default_factory=FakeDesk)
    delivery: FakeDelivery = field(default_factory=lambda: FakeDelivery(FakeProvider(knows_idempotency=True)))
    settings: TurnSettings = field(default_factory=TurnSettings)
    outbox_settings: OutboxSettings = field(default_factory=OutboxSettings)
    bus: InProcessBus = field(default_factory=InProcessBus)

    def __post_init__(self) -> None:
        self.hints = Hints(self.bus)
        self.record = Record(self.clock, self.hints)
        self.live = LiveEvents(self.database, self.bus, recheck_s=0.2)
        self.service = ConversationService(self.database, self.record, self.live)
        self.turn = Turn(
            database=self.database,
            clock=self.clock,
            record=self.record,
            conversations=self.service,
            assistant=self.assistant,
            customers=self.customers,
            desk=self.desk,
            settings=self.settings,
        )
        self.turns = TurnRunner(self.turn, database=self.database, clock=self.clock, sweep_s=0.05)
        self.inbox = Inbox(database=self.database, record=self.record, turns=self.turns, clock=self.clock)
        self.outbox = Outbox(
            database=self.database,
            bus=self.bus,
            clock=self.clock,
            record=self.record,
            deliveries=[self.delivery],
            settings=self.outbox_settings,
            jitter=lambda: 0.0,
        )

    async def events(self, conversation_id: ConversationId) -> list[ConversationEvent]:
        """Return the whole log of a conversation."""
        async with self.database.read() as session:
            return await EventLog(session).list_after(conversation_id, 0, 100_000, Audience.DESK)

    async def shape(self, conversation_id: ConversationId) -> list[str]:
        """Return the log as short words, for comparison."""
        return [shape_of(event) for event in await self.events(conversation_id)]

    async def to_queue(self, conversation_id: ConversationId) -> int:
        """Pass a bot's conversation to the queue; return the token."""
        token = (await self.service.get(conversation_id)).token
        async with self.database.unit_of_work() as session:
            return await self.service.change_owner(session, conversation_id, token, Owner.QUEUE, "test")

    async def to_agent(self, conversation_id: ConversationId, agent_id: AgentId = LIN, name: str = "小林") -> int:
        """Pass a conversation over the queue to an agent; return the token."""
        conversation = await self.service.get(conversation_id)
        token = conversation.token
        if conversation.owner != Owner.QUEUE:
            token = await self.to_queue(conversation_id)
        async with self.database.unit_of_work() as session:
            return await self.service.assign_agent(
                session, conversation_id, seen_token=token, agent_id=agent_id, agent_name=name
            )


def shape_of(event: ConversationEvent) -> str:
    """Return an event in short words: who said what, or what happened."""
    data = event.data
    if event.type == "message":
        late = " (late)" if data["state"] == "dropped_late" else ""
        said = data.get("notice") or data["text"]
        return f"{data['author']['kind']}: {said}{late}"
    if event.type == "owner_changed":
        return f"{data['from'].partition(':')[0]} -> {data['to'].partition(':')[0]}"
    return event.type.value


def inbound(text: str = "你好", **changes: Any) -> InboundMessage:
    """Return a customer's message; every part may be given."""
    values: Mapping[str, Any] = {
        "channel": Channel.WEB,
        "account": "shop",
        "external_id": new_id(),
        "conversation_key": "visitor-1",
        "sender": Sender("visitor", changes.get("conversation_key", "visitor-1")),
        "text": text,
        "occurred_at": FrozenClock().now(),
        "type": InboundType.TEXT,
        **changes,
    }
    return InboundMessage(**values)
