from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from conversations.inbound import Sender
from conversations.messages import Content, MessageKind
from conversations.owner import Owner
from conversations.protocols import Effect, HandoffRequest
from conversations.repository import ConversationRepository
from core.audit import AuditRow
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.ids import ConversationId, new_id
from handoff.models import HandoffRow, HandoffState, Outcome
from tests.contract.handoff.house import BOSS, LIN, WANG, DeskHouse, reply_of

RACES = 100


async def test_asking_for_a_human_puts_the_conversation_into_the_queue_with_a_packet(house: DeskHouse) -> None:
    order = {"entity": "order_number", "value": "AB-123456", "start": 2, "end": 11}
    await house.say("AB-123456 到哪了", reply=reply_of("…", "track_parcel", entities=(order,)))
    conversation_id = await house.ask_for_human()

    case = await house.handoffs.get_case(conversation_id)

    assert case.conversation.owner == Owner.QUEUE
    assert case.handoff is not None
    assert (case.handoff.state, case.handoff.reason_code) == (HandoffState.WAITING, "customer_asked")
    packet = case.handoff.packet
    assert packet["reason"] == {"code": "customer_asked", "said_by": "customer", "evidence": "转人工"}
    assert packet["goal"]["zh"] == "客户想查询物流，订单号 AB-123456。"
    assert packet["goal"]["en"] == "The customer wants to know where a parcel is, order AB-123456."
    assert [(fact["slot"], fact["value"]) for fact in packet["known"]] == [("order_number", "AB-123456")]
    assert [one["intents"][0]["name"] for one in packet["understanding"]] == ["track_parcel", "talk_to_human"]
    assert packet["n_customer_messages"] == 2
    assert packet["customer"]["verified"] is False
    assert packet["model_id"] == "model-1"


async def test_what_was_answered_already_is_in_the_packet_with_how_it_was_received(house: DeskHouse) -> None:
    source = {"article_id": "returns", "title": "退货政策", "section": "7 天", "url": "/help/zh/returns", "version": 1}
    quoted = Content("7 天内可退。", MessageKind.ANSWER, source=source, quote="7 天内可退。")
    await house.say("可以退吗", reply=reply_of("可以退吗", "ask_knowledge", answer=quoted))
    await house.say("没用", reply=reply_of("没用", "deny", score=-0.6))
    conversation_id = await house.ask_for_human()

    case = await house.handoffs.get_case(conversation_id)

    assert case.handoff is not None
    first, second, third = case.handoff.packet["tried"]
    assert (first["article"]["title"], first["answer"], first["received"]) == ("退货政策", "7 天内可退。", "rejected")
    assert second["received"] == "rejected"  # what follows it is the wish for a human
    assert third["received"] == "unanswered"
    assert [point["score"] for point in case.handoff.packet["mood"]] == [0.0, -0.6, 0.0]


async def test_positions_follow_the_order_of_arrival(house: DeskHouse) -> None:
    for number in range(3):
        await house.ask_for_human(f"visitor-{number}")
    first = (await house.conversations.list_for_desk("queue", LIN.id)).items[0]
    await house.take(first.id)

    waiting = await house.ask_for_human("visitor-9")

    opened = [event for event in await house.record.events(waiting) if event.type == "handoff_opened"]
    assert opened[0].data["position"] == 3


async def test_an_agent_takes_answers_and_hands_back(house: DeskHouse) -> None:
    conversation_id = await house.ask_for_human()
    token = await house.take(conversation_id)

    said = await house.handoffs.say(
        conversation_id, seen_token=token, agent=LIN, client_msg_id="c-1", text="您好，我来帮您。"
    )
    again = await house.handoffs.say(
        conversation_id, seen_token=token, agent=LIN, client_msg_id="c-1", text="您好，我来帮您。"
    )
    case = await house.handoffs.hand_back(conversation_id, seen_token=token, agent=LIN, note="已补发")

    assert (again.message_id, again.duplicate) == (said.message_id, True)
    assert case.conversation.owner == Owner.BOT
    assert case.handoff is not None
    assert (case.handoff.state, case.handoff.outcome) == (HandoffState.ENDED, Outcome.HANDED_BACK)
    assert house.memory.told == {case.handoff.id: (conversation_id, Outcome.HANDED_BACK)}
    assert await house.shape(conversation_id) == [
        "customer: 转人工",
        "customer_linked",
        "understood",
        "bot: re: 转人工",
        "bot -> queue",
        "handoff_opened",
        "system: handed_over",
        "queue -> agent",
        "agent_joined",
        "system: agent_joined",
        "agent: 您好，我来帮您。",
        "note",
        "agent -> bot",
        "handoff_ended",
        "system: handed_back",
    ]


