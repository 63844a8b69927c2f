"""Customers' messages: stored once, whatever is repeated."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from conversations.inbound import Accepted, InboundType, Sender
from conversations.models import ConversationRow, InboundRow, MessageRow
from core.database import Database
from core.errors import ConflictError, InvalidInputError
from tests.unit.conversations.fakes import House, inbound


async def count(database: Database, table: type) -> int:
    async with database.read() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def test_a_message_becomes_a_conversation_an_event_and_a_due_turn(database: Database) -> None:
    house = House(database)

    accepted = await house.inbox.accept(inbound("你好", metadata={"client_msg_id": "c-1"}, language_hint="en-GB"))

    (event,) = await house.events(accepted.conversation_id)
    assert (accepted.seq, accepted.duplicate) == (1, False)
    assert event.as_json() == {
        "seq": 1,
        "type": "message",
        "at": "2026-01-02T03:04:05.000Z",
        "data": {
            "message_id": accepted.message_id,
            "author": {"kind": "customer"},
            "kind": "text",
            "text": "你好",
            "state": "received",
            "client_msg_id": "c-1",
        },
    }
    conversation = await house.service.get(accepted.conversation_id)
    assert (conversation.owner.value, conversation.token, conversation.n_unread) == ("bot", 1, 1)
    assert (conversation.language, conversation.next_turn_at) == ("zh", house.clock.now())


async def test_a_repeated_delivery_gives_the_first_result(database: Database) -> None:
    house = House(database)
    message = inbound("你好")

    first = await house.inbox.accept(message)
    again = await house.inbox.accept(message)

    assert again == Accepted(first.message_id, first.conversation_id, first.seq, duplicate=True)
    assert await house.shape(first.conversation_id) == ["customer: 你好"]


async def test_one_delivery_repeated_twenty_times_at_once_is_stored_once(database: Database) -> None:
    house = House(database)
    message = inbound("你好")

    accepted = await asyncio.gather(*(house.inbox.accept(message) for _ in range(20)))

    assert [one.duplicate for one in accepted].count(False) == 1
    assert len({(one.message_id, one.seq) for one in accepted}) == 1
    assert (await count(database, InboundRow), await count(database, ConversationRow)) == (1, 1)


async def test_a_burst_of_a_thousand_messages_with_repetitions_is_stored_once_each(database: Database) -> None:
    house = House(database)
    messages = [inbound(f"第 {n} 条", external_id=f"m-{n}") for n in range(1_000)]
    gate = asyncio.Semaphore(16)

    async def accept(place: int) -> Accepted:
        async with gate:
            return await house.inbox.accept(messages[place])

    accepted = await asyncio.gather(*(accept(place % 1_000) for place in range(1_300)))

    assert sum(one.duplicate for one in accepted) == 300
    assert await count(database, InboundRow) == await count(database, MessageRow) == 1_000
    events = await house.events(accepted[0].conversation_id)
    assert [event.seq for event in events] == list(range(1, 1_001))
    assert {event.data["text"] for event in events} == {message.text for message in messages}


async def test_an_external_id_with_other_words_is_refused(database: Database) -> None:
    house = House(database)
    accepted = await house.inbox.accept(inbound("你好", external_id="m-1"))

    with pytest.raises(ConflictError, match="used before for another message") as refused:
        await house.inbox.accept(inbound("再见", external_id="m-1"))

    assert refused.value.code == "external_id_reused"
    assert await house.shape(accepted.conversation_id) == ["customer: 你好"]


async def test_an_external_id_of_another_conversation_is_refused_and_shows_nothing_of_it(database: Database) -> None:
    house = House(database)
    accepted = await house.inbox.accept(inbound("你好", external_id="m-1"))

    with pytest.raises(ConflictError, match="used before for another message") as refused:
        await house.inbox.accept(inbound("你好", external_id="m-1", conversation_key="visitor-2"))

    assert accepted.conversation_id not in f"{refused.value} {refused.value.details}"
    assert await count(database, ConversationRow) == 1


async def test_the_same_external_id_on_another_account_is_another_message(database: Database) -> None:
    house = House(database)

    first = await house.inbox.accept(inbound(external_id="m-1"))
    second = await house.inbox.accept(inbound(external_id="m-1", account="other"))

    assert not second.duplicate
    assert first.conversation_id != second.conversation_id


async def test_a_message_opens_a_closed_conversation_again_for_the_bot(database: Database) -> None:
    house = House(database)
    first = await house.inbox.accept(inbound("你好"))
    async with database.unit_of_work() as session:
        await house.service.close(session, first.conversation_id, seen_token=1)

    second = await house.inbox.accept(inbound("还有一个问题"))

    conversation = await house.service.get(first.conversation_id)
    assert second.conversation_id == first.conversation_id
    assert (conversation.owner.value, conversation.token) == ("bot", 3)
    assert (await house.shape(first.conversation_id))[-2:] == ["closed -> bot", "customer: 还有一个问题"]
    assert second.seq == conversation.last_seq


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"text": "字" * 4_001}, "too_long"),
        ({"text": "  \n"}, "empty"),
        ({"text": "a\x00b"}, "invalid_text"),
        ({"text": "\ud800"}, "invalid_text"),
        ({"external_id": ""}, "invalid_key"),
        ({"external_id": "x" * 201}, "invalid_key"),
        ({"conversation_key": "a\x00"}, "invalid_key"),
        ({"sender": Sender("email", "x" * 321)}, "invalid_key"),
        ({"metadata": {"a": "\x00"}}, "invalid_metadata"),
        ({"metadata": {"a": "x" * 20_000}}, "invalid_metadata"),
        ({"metadata": {"a": object()}}, "invalid_metadata"),
    ],
)
async def test_what_cannot_be_stored_is_refused_and_stores_nothing(
    database: Database, changes: dict[str, object], code: str
) -> None:
    house = House(database)

    with pytest.raises(InvalidInputError) as refused:
        await house.inbox.accept(inbound(**changes))

    assert refused.value.code == code
    assert await count(database, ConversationRow) == 0


async def test_four_thousand_characters_and_an_empty_picture_are_accepted(database: Database) -> None:
    house = House(database)

    long = await house.inbox.accept(inbound("𠮷" * 4_000))
    picture = await house.inbox.accept(inbound("", type=InboundType.IMAGE))

    assert (long.seq, picture.seq) == (1, 2)


async def test_a_sender_who_signs_in_becomes_the_one_who_is_answered(database: Database) -> None:
    house = House(database)
    await house.inbox.accept(inbound("你好"))

    accepted = await house.inbox.accept(inbound("我登录了", sender=Sender("user", "u-7", {"name": "张三"})))

    assert (await house.service.get(accepted.conversation_id)).sender == Sender("user", "u-7", {"name": "张三"})
