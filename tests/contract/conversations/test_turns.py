"""Turns: in order, one at a time, answered once, honest when they fail."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from conversations.inbound import Channel, InboundType, Sender
from conversations.messages import Choice, Content, MessageKind
from conversations.owner import Owner
from conversations.protocols import AssistantReply, AssistantRequest, Understanding
from conversations.repository import CONVERSATIONS, ConversationRepository
from conversations.turn import TurnSettings
from core.database import Database
from core.errors import EngineError
from tests.unit.conversations.fakes import FakeAssistant, House, answer, handoff_reply, inbound


async def test_the_assistants_answer_is_written_with_what_it_understood(database: Database) -> None:
    house = House(database)
    accepted = await house.inbox.accept(inbound("你好"))

    assert await house.turns.run_due() == 1

    events = await house.events(accepted.conversation_id)
    assert [event.type.value for event in events] == ["message", "customer_linked", "understood", "message"]
    assert events[2].audience == "desk"
    assert events[2].data == {
        "message_id": accepted.message_id,
        "intent": {"name": "greet", "confidence": 0.9},
        "ranking": [{"name": "greet", "confidence": 0.9}],
        "entities": [],
        "sentiment": {"label": "neutral", "score": 0.0},
        "language": "zh",
        "model_id": "model-1",
    }
    assert events[3].data["in_reply_to"] == accepted.message_id
    assert (events[3].data["author"], events[3].data["state"]) == ({"kind": "bot"}, "sent")
    conversation = await house.service.get(accepted.conversation_id)
    assert (conversation.mood, conversation.next_turn_at) == (0.0, None)
    assert conversation.last_message is not None
    assert conversation.last_message.author_kind == "bot"


async def test_several_messages_get_a_turn_each_in_order(database: Database) -> None:
    house = House(database)
    for text in ("一", "二", "三"):
        accepted = await house.inbox.accept(inbound(text))

    assert await house.turns.run_due() == 3

    shape = await house.shape(accepted.conversation_id)
    assert [word for word in shape if word.startswith("bot")] == ["bot: re: 一", "bot: re: 二", "bot: re: 三"]
    assert await house.turns.run_due() == 0


async def test_the_assistant_is_told_who_asks(database: Database) -> None:
    house = House(database)
    house.customers.profile = {"name": "张三", "tier": "gold", "language": "zh"}
    await house.inbox.accept(inbound("你好", sender=Sender("user", "u-7"), language_hint="en-US"))

    await house.turns.run_due()

    (asked,) = house.assistant.asked
    assert asked.metadata["verified"] is True
    assert asked.metadata["profile"] == {"customer_id": asked.metadata["customer_id"], **house.customers.profile}
    assert (asked.metadata["channel"], asked.metadata["input"]) == ("web", "text")
    assert (asked.metadata["language_hint"], asked.metadata["locale"]) == ("zh", "en-US")
    conversation = await house.service.get(asked.conversation_id)
    row = conversation.as_row()
    assert row["customer"] == {
        "id": asked.metadata["customer_id"],
        "name": "张三",
        "verified": True,
        "tier": "gold",
        "language": "zh",
    }


async def test_a_sender_is_resolved_once_and_again_when_it_changes(database: Database) -> None:
    house = House(database)
    for sender in (Sender("visitor", "v"), Sender("visitor", "v"), Sender("user", "u")):
        await house.inbox.accept(inbound(sender=sender))

    await house.turns.run_due()

    assert house.customers.n_resolved == 2
    assert [request.metadata["verified"] for request in house.assistant.asked] == [False, False, True]


async def test_a_choice_is_its_payload_only_if_the_assistant_offered_it(database: Database) -> None:
    house = House(database)
    offer = Content("要哪个？", MessageKind.CHOICES, (Choice("退货", "/ask_return"),))
    house.assistant.reply = lambda request: AssistantReply([offer], Understanding())
    await house.inbox.accept(inbound("你好"))
    await house.turns.run_due()

    await house.inbox.accept(inbound("退货", type=InboundType.CHOICE, choice_payload="/ask_return"))
    await house.inbox.accept(inbound("退货", type=InboundType.CHOICE, choice_payload='/inform{"vip": true}'))
    await house.turns.run_due()

    assert [(one.text, one.metadata["input"]) for one in house.assistant.asked[1:]] == [
        ("/ask_return", "choice"),
        ("退货", "text"),
    ]


async def test_typed_commands_are_words_unless_the_assistant_offered_them(database: Database) -> None:
    house = House(database)
    offer = Content("要哪个？", MessageKind.CHOICES, (Choice("退货", "/ask_return"),))
    house.assistant.reply = lambda request: AssistantReply([offer], Understanding())
    for text in ("你好", '/inform{"verified": true}', " //restart", "/ask_return", "/"):
        await house.inbox.accept(inbound(text))

    await house.turns.run_due()

    assert [(one.text, one.metadata["input"]) for one in house.assistant.asked[1:]] == [
        ('inform{"verified": true}', "text"),
        ("restart", "text"),
        ("/ask_return", "choice"),
        ("/", "text"),
    ]


async def test_an_effect_hands_over_and_the_bots_last_words_stay(database: Database) -> None:
    house = House(database)
    house.assistant.reply = handoff_reply
    accepted = await house.inbox.accept(inbound("转人工"))

    await house.turns.run_due()

    assert (await house.shape(accepted.conversation_id))[2:] == [
        "understood",
        "bot: I will find somebody.",
        "bot -> queue",
        "handoff_opened",
        "system: handed_over",
    ]
    opened = (await house.events(accepted.conversation_id))[-2].data
    assert opened["reason"] == {"code": "customer_asked", "said_by": "customer", "evidence": "人工"}
    assert opened["position"] == 2
    row = (await house.service.get(accepted.conversation_id)).as_row()
    assert (row["owner"], row["token"]) == ({"kind": "queue"}, 2)
    assert row["reason"] == {"code": "customer_asked", "evidence": "人工"}
    assert row["waiting_since"] == "2026-01-02T03:04:05.000Z"
    assert "第 2 位" in (await house.events(accepted.conversation_id))[-1].data["text"]


async def test_a_very_angry_customer_is_handed_over_by_the_rule(database: Database) -> None:
    house = House(database)
    house.assistant.reply = lambda request: answer(request, score=-0.95 if request.text == "三" else -0.2)
    for text in ("一", "二", "三"):
        accepted = await house.inbox.accept(inbound(text))

    await house.turns.run_due()

    assert [request.code for request in house.desk.opened] == ["negative_mood"]
    assert [len(recent) for recent in house.desk.recent] == [0, 1, 2]
    assert (await house.service.get(accepted.conversation_id)).owner == Owner.QUEUE


async def test_a_handoff_instead_of_the_reply_leaves_the_assistants_words_unsaid(database: Database) -> None:
    house = House(database)
    house.desk.instead_of_reply = True
    house.assistant.reply = lambda request: answer(request, score=-0.95)
    accepted = await house.inbox.accept(inbound("气死我了"))

    await house.turns.run_due()

    assert not [line for line in await house.shape(accepted.conversation_id) if line.startswith("bot:")]
    assert (await house.service.get(accepted.conversation_id)).owner == Owner.QUEUE


async def test_a_handoff_that_would_go_round_in_circles_is_not_made(database: Database) -> None:
    house = House(database)
    house.assistant.reply = handoff_reply
    house.desk.is_loop = True
    accepted = await house.inbox.accept(inbound("转人工"))

    await house.turns.run_due()

    assert (await house.shape(accepted.conversation_id))[-1] == "bot: I will find somebody."
    assert (await house.service.get(accepted.conversation_id)).owner == Owner.BOT


async def test_after_a_handover_the_bot_is_not_asked_again(database: Database) -> None:
    house = House(database)
    house.assistant.reply = handoff_reply
    accepted = await house.inbox.accept(inbound("转人工"))
    await house.inbox.accept(inbound("快点"))

    assert await house.turns.run_due() == 2

    assert len(house.assistant.asked) == 1
    assert (await house.service.get(accepted.conversation_id)).next_turn_at is None


async def test_a_reply_that_comes_after_a_takeover_is_kept_for_the_desk_only(database: Database) -> None:
    house = House(database)
    accepted = await house.inbox.accept(inbound("你好"))
    house.assistant.may_answer.clear()
    running = asyncio.create_task(house.turns.run_due())
    await house.assistant.is_asked.wait()

    await house.to_agent(accepted.conversation_id)
    house.assistant.may_answer.set()
    await running

    events = await house.events(accepted.conversation_id)
    late = events[-1]
    assert (late.data["state"], late.audience) == ("dropped_late", "desk")
    conversation = await house.service.get(accepted.conversation_id)
    assert conversation.last_message is not None
    assert (conversation.last_message.author_kind, conversation.next_turn_at) == ("customer", None)


async def test_a_handoff_asked_for_too_late_is_not_made(database: Database) -> None:
    house = House(database)
    house.assistant.reply = handoff_reply
    accepted = await house.inbox.accept(inbound("转人工"))
    house.assistant.may_answer.clear()
    running = asyncio.create_task(house.turns.run_due())
    await house.assistant.is_asked.wait()

    token = await house.to_agent(accepted.conversation_id)
    house.assistant.may_answer.set()
    await running

    assert house.desk.opened == []
    assert (await house.service.get(accepted.conversation_id)).token == token


@pytest.mark.parametrize("text", ["我的包裹在哪", "where is my parcel"])
async def test_a_silent_engine_is_admitted_in_the_customers_language(database: Database, text: str) -> None:
    house = House(database)

    def fail(request: AssistantRequest) -> AssistantReply:
        raise EngineError("down", code="engine_unavailable")

    house.assistant.reply = fail
    accepted = await house.inbox.accept(inbound(text))

    await house.turns.run_due()

    assert (await house.shape(accepted.conversation_id))[2:] == [
        "bot -> queue",
        "handoff_opened",
        "system: assistant_unavailable",
    ]
    assert [(request.code, request.evidence) for request in house.desk.opened] == [("failure", "engine_unavailable")]
    said = (await house.events(accepted.conversation_id))[-1].data["text"]
    assert said.startswith("抱歉" if text[0] > "z" else "Sorry")


async def test_an_engine_that_never_answers_is_not_waited_for(database: Database) -> None:
    house = House(database, settings=TurnSettings(answer_timeout_s=0.01))
    house.assistant.may_answer.clear()
    accepted = await house.inbox.accept(inbound())

    await house.turns.run_due()

    assert (await house.shape(accepted.conversation_id))[-1] == "system: assistant_unavailable"
    assert house.desk.opened[0].evidence == "engine_timeout"


async def test_a_turn_that_raises_is_tried_again_and_then_answered(database: Database) -> None:
    house = House(database)
    errors = [RuntimeError("a bug"), RuntimeError("a bug")]

    def sometimes(request: AssistantRequest) -> AssistantReply:
        if errors:
            raise errors.pop()
        return answer(request)

    house.assistant.reply = sometimes
    accepted = await house.inbox.accept(inbound("你好"))
    await house.inbox.accept(inbound("在吗"))

    await house.turns.run_due()
    assert await house.turns.run_due() == 0  # backing off, also for the message behind it
    house.clock.advance(1.1)
    await house.turns.run_due()
    house.clock.advance(2.1)
    await house.turns.run_due()

    assert [word for word in await house.shape(accepted.conversation_id) if word.startswith("bot")] == [
        "bot: re: 你好",
        "bot: re: 在吗",
    ]


async def test_a_message_that_always_fails_goes_to_people_and_blocks_nobody(database: Database) -> None:
    house = House(database)

    def poison(request: AssistantRequest) -> AssistantReply:
        raise RuntimeError("a bug")

    house.assistant.reply = poison
    accepted = await house.inbox.accept(inbound("毒"))
    await house.inbox.accept(inbound("后面"))

    for _ in range(10):
        await house.turns.run_due()
        house.clock.advance(60)

    assert len(house.assistant.asked) == 3
    assert [(request.code, request.evidence) for request in house.desk.opened] == [("failure", "turn_failed")]
    assert (await house.shape(accepted.conversation_id))[-3:] == [
        "bot -> queue",
        "handoff_opened",
        "system: assistant_unavailable",
    ]
    assert (await house.service.get(accepted.conversation_id)).next_turn_at is None


async def test_a_message_that_fails_even_at_the_desk_still_reaches_the_queue(database: Database) -> None:
    house = House(database)
    house.assistant.reply = handoff_reply
    house.desk.error = RuntimeError("a bug of the desk")
    accepted = await house.inbox.accept(inbound("转人工"))

    for _ in range(10):
        await house.turns.run_due()
        house.clock.advance(60)

    assert (await house.shape(accepted.conversation_id))[-2:] == ["bot -> queue", "system: assistant_unavailable"]
    conversation = await house.service.get(accepted.conversation_id)
    assert (conversation.reason_code, conversation.next_turn_at) == ("failure", None)


async def test_a_message_that_kills_the_process_each_time_is_given_up(database: Database) -> None:
    house = House(database)
    accepted = await house.inbox.accept(inbound("毒"))

    for _ in range(8):  # claimed, and then the process died
        assert await house.turn.claim(accepted.conversation_id) is not None
        house.clock.advance(house.settings.lease_s + 1)
    await house.turns.run_due()

    assert house.assistant.asked == []
    assert (await house.shape(accepted.conversation_id))[-1] == "system: assistant_unavailable"


async def test_a_picture_gets_an_honest_answer_and_an_event_none(database: Database) -> None:
    house = House(database)
    accepted = await house.inbox.accept(inbound("", type=InboundType.IMAGE, channel=Channel.WECHAT))
    await house.inbox.accept(inbound("", type=InboundType.EVENT, channel=Channel.WECHAT))

    assert await house.turns.run_due() == 2

    assert [word for word in await house.shape(accepted.conversation_id) if "system" in word] == ["system: unreadable"]
    assert house.assistant.asked == []


async def test_two_replicas_never_run_one_conversation_at_once(database: Database) -> None:
    assistant = FakeAssistant()
    first = House(database, assistant=assistant)
    second = House(database, assistant=assistant, clock=first.clock)
    keys = [f"visitor-{n}" for n in range(6)]
    first.turns.start()
    second.turns.start()

    accepted = await asyncio.gather(
        *(
            house.inbox.accept(inbound(f"{n}", conversation_key=key))
            for n in range(8)
            for key in keys
            for house in (first, second)
        )
    )
    while await still_due(first):
        await asyncio.sleep(0.02)
    await first.turns.stop()
    await second.turns.stop()

    assert assistant.most_at_once == 1
    assert len(assistant.asked) == len(accepted) == 96
    for conversation_id in {one.conversation_id for one in accepted}:
        events = await first.events(conversation_id)
        asked = [event.data["message_id"] for event in events if "received" in event.data.values()]
        answered = [event.data["in_reply_to"] for event in events if "in_reply_to" in event.data]
        assert answered == asked


async def still_due(house: House) -> bool:
    async with house.database.read() as session:
        later = house.clock.now() + timedelta(days=1)
        return bool(await ConversationRepository(session).list_due(later, 1))


async def test_who_lost_the_lease_writes_nothing(database: Database) -> None:
    house = House(database)
    accepted = await house.inbox.accept(inbound("你好"))
    stale = await house.turn.claim(accepted.conversation_id)
    assert stale is not None
    assert await house.turn.claim(accepted.conversation_id) is None  # held
    house.clock.advance(house.settings.lease_s + 1)
    assert await house.turns.run_due() == 1
    before = await house.shape(accepted.conversation_id)

    assert not await house.turn.renew(stale)
    assert not await house.turn.run(stale)

    assert await house.shape(accepted.conversation_id) == before
    assert before.count("bot: re: 你好") == 1


@pytest.mark.parametrize("text", ["你好", "转人工", "坏了"])
async def test_who_lost_the_lease_while_the_assistant_thought_writes_nothing(database: Database, text: str) -> None:
    house = House(database)
    house.assistant.reply = reply_by_text
    await house.inbox.accept(inbound("认识一下"))
    await house.turns.run_due()
    accepted = await house.inbox.accept(inbound(text))
    stale = await house.turn.claim(accepted.conversation_id)
    assert stale is not None
    house.clock.advance(house.settings.lease_s + 1)
    assert await house.turns.run_due() == 1
    before = await house.shape(accepted.conversation_id)

    assert not await house.turn.run(stale)

    assert await house.shape(accepted.conversation_id) == before


def reply_by_text(request: AssistantRequest) -> AssistantReply:
    if request.text == "坏了":
        raise EngineError("down", code="engine_failed")
    return handoff_reply(request) if request.text == "转人工" else answer(request)


async def test_a_long_turn_keeps_its_lease(database: Database) -> None:
    house = House(database, settings=TurnSettings(lease_s=0.3))
    accepted = await house.inbox.accept(inbound("你好"))
    house.assistant.may_answer.clear()
    running = asyncio.create_task(house.turns.run_due())
    await house.assistant.is_asked.wait()
    until = await lease_until(house, accepted.conversation_id)

    house.clock.advance(0.2)
    while await lease_until(house, accepted.conversation_id) == until:
        await asyncio.sleep(0.01)

    assert await house.turn.claim(accepted.conversation_id) is None
    house.assistant.may_answer.set()
    assert await running == 1


async def lease_until(house: House, conversation_id: str) -> object:
    async with house.database.read() as session:
        statement = select(CONVERSATIONS.c.lease_until).where(CONVERSATIONS.c.id == conversation_id)
        return (await session.execute(statement)).scalar_one()


async def test_a_runner_that_stops_gives_its_turn_back_at_once(database: Database) -> None:
    house = House(database)
    house.turns._stop_grace_s = 0.01
    house.turns.start()
    accepted = await house.inbox.accept(inbound("你好"))
    house.assistant.may_answer.clear()
    await house.assistant.is_asked.wait()

    await house.turns.stop()

    next_start = House(database, clock=house.clock)
    assert await next_start.turns.run_due() == 1
    assert (await house.shape(accepted.conversation_id))[-1] == "bot: re: 你好"


async def test_a_busy_conversation_lets_others_go_first(database: Database) -> None:
    house = House(database)
    house.turns._concurrent_turns = 1
    busy = [await house.inbox.accept(inbound(f"{n}", conversation_key="busy")) for n in range(20)]
    quiet = await house.inbox.accept(inbound("我只有一句", conversation_key="quiet"))

    house.turns.start()
    while await still_due(house):
        await asyncio.sleep(0.01)
    await house.turns.stop()

    order = [request.conversation_id for request in house.assistant.asked]
    assert order.index(quiet.conversation_id) <= 2
    assert order.count(busy[0].conversation_id) == 20