async def test_resolving_closes_and_a_new_message_opens_again_with_the_assistant(house: DeskHouse) -> None:
    conversation_id = await house.ask_for_human()
    token = await house.take(conversation_id)

    resolved = await house.handoffs.resolve(conversation_id, seen_token=token, agent=LIN)
    await house.say("还有一个问题")

    assert resolved.conversation.owner == Owner.CLOSED
    assert resolved.handoff is not None
    assert resolved.handoff.outcome == Outcome.RESOLVED
    assert (await house.conversations.get(conversation_id)).owner == Owner.BOT
    assert (await house.shape(conversation_id))[-1] == "bot: re: 还有一个问题"


async def test_of_two_agents_who_click_at_once_one_wins_a_hundred_times(house: DeskHouse) -> None:
    for number in range(RACES):
        conversation_id = await house.ask_for_human(f"visitor-{number}")
        token = await house.token(conversation_id)
        pair = (LIN, WANG) if number % 2 else (WANG, LIN)

        results = await asyncio.gather(
            *(house.handoffs.take(conversation_id, seen_token=token, agent=agent) for agent in pair),
            return_exceptions=True,
        )

        (lost,) = [result for result in results if isinstance(result, ConflictError)]
        (won,) = [result for result in results if not isinstance(result, BaseException)]
        assert lost.code == "owner_changed"
        assert won.handoff is not None
        has_it = {"id": won.handoff.agent_id, "name": won.handoff.agent_name}
        assert lost.details["owner"] == {"kind": "agent", "agent": has_it}
        assert (await house.conversations.get(conversation_id)).owner == Owner.agent(won.handoff.agent_id or LIN.id)
        assert (await house.shape(conversation_id)).count("agent_joined") == 1


async def test_taking_ones_own_conversation_again_is_no_error_and_changes_nothing(house: DeskHouse) -> None:
    conversation_id = await house.ask_for_human()
    old_token = await house.token(conversation_id)
    token = await house.take(conversation_id)
    before = await house.shape(conversation_id)

    again = await house.handoffs.take(conversation_id, seen_token=old_token, agent=LIN)

    assert again.conversation.token == token
    assert await house.shape(conversation_id) == before


async def test_a_conversation_of_the_assistant_can_be_taken_at_once(house: DeskHouse) -> None:
    conversation_id = await house.say("你好")

    case = await house.handoffs.take(conversation_id, seen_token=1, agent=LIN)

    assert case.handoff is not None
    assert (case.handoff.state, case.handoff.reason_code) == (HandoffState.ACTIVE, "agent_request")
    assert (await house.shape(conversation_id))[-5:] == [
        "bot -> queue",
        "handoff_opened",
        "queue -> agent",
        "agent_joined",
        "system: agent_joined",
    ]


async def test_a_queued_conversation_without_a_handoff_gets_one_when_taken(house: DeskHouse) -> None:
    conversation_id = await house.say("你好")
    await house.record.to_queue(conversation_id)

    case = await house.handoffs.take(conversation_id, seen_token=2, agent=LIN)

    assert case.handoff is not None
    assert case.handoff.state is HandoffState.ACTIVE


@pytest.mark.parametrize("act", ["take", "say", "hand_back", "resolve", "requeue"])
async def test_another_agents_conversation_is_refused(house: DeskHouse, act: str) -> None:
    conversation_id = await house.ask_for_human()
    token = await house.take(conversation_id, WANG)
    more = {"client_msg_id": "c-1", "text": "hello"} if act == "say" else {}

    with pytest.raises(ConflictError) as refused:
        await getattr(house.handoffs, act)(conversation_id, seen_token=token, agent=LIN, **more)

    assert refused.value.code == "owner_changed"
    assert refused.value.details["owner"] == {"kind": "agent", "agent": {"id": WANG.id, "name": "王 <b>敏</b>"}}
    assert (await house.conversations.get(conversation_id)).owner == Owner.agent(WANG.id)
    assert house.memory.told == {}


@pytest.mark.parametrize("act", ["say", "hand_back", "resolve", "requeue"])
async def test_an_old_token_is_refused_even_to_the_owner(house: DeskHouse, act: str) -> None:
    conversation_id = await house.ask_for_human()
    token = await house.take(conversation_id)
    more = {"client_msg_id": "c-1", "text": "hello"} if act == "say" else {}

    with pytest.raises(ConflictError) as refused:
        await getattr(house.handoffs, act)(conversation_id, seen_token=token - 1, agent=LIN, **more)

    assert refused.value.code == "owner_changed"
    assert refused.value.details["token"] == token


