from __future__ import annotations

import pytest

from actions.orders import OrderState
from tests.unit.actions.in_memory_shop import InMemoryShop, make_order
from tests.unit.actions.talk import LI_LEI, Talk

ONE_ORDER = (make_order("AB-123456"),)
SEVERAL = (make_order("AB-123456"), make_order("AB-222222", OrderState.PAID))


async def test_a_customer_with_one_open_order_is_asked_for_no_number() -> None:
    talk = Talk(LI_LEI, InMemoryShop(ONE_ORDER), loop="order_form")

    await talk.act("validate_order_form", "到哪了", "track_parcel")

    assert talk.requested is None
    assert talk.slots["order_number"] == "AB-123456"


async def test_a_customer_with_several_open_orders_gets_them_as_buttons() -> None:
    talk = Talk(LI_LEI, InMemoryShop(SEVERAL), loop="order_form")

    await talk.act("validate_order_form", "查订单", "ask_order_status")
    assert talk.requested == "order_number"
    await talk.act("action_ask_order_number")

    assert talk.responses == ["utter_choose_order"]
    payloads = {button["payload"] for button in talk.said[0]["buttons"]}
    assert payloads == {
        '/give_order_number{"order_number": "AB-123456"}',
        '/give_order_number{"order_number": "AB-222222"}',
    }


async def test_a_visitor_proves_the_order_by_the_phone() -> None:
    talk = Talk(shop=InMemoryShop(ONE_ORDER), loop="order_form")

    await talk.act("validate_order_form", "查订单", "ask_order_status")
    asked_first = talk.requested
    await talk.act("validate_order_form", "ab123456", "give_order_number")
    asked_second = talk.requested
    await talk.act("validate_order_form", "５６７８", "give_phone_last4")

    assert (asked_first, asked_second, talk.requested) == ("order_number", "phone_last4", None)
    assert talk.slots["form_outcome"] is None


@pytest.mark.parametrize("number", ["AB-999999", "AB-123456"])
async def test_an_unknown_order_and_a_wrong_proof_sound_the_same(number: str) -> None:
    talk = Talk(shop=InMemoryShop(ONE_ORDER), loop="order_form")

    await talk.act("validate_order_form", f"订单 {number}", "ask_order_status")
    await talk.act("validate_order_form", "0000", "give_phone_last4")

    assert talk.responses == ["utter_order_not_found"]
    assert talk.requested == "order_number"


async def test_a_corrected_phone_needs_no_second_typing_of_the_number() -> None:
    talk = Talk(shop=InMemoryShop(ONE_ORDER), loop="order_form")
    await talk.act("validate_order_form", "AB-123456", "give_order_number")
    await talk.act("validate_order_form", "0000", "give_phone_last4")

    await talk.act("validate_order_form", "5678", "give_phone_last4")

    assert talk.requested is None
    assert (talk.slots["order_number"], talk.slots["form_outcome"]) == ("AB-123456", None)


async def test_anothers_order_is_not_found_for_a_signed_in_customer() -> None:
    talk = Talk(LI_LEI, InMemoryShop([make_order("CD-204518", customer="c-2")]), loop="order_form")

    await talk.act("validate_order_form", "CD-204518", "give_order_number")

    assert talk.responses == ["utter_order_not_found"]
    assert talk.slots["order_number"] is None


async def test_two_wrong_numbers_end_the_form_with_the_offer_of_a_human() -> None:
    talk = Talk(shop=InMemoryShop(ONE_ORDER), loop="order_form")
    await talk.act("validate_order_form", "查订单", "ask_order_status")
    await talk.act("validate_order_form", "123456789", "give_order_number")
    assert talk.responses == ["utter_order_number_format"]

    await talk.act("validate_order_form", "99999", "give_order_number")
    ended = talk.requested is None
    await talk.act("action_show_order")

    assert ended
    assert talk.responses == ["utter_order_still_not_found"]
    assert talk.slots["pending_offer"] == "not_understood"


@pytest.mark.parametrize("intent", ["ask_knowledge", "talk_to_human", "complain", "stop_form"])
async def test_what_answers_no_question_is_left_to_the_rules(intent: str) -> None:
    talk = Talk(loop="order_form")
    await talk.act("validate_order_form", "查订单", "ask_order_status")

    await talk.act("validate_order_form", "随便一句话", intent)

    assert [event["name"] for event in talk.events] == ["requested_slot"]
    assert talk.requested == "order_number"


