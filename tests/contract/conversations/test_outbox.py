"""The outbox: in order, once, patient, and honest about what it does not know."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from conversations.inbound import Channel, Sender
from conversations.message_repository import MESSAGES
from conversations.outbox import OutboxSettings
from conversations.outbox_repository import OUTBOX, OutboxRepository
from core.database import Database
from core.errors import ProviderError
from core.ids import ConversationId
from tests.unit.conversations.fakes import LIN, WANG, FakeDelivery, FakeProvider, House, answer, handoff_reply, inbound


async def queue(house: House, *texts: str, key: str = "o-1") -> ConversationId:
    """Have the bot say these texts on WeChat; return the conversation."""
    house.assistant.reply = lambda request: answer(request, *texts)
    accepted = await house.inbox.accept(
        inbound("你好", conversation_key=key, channel=Channel.WECHAT, sender=Sender("openid", key))
    )
    await house.turns.run_due()
    return accepted.conversation_id


def shown(house: House) -> list[str]:
    return [message.content.text for message in house.delivery.provider.shown]


async def states(database: Database) -> list[tuple[str, str, str | None]]:
    """Return state of the row, state of its message, and the row's reason, in order of the messages."""
    statement = (
        select(OUTBOX.c.state, MESSAGES.c.state.label("message_state"), OUTBOX.c.reason)
        .join(MESSAGES, MESSAGES.c.id == OUTBOX.c.message_id)
        .order_by(OUTBOX.c.conversation_id, OUTBOX.c.seq)
    )
    async with database.read() as session:
        return [(row.state, row.message_state, row.reason) for row in await session.execute(statement)]


async def test_messages_leave_in_order_and_their_receipts_are_kept(database: Database) -> None:
    house = House(database)
    conversation_id = await queue(house, "一", "二", "三")

    assert await house.outbox.send_due() == 3

    assert shown(house) == ["一", "二", "三"]
    assert await states(database) == [("sent", "sent", None)] * 3
    message = house.delivery.provider.shown[0]
    assert (message.recipient, message.channel, message.attempt) == (Sender("openid", "o-1"), Channel.WECHAT, 1)
    status = (await house.events(conversation_id))[-1]
    assert (status.type.value, status.data["state"]) == ("status", "sent")


async def test_a_web_message_is_sent_when_it_is_stored(database: Database) -> None:
    house = House(database)
    await house.inbox.accept(inbound("你好"))

    await house.turns.run_due()

    assert await house.outbox.send_due() == 0
    async with database.read() as session:
        found = (await session.execute(select(MESSAGES.c.author_kind, MESSAGES.c.state))).all()
    assert sorted((row.author_kind, row.state) for row in found) == [("bot", "sent"), ("customer", "received")]


async def test_a_refusal_that_will_pass_is_tried_again_and_holds_back_what_follows(database: Database) -> None:
    house = House(database)
    await queue(house, "一", "二")
    house.delivery.errors = [ProviderError("busy", retry_after_s=0.0), ProviderError("busy", retry_after_s=0.0)]

    await house.outbox.send_due()
    assert (shown(house), house.delivery.n_calls) == ([], 1)
    house.clock.advance(1.1)
    await house.outbox.send_due()
    assert (shown(house), house.delivery.n_calls) == ([], 2)
    house.clock.advance(1.1)
    assert await house.outbox.send_due() == 0  # the second pause is two seconds
    house.clock.advance(1.0)
    await house.outbox.send_due()

    assert shown(house) == ["一", "二"]
    assert house.delivery.provider.shown[0].attempt == 3


async def test_the_provider_may_ask_for_a_longer_pause(database: Database) -> None:
    house = House(database)
    await queue(house, "一")
    house.delivery.errors = [ProviderError("slow down", retry_after_s=30.0)]

    await house.outbox.send_due()
    house.clock.advance(29)
    assert await house.outbox.send_due() == 0
    house.clock.advance(2)

    assert await house.outbox.send_due() == 1


async def test_a_final_refusal_is_a_dead_letter_and_lets_the_next_pass(database: Database) -> None:
    house = House(database)
    conversation_id = await queue(house, "一", "二")
    house.delivery.errors = [ProviderError("window over", code="window_over")]

    await house.outbox.send_due()

    assert shown(house) == ["二"]
    assert await states(database) == [("failed", "failed", "window_over"), ("sent", "sent", None)]
    failed = [event.data for event in await house.events(conversation_id) if event.data.get("state") == "failed"]
    assert [data["reason"] for data in failed] == ["window_over"]


async def test_patience_ends(database: Database) -> None:
    house = House(database, outbox_settings=OutboxSettings(max_attempts=3))
    await queue(house, "一")
    house.delivery.errors = [ProviderError("busy", retry_after_s=0.0)] * 5

    for _ in range(5):
        await house.outbox.send_due()
        house.clock.advance(120)

    assert house.delivery.n_calls == 3
    assert await states(database) == [("failed", "failed", "provider_failed")]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ProviderError("cut off", code="outcome_unknown")])