@pytest.mark.parametrize("act", ["hand_back", "resolve"])
@pytest.mark.parametrize("where", ["bot", "queue"])
async def test_nobody_ends_what_no_agent_has(house: DeskHouse, act: str, where: str) -> None:
    conversation_id = await (house.ask_for_human() if where == "queue" else house.say("你好"))

    with pytest.raises(ConflictError, match="only its present owner can"):
        await getattr(house.handoffs, act)(conversation_id, seen_token=await house.token(conversation_id), agent=BOSS)


async def test_a_supervisor_takes_over_from_an_agent(house: DeskHouse) -> None:
    conversation_id = await house.ask_for_human()
    token = await house.take(conversation_id, WANG)

    case = await house.handoffs.take(conversation_id, seen_token=token, agent=BOSS)

    assert case.conversation.owner == Owner.agent(BOSS.id)
    assert case.handoff is not None
    assert case.handoff.agent_name == "Boss"
    with pytest.raises(ConflictError):
        await house.handoffs.say(conversation_id, seen_token=token, agent=WANG, client_msg_id="c", text="hi")


async def test_back_in_the_queue_a_second_packet_keeps_the_first(house: DeskHouse) -> None:
    conversation_id = await house.ask_for_human()
    first = (await house.handoffs.get_case(conversation_id)).handoff
    token = await house.take(conversation_id)

    case = await house.handoffs.requeue(conversation_id, seen_token=token, agent=LIN, note="需要财务同事")

    assert case.conversation.owner == Owner.QUEUE
    assert first is not None
    assert case.handoff is not None
    assert case.handoff.id != first.id
    assert case.handoff.packet["follows"] == {
        "handoff_id": first.id,
        "reason": {"code": "customer_asked", "said_by": "customer", "evidence": "转人工"},
        "agent_name": "小林",
    }
    async with house.database.read() as session:
        kept = (
            await session.execute(select(HandoffRow.outcome, HandoffRow.packet).where(HandoffRow.id == first.id))
        ).one()
    assert (kept.outcome, kept.packet) == ("requeued", first.packet)


async def test_an_agent_puts_the_assistants_conversation_into_the_queue(house: DeskHouse) -> None:
    conversation_id = await house.say("你好")

    case = await house.handoffs.requeue(conversation_id, seen_token=1, agent=LIN)

    assert case.conversation.owner == Owner.QUEUE
    assert case.handoff is not None
    assert case.handoff.reason_code == "agent_request"


async def test_a_conversation_has_at_most_one_open_handoff(house: DeskHouse) -> None:
    conversation_id = await house.ask_for_human()
    async with house.database.read() as session:
        row = (await session.execute(select(*HandoffRow.__table__.c))).mappings().one()

    with pytest.raises(IntegrityError):
        async with house.database.unit_of_work() as session:
            await session.execute(insert(HandoffRow).values({**row, "id": new_id()}))

    assert (await house.handoffs.get_case(conversation_id)).handoff is not None


async def test_the_assistant_away_at_hand_back_is_told_later_and_once(house: DeskHouse) -> None:
    conversation_id = await house.ask_for_human()
    token = await house.take(conversation_id)
    house.memory.is_away = True

    case = await house.handoffs.hand_back(conversation_id, seen_token=token, agent=LIN)

    assert case.conversation.owner == Owner.BOT
    assert case.handoff is not None
    assert await house.reminder().run_due() == 0
    house.memory.is_away = False
    assert await house.reminder().run_due() == 1
    assert await house.reminder().run_due() == 0
    assert list(house.memory.told) == [case.handoff.id]


async def test_what_the_assistant_did_since_a_hand_back_is_not_forgotten_late(house: DeskHouse) -> None:
    conversation_id = await house.ask_for_human()
    house.memory.is_away = True
    await house.handoffs.hand_back(conversation_id, seen_token=await house.take(conversation_id), agent=LIN)
    await house.say("新问题")
    house.memory.is_away = False

    n_done = await house.reminder().run_due()

    assert n_done == 1
    assert house.memory.told == {}