async def test_asking_again_for_the_same_is_no_wrong_number() -> None:
    talk = Talk(loop="order_form")
    await talk.act("validate_order_form", "查订单", "ask_order_status")

    await talk.act("validate_order_form", "我要查订单啊", "ask_order_status")

    assert talk.slots["n_wrong_numbers"] == 0.0
    assert len(talk.events) > 1


async def test_the_order_survives_to_the_next_question() -> None:
    talk = Talk(LI_LEI, InMemoryShop(SEVERAL), loop="order_form")
    await talk.act("validate_order_form", "AB-222222 发货没", "ask_order_status")
    await talk.act("action_show_order")

    await talk.act("validate_order_form", "那什么时候能到呢", "track_parcel")

    assert (talk.slots["order_number"], talk.requested) == ("AB-222222", None)


async def test_another_order_asks_again() -> None:
    talk = Talk(LI_LEI, InMemoryShop(SEVERAL), loop="order_form")
    await talk.act("validate_order_form", "AB-222222 发货没", "ask_order_status")
    await talk.act("action_show_order")

    await talk.act("validate_order_form", "另外一单呢", "ask_order_status")

    assert (talk.slots["order_number"], talk.requested) == (None, "order_number")


async def test_an_unreachable_shop_ends_the_form_and_is_told() -> None:
    shop = InMemoryShop(ONE_ORDER)
    shop.is_down = True
    talk = Talk(LI_LEI, shop, loop="order_form")

    await talk.act("validate_order_form", "到哪了", "track_parcel")
    ended = talk.requested is None
    await talk.act("action_show_order")

    assert ended
    assert talk.responses == ["utter_shop_unreachable"]
    assert talk.slots["pending_offer"] == "failure"


async def test_a_question_in_place_of_the_reason_is_answered_not_stored() -> None:
    talk = Talk(LI_LEI, InMemoryShop([make_order("AB-1", OrderState.DELIVERED)]), loop="after_sales_form")
    await talk.act("validate_after_sales_form", "退货", "request_return")

    await talk.act("validate_after_sales_form", "运费多少？", "ask_knowledge", confidence=0.42)

    assert talk.slots["reason"] is None
    assert talk.requested == "reason"


async def test_a_new_reason_at_the_end_replaces_the_first() -> None:
    talk = Talk(LI_LEI, InMemoryShop([make_order("AB-123456", OrderState.DELIVERED)]), loop="after_sales_form")
    await talk.act("validate_after_sales_form", "退货", "request_return")
    await talk.act("validate_after_sales_form", "不喜欢", "give_reason")

    await talk.act("validate_after_sales_form", "其实是坏的", "report_damaged_item")

    assert (talk.slots["reason"], talk.requested) == ("其实是坏的", "confirmed")


async def test_a_form_of_another_goal_starts_clean() -> None:
    talk = Talk(LI_LEI, InMemoryShop([make_order("AB-123456", OrderState.PAID)]), loop="cancel_form")
    await talk.act("validate_cancel_form", "取消订单", "cancel_order")
    await talk.act("validate_cancel_form", "确认", "affirm")
    assert talk.slots["confirmed"] is True

    talk.loop = "address_form"
    await talk.act("validate_address_form", "改地址", "change_address")

    assert (talk.slots["confirmed"], talk.requested) == (None, "new_address")


async def test_an_unsure_yes_is_no_consent() -> None:
    talk = Talk(LI_LEI, InMemoryShop([make_order("AB-123456", OrderState.PAID)]), loop="cancel_form")
    await talk.act("validate_cancel_form", "取消订单", "cancel_order")

    await talk.act("validate_cancel_form", "嗯那个", "affirm", confidence=0.41)

    assert talk.slots["confirmed"] is None


async def test_a_short_address_is_asked_again() -> None:
    talk = Talk(LI_LEI, InMemoryShop([make_order("AB-123456", OrderState.PAID)]), loop="address_form")
    await talk.act("validate_address_form", "改地址", "change_address")

    await talk.act("validate_address_form", "武汉", "give_address")

    assert talk.responses == ["utter_address_format"]
    assert talk.requested == "new_address"
