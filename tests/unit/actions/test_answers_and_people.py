from __future__ import annotations

import pytest

from actions.orders import Coupon, LocalText, OrderState
from knowledge_index.models import Choice, Choices
from tests.unit.actions.in_memory_shop import NOW, InMemoryShop, make_order
from tests.unit.actions.talk import ANSWER, LI_LEI, Talk


async def test_an_answer_carries_its_quote_and_source() -> None:
    talk = Talk()
    talk.knowledge.reply = ANSWER
    talk.slots["n_failures"] = 1.0

    await talk.act("action_answer_question", "运费怎么算", "ask_knowledge")

    (message,) = talk.effects
    assert (message["kind"], message["quote"], message["text"]) == ("answer", "**满 99 元包邮**", ANSWER.text)
    assert message["source"] == {
        "article_id": "shipping",
        "title": "运费",
        "section": "怎么算",
        "url": "/help/zh/shipping",
        "version": 3,
    }
    assert talk.slots["n_failures"] == 0.0


async def test_choices_are_buttons_that_ask_for_the_article() -> None:
    talk = Talk()
    choice = Choice("a", '保修"期"', "zh", "/help/zh/a", 0.5)
    talk.knowledge.reply = Choices((choice, choice), 0.5)
    await talk.act("action_answer_question", "保修", "ask_knowledge")

    button = talk.said[0]["buttons"][0]
    assert button == {"title": '保修"期"', "payload": '/ask_knowledge{"question": "保修\\"期\\""}'}
    await talk.act("action_answer_question", button["payload"], "ask_knowledge", question='保修"期"')

    assert talk.knowledge.asked == ["保修", '保修"期"']


@pytest.mark.parametrize("action", ["action_answer_question", "action_default_fallback", "action_handle_bad_answer"])
async def test_the_second_failure_in_a_row_hands_over(action: str) -> None:
    talk = Talk()

    await talk.act(action, "什么鬼", "nlu_fallback")
    first = talk.responses
    await talk.act(action, "还是不懂", "nlu_fallback")

    assert first in (["utter_no_answer_yet"], ["utter_bad_answer_again"])
    assert talk.effects == [{"effect": "handoff", "reason": "not_understood", "evidence": "还是不懂"}]
    assert talk.slots["n_failures"] == 0.0


async def test_the_fallback_asks_the_knowledge_first() -> None:
    talk = Talk()
    talk.knowledge.reply = ANSWER

    await talk.act("action_default_fallback", "包邮吗", "nlu_fallback")

    assert talk.effects[0]["kind"] == "answer"


async def test_the_fallback_ends_the_turn_itself_outside_a_form_only() -> None:
    outside, inside = Talk(), Talk(loop="order_form")

    await outside.act("action_default_fallback", "嗯嗯嗯", "nlu_fallback")
    await inside.act("action_default_fallback", "嗯嗯嗯", "nlu_fallback")

    assert "followup" in [event["event"] for event in outside.events]
    assert "followup" not in [event["event"] for event in inside.events]


async def test_out_of_scope_is_no_failure() -> None:
    talk = Talk()

    for _ in range(3):
        await talk.act("action_answer_out_of_scope", "讲个笑话", "out_of_scope")

    assert talk.responses == ["utter_out_of_scope"]
    assert talk.effects == []


async def test_asking_for_a_human_ends_the_form() -> None:
    talk = Talk(loop="after_sales_form", slots={"language": "zh", "reason": "坏了", "requested_slot": "confirmed"})

    await talk.act("action_hand_to_human", "转人工", "talk_to_human")

    assert talk.effects == [{"effect": "handoff", "reason": "customer_asked", "evidence": "转人工"}]
    assert (talk.loop, talk.requested, talk.slots["reason"]) == (None, None, None)


async def test_a_second_complaint_hands_over() -> None:
    talk = Talk()

    await talk.act("action_handle_complaint", "太差了", "complain")
    first = talk.responses
    await talk.act("action_handle_complaint", "骗子", "complain")

    assert first == ["utter_apologize_complaint"]
    assert talk.effects == [{"effect": "handoff", "reason": "complaint", "evidence": "骗子"}]


async def test_a_yes_takes_the_offer_and_a_yes_to_nothing_does_not() -> None:
    offered, nothing = Talk(slots={"language": "en", "pending_offer": "policy"}), Talk()

    await offered.act("action_take_offer", "yes", "affirm")
    await nothing.act("action_take_offer", "好的", "affirm")

    assert offered.effects[0]["reason"] == "policy"
    assert nothing.responses == ["utter_nothing_more"]


async def test_a_no_to_a_forms_question_leaves_the_form() -> None:
    talk = Talk(loop="order_form", slots={"language": "zh", "requested_slot": "order_number"})

    await talk.act("action_decline_offer", "不", "deny")

    assert (talk.responses, talk.loop) == (["utter_stopped"], None)


async def test_a_signed_in_customer_is_greeted_by_name_with_the_one_open_order() -> None:
    shop = InMemoryShop([make_order("AB-123456"), make_order("AB-222222", OrderState.COMPLETED)])
    talk = Talk(LI_LEI, shop)

    await talk.act("action_greet_customer", "你好", "greet")
    greeted = talk.said[0]
    await talk.act("action_take_offer", "是的", "affirm")

    assert greeted["response"] == "utter_greet_by_name_with_order"
    assert (greeted["customer_name"], greeted["order_summary"]) == ("李雷", "AB-123456（云雀降噪耳机 ×1，¥599.00）")
    assert talk.responses == ["utter_order_shipped"]


async def test_a_visitor_is_greeted_without_a_name_though_the_metadata_has_one() -> None:
    talk = Talk({"verified": False, "customer_id": "x", "profile": {"name": "李雷", "shop_customer_id": "c-1"}})

    await talk.act("action_greet_customer", "你好", "greet")

    assert talk.responses == ["utter_greet"]


async def test_a_greeting_needs_no_order_system() -> None:
    shop = InMemoryShop()
    shop.is_down = True
    talk = Talk(LI_LEI, shop)

    await talk.act("action_greet_customer", "你好", "greet")

    assert talk.responses == ["utter_greet_by_name"]


@pytest.mark.parametrize(
    ("action", "response"),
    [("action_list_orders", "utter_sign_in_for_orders"), ("action_show_coupons", "utter_sign_in_for_coupons")],
)
async def test_a_visitor_sees_nobodys_list(action: str, response: str) -> None:
    coupon = Coupon("YIHE50", LocalText("满减", "Off"), NOW.date())
    talk = Talk(shop=InMemoryShop([make_order("AB-123456")], {"c-1": [coupon]}))

    await talk.act(action)

    assert talk.responses == [response]


async def test_a_profile_missing_from_the_metadata_is_looked_up() -> None:
    talk = Talk({"verified": True, "customer_id": "customer-1"}, InMemoryShop([make_order("AB-123456")]))

    await talk.act("action_list_orders")

    assert talk.responses == ["utter_order_list"]
    assert talk.said[0]["orders"] == "AB-123456 · 云雀降噪耳机 ×1 · 运输中"


async def test_an_unknown_product_is_looked_up_in_the_articles_before_giving_up() -> None:
    talk = Talk()
    talk.knowledge.reply = ANSWER
    await talk.act("action_answer_product", "冰箱有吗", "ask_product")
    from_articles = talk.effects

    await talk.act("action_answer_product", "小满电水壶有货吗", "ask_product")

    assert from_articles[0]["kind"] == "answer"
    assert talk.responses == ["utter_product_found"]
    assert talk.said[0]["stock"] == "暂时缺货"