@pytest.mark.parametrize("knows_idempotency", [True, False])
async def test_an_unclear_outcome_is_sent_again_only_where_twice_is_seen_once(
    database: Database, error: Exception, knows_idempotency: bool
) -> None:
    house = House(database, delivery=FakeDelivery(FakeProvider(knows_idempotency=knows_idempotency)))
    await queue(house, "一")
    house.delivery.errors = [error]

    await house.outbox.send_due()
    house.clock.advance(60)
    await house.outbox.send_due()

    ((state, message_state, _reason),) = await states(database)
    assert (state, message_state) == (("sent", "sent") if knows_idempotency else ("unknown", "unknown"))
    assert house.delivery.n_calls == (2 if knows_idempotency else 1)


async def test_what_one_worker_is_claiming_another_does_not_get(database: Database) -> None:
    house = House(database)
    for number in range(3):
        await queue(house, "一", key=f"o-{number}")

    async def claim_too() -> int:
        async with database.unit_of_work() as session:
            return len(await OutboxRepository(session).lock_due([Channel.WECHAT], house.clock.now(), 10))

    async with database.unit_of_work() as session:
        outbox = OutboxRepository(session)
        mine = await outbox.lock_due([Channel.WECHAT], house.clock.now(), 10)
        other = asyncio.create_task(claim_too())
        await asyncio.wait({other}, timeout=0.3)  # SQLite lets it wait for us, PostgreSQL answers at once
        await outbox.mark_sending([one.message.outbox_id for one in mine], "w" * 32, house.clock.now())

    assert (len(mine), await other) == (3, 0)


async def test_the_bots_last_words_before_a_handover_leave_too(database: Database) -> None:
    house = House(database)
    house.assistant.reply = handoff_reply
    await house.inbox.accept(inbound("转人工", channel=Channel.WECHAT, sender=Sender("openid", "o-1")))
    await house.turns.run_due()

    await house.outbox.send_due()

    assert shown(house)[0] == "I will find somebody."
    assert len(shown(house)) == 2


async def test_ten_workers_send_each_message_once_and_in_order(database: Database) -> None:
    first = House(database)
    for number in range(5):
        await queue(first, "一", "二", "三", "四", key=f"o-{number}")
    workers = [
        House(database, clock=first.clock, delivery=FakeDelivery(FakeProvider(knows_idempotency=False)))
        for _ in range(10)
    ]
    for worker in workers:
        worker.delivery.provider.shown = first.delivery.provider.shown

    while [state for state, *_ in await states(database)] != ["sent"] * 20:
        await asyncio.gather(*(worker.outbox.send_due() for worker in workers))

    by_customer: dict[str, list[str]] = {}
    for message in first.delivery.provider.shown:
        by_customer.setdefault(message.recipient.id, []).append(message.content.text)
    assert by_customer == {f"o-{number}": ["一", "二", "三", "四"] for number in range(5)}


async def test_an_agents_last_words_leave_after_the_conversation_was_closed(database: Database) -> None:
    house = House(database)
    conversation_id = await queue(house, "一")
    token = await house.to_agent(conversation_id)
    async with database.unit_of_work() as session:
        await house.service.say_as_agent(
            session,
            conversation_id,
            agent_id=LIN,
            agent_name="小林",
            seen_token=token,
            client_msg_id="c-1",
            text="再见",
        )
        await house.service.close(session, conversation_id, seen_token=token)

    await house.outbox.send_due()

    assert "再见" in shown(house)


async def test_an_agents_words_do_not_leave_once_another_agent_has_the_conversation(database: Database) -> None:
    house = House(database)
    conversation_id = await queue(house, "一")
    token = await house.to_agent(conversation_id)
    async with database.unit_of_work() as session:
        await house.service.say_as_agent(
            session,
            conversation_id,
            agent_id=LIN,
            agent_name="小林",
            seen_token=token,
            client_msg_id="c-1",
            text="我来",
        )
        await house.service.assign_agent(
            session, conversation_id, seen_token=token, agent_id=WANG, agent_name="小王", cause="transferred"
        )

    await house.outbox.send_due()

    assert "我来" not in shown(house)


async def test_a_running_outbox_sends_soon_after_the_commit(database: Database) -> None:
    house = House(database, outbox_settings=OutboxSettings(poll_s=30.0))
    house.outbox.start()
    house.turns.start()
    house.assistant.reply = lambda request: answer(request, "一", "二")

    await house.inbox.accept(
        inbound("你好", conversation_key="o-1", channel=Channel.WECHAT, sender=Sender("openid", "o-1"))
    )
    async with asyncio.timeout(20):  # the poll alone would take longer
        while len(shown(house)) < 2:
            await asyncio.sleep(0.01)
    await house.turns.stop()
    await house.outbox.stop()

    assert shown(house) == ["一", "二"]
