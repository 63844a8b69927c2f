"""The desk's list: views, search, pages, counts."""

from __future__ import annotations

import pytest

from core.database import Database
from core.errors import InvalidInputError
from core.ids import ConversationId
from tests.unit.conversations.fakes import LIN, WANG, House, inbound


async def start(house: House, key: str, text: str = "你好") -> ConversationId:
    house.clock.advance(1)
    return (await house.inbox.accept(inbound(text, conversation_key=key))).conversation_id


async def ids(house: House, view: str, **more: object) -> list[str]:
    page = await house.service.list_for_desk(view, LIN, **more)  # type: ignore[arg-type]
    return [item.id for item in page.items]


async def test_each_view_has_its_conversations_and_all_are_counted(database: Database) -> None:
    house = House(database)
    bots, queued, mine, others, closed = [await start(house, f"v-{number}") for number in range(5)]
    await house.to_queue(queued)
    await house.to_agent(mine, LIN)
    await house.to_agent(others, WANG)
    async with database.unit_of_work() as session:
        await house.service.close(session, closed, seen_token=1)

    assert await ids(house, "bot") == [bots]
    assert await ids(house, "queue") == [queued]
    assert await ids(house, "mine") == [mine]
    assert await ids(house, "closed") == [closed]
    assert set(await ids(house, "all")) == {bots, queued, mine, others, closed}
    page = await house.service.list_for_desk("mine", LIN)
    assert page.counts == {"queue": 1, "mine": 1, "bot": 1, "closed": 1, "all": 5}
    assert page.counts == await house.service.count_for_desk(LIN)


async def test_the_queue_shows_first_who_waits_longest_and_other_views_what_changed_last(database: Database) -> None:
    house = House(database)
    conversations = [await start(house, f"v-{number}") for number in range(3)]
    assert await ids(house, "bot") == conversations[::-1]

    for conversation_id in reversed(conversations):
        house.clock.advance(1)
        await house.to_queue(conversation_id)
    await house.inbox.accept(inbound("还在等", conversation_key="v-2"))

    assert await ids(house, "queue") == conversations[::-1]


@pytest.mark.parametrize("view", ["all", "queue"])
async def test_pages_join_without_gap_or_repetition_also_at_equal_times(database: Database, view: str) -> None:
    house = House(database)
    for number in range(7):
        conversation_id = (await house.inbox.accept(inbound(conversation_key=f"v-{number}"))).conversation_id
        await house.to_queue(conversation_id)

    found: list[str] = []
    cursor = None
    for _ in range(4):
        page = await house.service.list_for_desk(view, LIN, cursor=cursor, limit=2)
        found += [item.id for item in page.items]
        cursor = page.next_cursor

    assert len(found) == len(set(found)) == 7
    assert cursor is None


async def test_search_looks_into_name_last_message_and_id_literally(database: Database) -> None:
    house = House(database)
    house.customers.profile = {"name": "Zhang San"}
    first = await start(house, "v-1", "优惠 100% 吗")
    await house.turns.run_due()
    house.customers.profile = {}
    second = await start(house, "v-2", "我的包裹在哪")

    assert await ids(house, "all", search="zhang") == [first]
    assert await ids(house, "all", search="包裹") == [second]
    assert await ids(house, "all", search=second) == [second]
    assert await ids(house, "all", search="%") == [first]
    assert await ids(house, "bot", search="nobody") == []


async def test_an_unknown_view_and_a_made_up_cursor_are_refused(database: Database) -> None:
    house = House(database)

    with pytest.raises(InvalidInputError, match="There is no view 'spam'; there are queue, mine, bot, closed, all"):
        await house.service.list_for_desk("spam", LIN)
    for cursor in ("x", "bm90anNvbg", "WzEsMl0", "W10"):
        with pytest.raises(InvalidInputError, match="not one the list gave out"):
            await house.service.list_for_desk("all", LIN, cursor=cursor)
