"""Who may speak: of two who take at once one wins, and what is said under an old token goes to nobody."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.inbound import Channel, Sender
from conversations.messages import Said
from conversations.owner import Owner
from core.database import Database
from core.errors import ConflictError, NotFoundError
from core.ids import AgentId, ConversationId
from tests.unit.conversations.fakes import LIN, WANG, House, inbound

N_RACES = 100


async def start(house: House, **changes: object) -> ConversationId:
    return (await house.inbox.accept(inbound("你好", **changes))).conversation_id


async def take(house: House, conversation_id: ConversationId, token: int, agent_id: AgentId) -> int:
    async with house.database.unit_of_work() as session:
        return await house.service.assign_agent(
            session, conversation_id, seen_token=token, agent_id=agent_id, agent_name=f"agent {agent_id[0]}"
        )


async def test_of_two_who_take_at_once_one_wins_a_hundred_times(database: Database) -> None:
    house = House(database)

    for race in range(N_RACES):
        conversation_id = await start(house, conversation_key=f"v-{race}")
        token = await house.to_queue(conversation_id)
        results = await asyncio.gather(
            take(house, conversation_id, token, LIN),
            take(house, conversation_id, token, WANG),
            return_exceptions=True,
        )

        (lost,) = [result for result in results if isinstance(result, ConflictError)]
        (won,) = [result for result in results if not isinstance(result, BaseException)]
        conversation = await house.service.get(conversation_id)
        winner = (LIN, WANG)[results.index(won)]
        assert (conversation.owner, conversation.token) == (Owner.agent(winner), token + 1)
        assert (lost.code, lost.details) == (
            "owner_changed",
            {"owner": {"kind": "agent", "agent": {"id": winner, "name": f"agent {winner[0]}"}}, "token": token + 1},
        )
        assert (await house.shape(conversation_id)).count("agent_joined") == 1


async def test_an_old_token_changes_nothing(database: Database) -> None:
    house = House(database)
    conversation_id = await start(house)
    await house.to_queue(conversation_id)
    before = await house.shape(conversation_id)

    async with database.unit_of_work() as session:
        with pytest.raises(ConflictError, match=r"is queue's with token 2; token 1 is old") as refused:
            await house.service.change_owner(session, conversation_id, 1, Owner.QUEUE, "late")

    assert refused.value.code == "owner_changed"
    assert await house.shape(conversation_id) == before


async def test_a_change_the_rules_do_not_know_is_refused(database: Database) -> None:
    house = House(database)
    conversation_id = await start(house)

    async with database.unit_of_work() as session:
        with pytest.raises(ConflictError, match="owned by bot cannot pass to agent") as refused:
            await house.service.change_owner(session, conversation_id, 1, Owner.agent(LIN), "take")

    assert refused.value.code == "owner_transition"


async def test_an_unknown_conversation_is_not_found(database: Database) -> None:
    house = House(database)

    async with database.unit_of_work() as session:
        with pytest.raises(NotFoundError, match="no conversation 'nobody'"):
            await house.service.change_owner(session, ConversationId("nobody"), 1, Owner.QUEUE, "take")


async def test_a_rolled_back_change_leaves_nothing(database: Database) -> None:
    house = House(database)
    conversation_id = await start(house)

    with pytest.raises(RuntimeError, match="the handoff's own rows failed"):
        async with database.unit_of_work() as session:
            await house.service.change_owner(session, conversation_id, 1, Owner.QUEUE, "test")
            raise RuntimeError("the handoff's own rows failed")

    assert (await house.service.get(conversation_id)).token == 1
    assert await house.shape(conversation_id) == ["customer: 你好"]


async def test_an_agent_speaks_hands_back_and_the_bot_goes_on(database: Database) -> None:
    house = House(database)
    conversation_id = await start(house)
    token = await house.to_agent(conversation_id)
    async with database.unit_of_work() as session:
        said = await say(house, session, conversation_id, token)
    async with database.unit_of_work() as session:
        token = await house.service.hand_back(session, conversation_id, seen_token=token)

    await house.turns.run_due()

    assert said.seq == 6
    assert (await house.shape(conversation_id))[1:] == [
        "bot -> queue",
        "queue -> agent",
        "agent_joined",
        "system: agent_joined",
        "agent: 我来帮您",
        "agent -> bot",
        "system: handed_back",
        "customer_linked",
        "understood",
        "bot: re: 你好",
    ]
    row = (await house.service.get(conversation_id)).as_row()
    assert (row["owner"], row["token"], row["unread"]) == ({"kind": "bot"}, token, 0)


async def say(
    house: House, session: AsyncSession, conversation_id: ConversationId, token: int, text: str = "我来帮您"
) -> Said:
    return await house.service.say_as_agent(
        session,
        conversation_id,
        agent_id=LIN,
        agent_name="小林",
        seen_token=token,
        client_msg_id="c-1",
        text=text,
    )


async def test_an_agents_repeated_message_is_the_same_message_even_after_the_owner_changed(database: Database) -> None:
    house = House(database)
    conversation_id = await start(house)
    token = await house.to_agent(conversation_id)

    async def send() -> Said:
        async with database.unit_of_work() as session:
            return await say(house, session, conversation_id, token)

    said = await asyncio.gather(*(send() for _ in range(5)))
    async with database.unit_of_work() as session:
        await house.service.close(session, conversation_id, seen_token=token)
    said.append(await send())

    assert len({one.message_id for one in said}) == 1
    assert [one.duplicate for one in said].count(False) == 1
    async with database.unit_of_work() as session:
        with pytest.raises(ConflictError, match="used before for another text"):
            await say(house, session, conversation_id, token, "别的话")


@pytest.mark.parametrize("what", ["an old token", "another agent's conversation", "the bot's conversation"])
async def test_an_agent_who_does_not_own_the_conversation_says_nothing(database: Database, what: str) -> None:
    house = House(database)
    conversation_id = await start(house)
    token = 1
    if what != "the bot's conversation":
        token = await house.to_agent(conversation_id, LIN if what == "an old token" else WANG)
    before = await house.shape(conversation_id)

    async with database.unit_of_work() as session:
        with pytest.raises(ConflictError) as refused:
            await say(house, session, conversation_id, token - (what == "an old token"))

    assert refused.value.code == "owner_changed"
    assert await house.shape(conversation_id) == before


async def test_numbers_rise_by_one_whoever_writes_at_once_and_readers_see_no_gap_fill_up(database: Database) -> None:
    house = House(database)
    conversation_id = await start(house)
    seen: list[int] = [1]
    done = asyncio.Event()

    async def read() -> None:
        while not done.is_set() or seen[-1] < 81:
            seen.extend(event.seq for event in await house.service.events_after(conversation_id, seen[-1]))
            await asyncio.sleep(0)

    async def write(number: int) -> None:
        async with database.unit_of_work() as session:
            await house.service.add_note(
                session, conversation_id, agent_id=LIN, agent_name="小林", text=f"note {number}"
            )

    reader = asyncio.create_task(read())
    writers = [write(number) for number in range(60)]
    accepts = [house.inbox.accept(inbound(f"{number}")) for number in range(20)]
    await asyncio.gather(*writers, *accepts)
    done.set()
    await reader

    assert seen == list(range(1, 82))


async def test_a_takeover_stops_what_waits_in_the_outbox(database: Database) -> None:
    house = House(database)
    conversation_id = await start(house, channel=Channel.WECHAT, sender=Sender("openid", "o"))
    await house.turns.run_due()

    await house.to_agent(conversation_id)
    await house.outbox.send_due()

    shown = [message.content.text for message in house.delivery.provider.shown]
    assert len(shown) == 1
    assert "已接入" in shown[0]
    events = await house.events(conversation_id)
    said_late = next(event for event in events if event.data.get("text") == "re: 你好")
    assert said_late.audience == "desk"
    assert ("dropped_late", "desk") in {
        (event.data["state"], event.audience.value) for event in events if event.type == "status"
    }
