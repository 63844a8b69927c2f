from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from actions.orders import CaseState, OrderState, ServiceKind
from core.errors import ProviderError
from tests.unit.actions.in_memory_shop import NOW, InMemoryShop, make_order
from tests.unit.actions.talk import LI_LEI, Talk


def _asking_about(shop: InMemoryShop, number: str = "AB-123456", **slots: Any) -> Talk:
    return Talk(LI_LEI, shop, slots={"language": "zh", "order_number": number, **slots})


@pytest.mark.parametrize("state", list(OrderState))
async def test_every_state_of_an_order_has_words(state: OrderState) -> None:
    talk = _asking_about(InMemoryShop([make_order("AB-123456", state)]), goal="order_status")

    await talk.act("action_show_order")

    assert talk.responses == [f"utter_order_{state.value}"]
    assert talk.said[0]["items"] == "云雀降噪耳机 ×1"


async def test_the_facts_are_in_the_customers_language() -> None:
    talk = _asking_about(InMemoryShop([make_order("AB-123456")]), goal="parcel", language="en")

    await talk.act("action_show_order")

    assert talk.responses == ["utter_parcel"]
    assert (talk.said[0]["carrier"], talk.said[0]["last_place"]) == ("SF Express", "Hangzhou hub")
    assert talk.said[0]["estimated_delivery"] == "12 Mar"


async def test_a_late_parcel_is_admitted() -> None:
    shop = InMemoryShop([make_order("AB-123456")])
    talk = _asking_about(shop, goal="parcel")
    talk.clock.advance(timedelta(days=5).total_seconds())

    await talk.act("action_show_order")

    assert talk.responses == ["utter_parcel", "utter_parcel_late"]


async def test_an_order_not_shipped_has_no_parcel_yet() -> None:
    talk = _asking_about(InMemoryShop([make_order("AB-123456", OrderState.PACKING)]), goal="parcel")

    await talk.act("action_show_order")

    assert talk.responses == ["utter_no_parcel_yet"]


async def test_a_confirmed_return_is_submitted_once_with_the_message_id() -> None:
    shop = InMemoryShop([make_order("AB-123456", OrderState.DELIVERED)])
    talk = _asking_about(shop, service_kind="return", reason="质量问题", confirmed=True)

    await talk.act("action_submit_after_sales")

    assert talk.responses == ["utter_after_sales_submitted"]
    assert list(shop.done) == ["m-1"]
    case = shop.orders["AB-123456"].case
    assert case is not None
    assert (case.kind, case.reason) == (ServiceKind.RETURN, "质量问题")
    assert talk.slots["confirmed"] is None


@pytest.mark.parametrize("confirmed", [None, False])
@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("action_submit_after_sales", OrderState.DELIVERED),
        ("action_submit_cancel", OrderState.PAID),
        ("action_submit_address", OrderState.PAID),
        ("action_submit_invoice", OrderState.PAID),
    ],
)
async def test_nothing_is_submitted_without_a_yes(action: str, state: OrderState, confirmed: bool | None) -> None:
    shop = InMemoryShop([make_order("AB-123456", state)])
    talk = _asking_about(
        shop, confirmed=confirmed, reason="x", new_address="a", invoice_title="b", service_kind="return"
    )

    await talk.act(action)

    assert talk.responses == ["utter_nothing_submitted"]
    assert shop.done == {}


async def test_what_a_form_collected_is_not_used_for_anothers_order() -> None:
    shop = InMemoryShop([make_order("CD-204518", OrderState.PAID, customer="c-2")])
    talk = _asking_about(shop, "CD-204518", confirmed=True)

    await talk.act("action_submit_cancel")

    assert talk.responses == ["utter_order_still_not_found"]
    assert shop.orders["CD-204518"].state is OrderState.PAID


@pytest.mark.parametrize(
    ("action", "state", "response"),
    [
        ("action_submit_cancel", OrderState.SHIPPED, "utter_cancel_too_late"),
        ("action_submit_cancel", OrderState.CANCELLED, "utter_cancel_already_ended"),
        ("action_submit_address", OrderState.DELIVERED, "utter_address_too_late"),
        ("action_submit_after_sales", OrderState.SHIPPED, "utter_after_sales_not_delivered"),
        ("action_submit_invoice", OrderState.PENDING_PAYMENT, "utter_invoice_not_paid"),
    ],
)
async def test_what_the_state_forbids_is_explained(action: str, state: OrderState, response: str) -> None:
    talk = _asking_about(InMemoryShop([make_order("AB-123456", state)]), form_outcome="not_possible")

    await talk.act(action)

    assert talk.responses == [response]


async def test_a_return_after_thirty_days_is_left_to_people() -> None:
    order = make_order("AB-123456", OrderState.DELIVERED, delivered_at=NOW - timedelta(days=31))
    talk = _asking_about(InMemoryShop([order]))

    await talk.act("action_submit_after_sales")

    assert talk.responses == ["utter_after_sales_too_late"]
    assert talk.slots["pending_offer"] == "policy"


async def test_an_order_that_moved_on_between_reading_and_writing_is_explained() -> None:
    shop = InMemoryShop([make_order("AB-123456", OrderState.PAID)])
    cancel = shop.cancel_order

    async def ship_first(order_number: str, *, idempotency_key: str) -> Any:
        shop.orders[order_number] = replace(shop.orders[order_number], state=OrderState.SHIPPED)
        return await cancel(order_number, idempotency_key=idempotency_key)

    shop.cancel_order = ship_first  # type: ignore[method-assign]
    talk = _asking_about(shop, confirmed=True)

    await talk.act("action_submit_cancel")

    assert talk.responses == ["utter_cancel_too_late"]


async def test_a_shop_that_does_not_answer_a_submission_is_told_honestly() -> None:
    shop = InMemoryShop([make_order("AB-123456", OrderState.PAID)])

    async def no_answer(order_number: str, *, idempotency_key: str) -> Any:
        raise ProviderError("No answer.", code="shop_unreachable")

    shop.cancel_order = no_answer  # type: ignore[method-assign]
    talk = _asking_about(shop, confirmed=True)

    await talk.act("action_submit_cancel")

    assert talk.responses == ["utter_submit_unknown"]
    assert talk.slots["confirmed"] is None


async def test_an_unexpected_error_passes_through() -> None:
    shop = InMemoryShop([make_order("AB-123456")])

    async def broken(order_number: str) -> Any:
        raise ZeroDivisionError

    shop.track_parcel = broken  # type: ignore[method-assign]
    talk = _asking_about(shop, goal="parcel")

    with pytest.raises(ZeroDivisionError):
        await talk.act("action_show_order")


async def test_a_refund_under_way_is_shown_with_its_state() -> None:
    shop = InMemoryShop([make_order("AB-123456", OrderState.DELIVERED)])
    case = await shop.request_return("AB-123456", ServiceKind.REFUND, "坏了", idempotency_key="k")
    shop.orders["AB-123456"] = replace(shop.orders["AB-123456"], case=replace(case, state=CaseState.RECEIVED))
    talk = _asking_about(shop, goal="refund_status")

    await talk.act("action_show_order")

    assert talk.responses == ["utter_refund_status"]
    assert talk.said[0]["case_state"] == "仓库已收到，正在验货"
