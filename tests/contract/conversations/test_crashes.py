"""The process killed at every point of its work: nothing is lost, nothing doubled."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from conversations.events import ConversationEvent
from conversations.inbound import Channel, InboundMessage, Sender
from conversations.messages import MessageState
from conversations.turn import TurnSettings
from core.clock import FrozenClock
from core.database import Database
from core.errors import EngineError
from core.ids import ConversationId, new_id
from tests.unit.conversations.fakes import (
    CrashingDatabase,
    CrashPoints,
    FakeAssistant,
    FakeCustomers,
    FakeDelivery,
    FakeProvider,
    House,
    Killed,
    answer,
    handoff_reply,
    inbound,
)

MOST_POINTS = 400
LATER_S = 1_000.0


class World:
    """What outlives a crash of the server: the database, the engine's memory, the provider, the time."""

    def __init__(self, database: Database, *, knows_idempotency: bool = True) -> None:
        self.database = database
        self.clock = FrozenClock()
        self.replies: dict[str, object] = {}
        self.provider = FakeProvider(knows_idempotency=knows_idempotency)
        self.n_runs = 0

    def start(self, points: CrashPoints) -> House:
        """Start a server that dies at one of the points."""
        self.clock.advance(LATER_S)
        assistant = FakeAssistant(points)
        assistant.replies = self.replies  # type: ignore[assignment]
        return House(
            CrashingDatabase(self.database, points),
            clock=self.clock,
            assistant=assistant,
            customers=FakeCustomers(),
            delivery=FakeDelivery(self.provider, points),
            settings=TurnSettings(max_attempts=1_000),
        )


Work = Callable[[House, InboundMessage], Awaitable[None]]


async def nothing(_house: House, _message: InboundMessage) -> None:
    """Prepare nothing."""


async def kill_at_every_point(world: World, work: Work, check: Work, *, prepare: Work = nothing) -> int:
    """Do the work once for each point it passes, killed there, started again on the same database, and checked.

    Returns:
        How many points there were.
    """
    for fatal in range(1, MOST_POINTS):
        message = inbound(
            "你好",
            external_id=new_id(),
            conversation_key=new_id(),
            channel=Channel.WECHAT,
            sender=Sender("openid", "o-1"),
        )
        await prepare(world.start(CrashPoints()), message)
        points = CrashPoints(fatal)
        with contextlib.suppress(Killed):
            await work(world.start(points), message)
        survivor = world.start(CrashPoints())
        await work(survivor, message)
        await check(survivor, message)
        if not points.is_dead:
            return fatal - 1
    pytest.fail(f"More than {MOST_POINTS} points.")


async def log_of(house: House, message: InboundMessage) -> list[ConversationEvent]:
    conversation = await house.service.find_by_key(message.channel, message.account, message.conversation_key)
    assert conversation is not None
    events = await house.events(ConversationId(conversation.id))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert conversation.last_seq == len(events)
    assert conversation.next_turn_at is None
    return events


def said(events: list[ConversationEvent]) -> Counter[str]:
    return Counter(
        f"{event.data['author']['kind']}: {event.data['text']}" for event in events if event.type == "message"
    )


async def accept_and_answer(house: House, message: InboundMessage) -> None:
    await house.inbox.accept(message)  # a provider that got no 200 delivers again
    await house.turns.run_due()


async def test_a_turn_killed_anywhere_answers_each_message_once(database: Database) -> None:
    world = World(database)

    async def check(house: House, message: InboundMessage) -> None:
        events = await log_of(house, message)
        assert said(events) == {"customer: 你好": 1, "bot: re: 你好": 1}
        assert [event.type.value for event in events].count("understood") == 1

    n_points = await kill_at_every_point(world, accept_and_answer, check)

    assert n_points > 20


async def test_a_handover_killed_anywhere_is_made_once(database: Database) -> None:
    world = World(database)
    reply_of = handoff_reply

    async def work(house: House, message: InboundMessage) -> None:
        house.assistant.reply = reply_of
        await accept_and_answer(house, message)

    async def check(house: House, message: InboundMessage) -> None:
        events = await log_of(house, message)
        kinds = Counter(event.type.value for event in events)
        assert (kinds["handoff_opened"], kinds["owner_changed"]) == (1, 1)
        assert sum(said(events).values()) == 3

    assert await kill_at_every_point(world, work, check) > 20


async def test_an_admitted_failure_killed_anywhere_is_told_once(database: Database) -> None:
    world = World(database)

    def fail(_request: object) -> object:
        raise EngineError("down", code="engine_unavailable")

    async def work(house: House, message: InboundMessage) -> None:
        house.assistant.reply = fail  # type: ignore[assignment]
        await accept_and_answer(house, message)

    async def check(house: House, message: InboundMessage) -> None:
        events = await log_of(house, message)
        assert [event.data["notice"] for event in events if "notice" in event.data] == ["assistant_unavailable"]
        assert sum(said(events).values()) == 2

    assert await kill_at_every_point(world, work, check) > 20


async def queue_two(house: House, message: InboundMessage) -> None:
    house.assistant.reply = lambda request: answer(request, "一", "二")
    await accept_and_answer(house, message)


async def send(house: House, _message: InboundMessage) -> None:
    await house.outbox.send_due()


async def test_the_outbox_killed_anywhere_shows_each_message_once_where_the_provider_knows_it(
    database: Database,
) -> None:
    world = World(database, knows_idempotency=True)

    async def check(house: House, message: InboundMessage) -> None:
        events = await log_of(house, message)
        assert states(events) == {"sent": 2}
        assert shown_to(world, events) == ["一", "二"]

    assert await kill_at_every_point(world, send, check, prepare=queue_two) > 20


async def test_the_outbox_killed_anywhere_never_sends_twice_where_the_provider_would_show_it_twice(
    database: Database,
) -> None:
    world = World(database, knows_idempotency=False)
    outcomes: Counter[str] = Counter()

    async def check(house: House, message: InboundMessage) -> None:
        events = await log_of(house, message)
        shown = shown_to(world, events)
        assert len(shown) == len(set(shown))
        assert set(states(events)) <= {"sent", "unknown"}
        assert sum(states(events).values()) == 2
        outcomes.update(states(events))

    assert await kill_at_every_point(world, send, check, prepare=queue_two) > 20
    assert outcomes["unknown"] > 0
    assert outcomes["sent"] > outcomes["unknown"]


def states(events: list[ConversationEvent]) -> Counter[str]:
    return Counter(event.data["state"] for event in events if event.type == "status")


def shown_to(world: World, events: list[ConversationEvent]) -> list[str]:
    ids = {event.data["message_id"] for event in events if event.type == "message"}
    return [message.content.text for message in world.provider.shown if message.id in ids]


async def test_a_crash_between_send_and_settle_is_shown_to_the_desk_only(database: Database) -> None:
    world = World(database, knows_idempotency=False)
    message = inbound("你好", channel=Channel.WECHAT, sender=Sender("openid", "o-1"))
    points = CrashPoints()
    house = world.start(points)
    await accept_and_answer(house, message)
    house.delivery.points = CrashPoints(fatal=2)  # the provider has it, and then we die
    with pytest.raises(Killed):
        await house.outbox.send_due()

    survivor = world.start(CrashPoints())
    await survivor.outbox.send_due()

    status = (await log_of(survivor, message))[-1]
    assert (status.type.value, status.audience.value) == ("status", "desk")
    assert status.data["state"] == MessageState.UNKNOWN
    assert len(world.provider.shown) == 1
