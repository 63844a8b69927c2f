"""Live updates: hints after the commit, and readers who miss nothing even without them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conversations.events import Audience, EventType
from conversations.inbound import Channel
from core.bus import BusMessage, InProcessBus
from core.database import Database
from tests.unit.conversations.fakes import LIN, House, inbound


async def heard(house: House, *topics: str, n: int) -> list[BusMessage]:
    async with house.bus.subscribe(*topics) as hints:
        return [await anext(hints) for _ in range(n)]


async def test_a_commit_is_hinted_to_the_conversation_and_the_desk(database: Database) -> None:
    house = House(database)
    listening = asyncio.create_task(heard(house, "conversation:*", "desk", n=2))
    await asyncio.sleep(0)

    accepted = await house.inbox.accept(inbound())

    hints = await listening
    assert hints == [
        BusMessage(f"conversation:{accepted.conversation_id}", {"seq": 1}),
        BusMessage("desk", {"conversation_id": accepted.conversation_id, "seq": 1}),
    ]


async def test_a_rollback_is_not_hinted_and_a_savepoint_only_with_the_whole(database: Database) -> None:
    house = House(database)
    conversation_id = (await house.inbox.accept(inbound())).conversation_id
    await house.hints.published()
    said: list[str] = []
    house.bus.publish = record_into(said)  # type: ignore[method-assign]

    with pytest.raises(RuntimeError, match="undo"):
        async with database.unit_of_work() as session:
            await house.service.append_event(session, conversation_id, EventType.QUEUE_POSITION, {"position": 1})
            raise RuntimeError("undo")
    async with database.unit_of_work() as session:
        async with session.begin_nested():
            await house.service.append_event(session, conversation_id, EventType.QUEUE_POSITION, {"position": 1})
        await house.hints.published()
        assert said == []
    await house.hints.published()

    assert said == [f"conversation:{conversation_id}", "desk"]


def record_into(said: list[str]) -> Any:
    async def publish(topic: str, payload: object) -> None:
        said.append(topic)

    return publish


async def test_waiting_ends_with_the_next_event(database: Database) -> None:
    house = House(database)
    conversation_id = (await house.inbox.accept(inbound("一"))).conversation_id
    waiting = asyncio.create_task(house.service.wait_for_events(conversation_id, 1, wait_s=30))
    await asyncio.sleep(0.05)

    await house.inbox.accept(inbound("二"))

    assert [event.data["text"] for event in await waiting] == ["二"]


async def test_waiting_ends_without_an_event_when_its_time_is_over(database: Database) -> None:
    house = House(database)
    conversation_id = (await house.inbox.accept(inbound("一"))).conversation_id

    assert await house.service.wait_for_events(conversation_id, 1, wait_s=0.05) == []


async def test_an_event_of_another_replica_without_a_bus_is_found_all_the_same(database: Database) -> None:
    house = House(database)
    other = House(database, bus=InProcessBus())
    conversation_id = (await house.inbox.accept(inbound("一"))).conversation_id
    waiting = asyncio.create_task(house.service.wait_for_events(conversation_id, 1, wait_s=30))
    await asyncio.sleep(0.05)

    await other.inbox.accept(inbound("二"))

    assert [event.data["text"] for event in await waiting] == ["二"]


async def test_a_customers_reader_is_not_given_desk_events(database: Database) -> None:
    house = House(database)
    conversation_id = (await house.inbox.accept(inbound("一"))).conversation_id
    async with database.unit_of_work() as session:
        await house.service.add_note(session, conversation_id, agent_id=LIN, agent_name="小林", text="难缠")
    await house.turns.run_due()

    seen = await house.service.events_after(conversation_id, audience=Audience.EVERYONE)

    assert [event.type.value for event in seen] == ["message", "message"]
    assert [event.seq for event in seen] == [1, 5]


async def test_pages_of_events_join_without_gap_or_repetition(database: Database) -> None:
    house = House(database)
    for number in range(7):
        conversation_id = (await house.inbox.accept(inbound(str(number)))).conversation_id

    pages = [await house.service.events_after(conversation_id, after, limit=3) for after in (0, 3, 6)]

    assert [[event.seq for event in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7]]


async def test_a_conversation_is_found_by_its_address(database: Database) -> None:
    house = House(database)
    accepted = await house.inbox.accept(inbound(conversation_key="v-9"))

    found = await house.service.find_by_key(Channel.WEB, "shop", "v-9")

    assert found is not None
    assert found.id == accepted.conversation_id
    assert await house.service.find_by_key(Channel.WEB, "other", "v-9") is None