@pytest.mark.parametrize(
    ("code", "n_turns", "allowed"),
    [
        ("not_understood", 0, False),
        ("not_understood", 2, False),
        ("not_understood", 3, True),
        ("customer_asked", 0, True),
        ("complaint", 0, True),
        ("failure", 0, True),
        ("negative_mood", 0, True),
    ],
)
async def test_the_reason_just_handed_back_does_not_hand_off_again_at_once(
    house: DeskHouse, code: str, n_turns: int, allowed: bool
) -> None:
    conversation_id = await house.say("你好")
    await hand_over(house, conversation_id, "customer_asked" if code == "negative_mood" else code)
    await house.handoffs.hand_back(conversation_id, seen_token=await house.take(conversation_id), agent=LIN)
    for number in range(n_turns):
        await house.say(f"问题 {number}")

    async with house.database.unit_of_work() as session:
        conversation = await ConversationRepository(session).get(conversation_id)
        answer = await house.opener.allows(session, conversation, HandoffRequest(code, "assistant", ""))

    assert answer is allowed


async def test_the_assistant_that_fails_again_after_a_hand_back_keeps_the_conversation(house: DeskHouse) -> None:
    effect = Effect("handoff", {"reason": "not_understood", "evidence": "？"})
    failing = reply_of("？", "nlu_fallback", effects=(effect,))
    conversation_id = await house.say("？", reply=failing)
    await house.handoffs.hand_back(conversation_id, seen_token=await house.take(conversation_id), agent=LIN)

    owners = []
    for _ in range(4):
        await house.say("？", reply=failing)
        owners.append((await house.conversations.get(conversation_id)).owner.value)

    assert owners == ["bot", "bot", "bot", "queue"]


async def test_what_people_did_is_audited_and_in_the_customers_record(house: DeskHouse) -> None:
    conversation_id = await house.ask_for_human()
    token = await house.take(conversation_id)
    case = await house.handoffs.resolve(conversation_id, seen_token=token, agent=LIN)

    async with house.database.read() as session:
        query = select(AuditRow.actor, AuditRow.action, AuditRow.subject).order_by(AuditRow.id)
        rows = (await session.execute(query)).all()
    assert [tuple(row) for row in rows] == [
        (f"account:{LIN.id}", "handoff.taken", f"conversation:{conversation_id}"),
        (f"account:{LIN.id}", "handoff.resolved", f"conversation:{conversation_id}"),
    ]
    assert case.profile is not None
    events = await house.profiles.list_events(case.profile.customer_id)
    assert {event.type for event in events} == {"customer.created", "handoff.opened", "handoff.ended"}


async def test_the_signed_in_customer_is_in_the_packet(house: DeskHouse) -> None:
    claims = {"name": "<i>王伟</i>", "email": "wei@example.com", "email_verified": True}
    await house.say("你好", key="user-1", sender=Sender("user", "C-1", claims))
    conversation_id = await house.say("转人工", key="user-1", sender=Sender("user", "C-1", claims))
    await hand_over(house, conversation_id, "policy")

    case = await house.handoffs.get_case(conversation_id)

    assert case.handoff is not None
    customer = case.handoff.packet["customer"]
    assert (customer["name"], customer["shop_customer_id"], customer["verified"]) == ("<i>王伟</i>", "C-1", True)
    assert customer["identities"][1] == {"kind": "email", "value": "w***@example.com", "verified": True}


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001, "\x00"])
async def test_an_answer_that_cannot_be_stored_is_refused(house: DeskHouse, text: str) -> None:
    conversation_id = await house.ask_for_human()
    token = await house.take(conversation_id)

    with pytest.raises(InvalidInputError):
        await house.handoffs.say(conversation_id, seen_token=token, agent=LIN, client_msg_id="c-1", text=text)
    with pytest.raises(InvalidInputError):
        await house.handoffs.note(conversation_id, agent=LIN, text=text)


async def test_an_unknown_conversation_is_not_found(house: DeskHouse) -> None:
    nowhere = ConversationId("nowhere")

    for act in ("take", "hand_back", "resolve", "requeue"):
        with pytest.raises(NotFoundError, match="'nowhere'"):
            await getattr(house.handoffs, act)(nowhere, seen_token=1, agent=LIN)
    with pytest.raises(NotFoundError, match="'nowhere'"):
        await house.handoffs.note(nowhere, agent=LIN, text="x")
    with pytest.raises(NotFoundError, match="'nowhere'"):
        await house.handoffs.say(nowhere, seen_token=1, agent=LIN, client_msg_id="c", text="x")


async def hand_over(house: DeskHouse, conversation_id: ConversationId, code: str) -> None:
    async with house.database.unit_of_work() as session:
        conversation = await ConversationRepository(session).get(conversation_id)
        await house.conversations.hand_over(
            session,
            conversation_id,
            seen_token=conversation.token,
            request=HandoffRequest(code, "rule", "evidence"),
            desk=house.opener,
        )
