"""Any order of messages, answers, takeovers, hand-backs and crashes: only the owner is ever heard."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conversations.events import ConversationEvent, EventType, customer_view
from conversations.inbound import Accepted, Channel, InboundMessage, Sender
from conversations.messages import OutboundMessage
from conversations.owner import OwnerKind
from core.clock import FrozenClock
from core.database import Database
from core.errors import ConflictError, EngineError
from core.ids import AgentId, ConversationId, new_id
from tests.unit.conversations.fakes import (
    LIN,
    WANG,
    FakeAssistant,
    FakeDelivery,
    FakeProvider,
    House,
    answer,
    handoff_reply,
    inbound,
)

steps = st.one_of(
    st.tuples(st.just("customer"), st.sampled_from(["你好", "转人工", "坏了"])),
    st.tuples(st.just("repeat"), st.integers(0, 9)),
    st.tuples(st.sampled_from(["begin_turn", "end_turn", "crash", "send", "queue"]), st.none()),
    st.tuples(st.sampled_from(["take", "say", "hand_back", "close"]), st.sampled_from([LIN, WANG])),
)


def reply(request: Any) -> Any:
    if request.text == "坏了":
        raise EngineError("down", code="engine_failed")
    return handoff_reply(request) if request.text == "转人工" else answer(request, "一", "二")


@dataclass
class Story:
    """One conversation and those who meddle with it; agents show the token they saw last, old or not."""

    database: Database
    clock: FrozenClock = field(default_factory=FrozenClock)
    provider: FakeProvider = field(default_factory=lambda: FakeProvider(knows_idempotency=False))
    key: str = field(default_factory=new_id)
    messages: list[InboundMessage] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    tokens: dict[AgentId, int] = field(default_factory=dict)
    turn: asyncio.Task[int] | None = None

    def __post_init__(self) -> None:
        self.house = self._build()

    def _build(self) -> House:
        assistant = FakeAssistant()
        assistant.reply = reply
        return House(self.database, clock=self.clock, assistant=assistant, delivery=FakeDelivery(self.provider))

    @property
    def id(self) -> ConversationId:
        return self.accepted[0].conversation_id

    async def customer(self, text: str) -> None:
        message = inbound(text, channel=Channel.WECHAT, conversation_key=self.key, sender=Sender("openid", self.key))
        self.messages.append(message)
        self.accepted.append(await self.house.inbox.accept(message))

    async def repeat(self, number: int) -> None:
        place = number % len(self.messages)
        again = await self.house.inbox.accept(self.messages[place])
        assert (again.message_id, again.seq) == (self.accepted[place].message_id, self.accepted[place].seq)
        assert again.duplicate

    async def begin_turn(self, _: None) -> None:
        if self.turn is not None:
            return
        self.house.assistant.may_answer.clear()
        self.house.assistant.is_asked.clear()
        self.turn = asyncio.create_task(self.house.turns.run_due())
        asked = asyncio.create_task(self.house.assistant.is_asked.wait())
        await asyncio.wait({self.turn, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()

    async def end_turn(self, _: None) -> None:
        self.house.assistant.may_answer.set()
        if self.turn is not None:
            await self.turn
        self.turn = None

    async def crash(self, _: None) -> None:
        """Start anew while the old process hangs; what it wakes up to say comes too late."""
        old, turn, self.turn = self.house, self.turn, None
        self.clock.advance(1_000)
        self.house = self._build()
        await self.house.turns.run_due()
        old.assistant.may_answer.set()
        if turn is not None:
            await turn

    async def send(self, _: None) -> None:
        events = await self.house.events(self.id)
        n_shown = len(self.provider.shown)
        await self.house.outbox.send_due()
        for message in self.provider.shown[n_shown:]:
            check_may_be_heard(message, events)

    async def queue(self, _: None) -> None:
        if (await self.house.service.get(self.id)).owner.kind is OwnerKind.BOT:
            await self.house.to_queue(self.id)

    async def take(self, agent_id: AgentId) -> None:
        conversation = await self.house.service.get(self.id)
        if conversation.owner.kind not in {OwnerKind.QUEUE, OwnerKind.AGENT}:
            return
        async with self.database.unit_of_work() as session:
            with contextlib.suppress(ConflictError):  # one's own already
                self.tokens[agent_id] = await self.house.service.assign_agent(
                    session, self.id, seen_token=conversation.token, agent_id=agent_id, agent_name=agent_id[0]
                )

    async def say(self, agent_id: AgentId) -> None:
        async with self.database.unit_of_work() as session:
            with contextlib.suppress(ConflictError):
                await self.house.service.say_as_agent(
                    session,
                    self.id,
                    agent_id=agent_id,
                    agent_name=agent_id[0],
                    seen_token=self.tokens.get(agent_id, 0),
                    client_msg_id=new_id(),
                    text="我来",
                )

    async def hand_back(self, agent_id: AgentId) -> None:
        async with self.database.unit_of_work() as session:
            with contextlib.suppress(ConflictError):
                await self.house.service.hand_back(session, self.id, seen_token=self.tokens.get(agent_id, 0))

    async def close(self, agent_id: AgentId) -> None:
        async with self.database.unit_of_work() as session:
            with contextlib.suppress(ConflictError):
                await self.house.service.close(session, self.id, seen_token=self.tokens.get(agent_id, 0))


def check_may_be_heard(message: OutboundMessage, events: list[ConversationEvent]) -> None:
    changes = [event for event in events if event.type is EventType.OWNER_CHANGED and event.seq > message.seq]
    if message.author.kind == "bot":
        assert [change.data["to"] for change in changes] in ([], ["queue"])  # its last words hand over
    if message.author.kind == "agent" and changes:
        now = changes[-1].data["to"]
        assert now in {"bot", "queue", "closed", f"agent:{message.author.id}"}


def check_log(story: Story, events: list[ConversationEvent]) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    owner, token = "bot", 1
    answered: Counter[str] = Counter()
    customers: list[str] = []
    for event in events:
        if event.type is EventType.OWNER_CHANGED:
            assert (event.data["from"], event.data["token"]) == (owner, token + 1)
            owner, token = event.data["to"], event.data["token"]
        if event.type is not EventType.MESSAGE:
            continue
        author = event.data["author"]
        if author["kind"] == "customer":
            customers.append(event.data["message_id"])
        if author["kind"] == "agent":
            assert owner == f"agent:{author['id']}"
        if author["kind"] == "bot" and event.data["state"] != "dropped_late":
            assert owner == "bot"
            answered[event.data["in_reply_to"]] += 1
        if event.data["state"] == "dropped_late":
            assert customer_view(event) is None
    assert customers == [one.message_id for one in story.accepted]
    for message, accepted in zip(story.messages, story.accepted, strict=True):
        assert answered[accepted.message_id] in {0, 1 if message.text == "转人工" else 2}
    assert [one for one in customers if answered[one]] == list(answered)


def check_sent(story: Story, events: list[ConversationEvent]) -> None:
    shown = [message.seq for message in story.provider.shown]
    assert shown == sorted(set(shown))
    ended = {event.data["message_id"]: event.data["state"] for event in events if event.type is EventType.STATUS}
    assert {message.id for message in story.provider.shown} == {
        message_id for message_id, state in ended.items() if state == "sent"
    }
    assert set(ended.values()) <= {"sent", "dropped_late"}


@given(st.lists(steps, max_size=25))
@example([("begin_turn", None), ("crash", None)])
@example([("begin_turn", None), ("queue", None), ("take", LIN), ("say", LIN), ("end_turn", None), ("hand_back", LIN)])
@example([("begin_turn", None), ("end_turn", None), ("queue", None), ("take", LIN), ("send", None)])
@example([("queue", None), ("take", LIN), ("say", LIN), ("take", WANG), ("say", LIN), ("close", LIN)])
@example([("queue", None), ("take", LIN), ("say", LIN), ("close", LIN), ("customer", "转人工"), ("send", None)])
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_in_any_order_only_the_owner_is_heard_and_each_message_answered_once(
    database: Database, plan: list[tuple[str, Any]]
) -> None:
    story = Story(database)
    await story.customer("你好")

    for name, argument in plan:
        await getattr(story, name)(argument)
    await story.end_turn(None)
    await story.house.turns.run_due()
    await story.send(None)

    events = await story.house.events(story.id)
    check_log(story, events)
    check_sent(story, events)
    assert (await story.house.service.get(story.id)).next_turn_at is None


@pytest.mark.parametrize("n_rounds", [30])
async def test_a_takeover_at_the_same_moment_as_a_reply_never_lets_both_speak(
    database: Database, n_rounds: int
) -> None:
    for _ in range(n_rounds):
        story = Story(database)
        await story.customer("你好")
        token = await story.house.to_queue(story.id)
        async with database.unit_of_work() as session:
            token = await story.house.service.assign_agent(
                session, story.id, seen_token=token, agent_id=LIN, agent_name="小林"
            )
        async with database.unit_of_work() as session:
            await story.house.service.hand_back(session, story.id, seen_token=token)

        await asyncio.gather(story.house.turns.run_due(), story.queue(None), story.house.outbox.send_due())
        await story.house.outbox.send_due()

        events = await story.house.events(story.id)
        check_log(story, events)
        check_sent(story, events)
