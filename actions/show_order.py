"""Order status, parcel tracking and refund status: three ways to look at one order."""

from __future__ import annotations

from datetime import datetime, timedelta

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.order_goal import OrderGoal
from actions.orders import CaseState, Order, OrderState, Parcel, ServiceCase
from actions.turn import Turn
from actions.wording import (
    CASE_STATE,
    SERVICE,
    SHOP_TIME_ZONE,
    write_day,
    write_items,
    write_moment,
    write_money,
)
from core.errors import NotFoundError

_LATE_AFTER = timedelta(days=1)


class ShowOrder(OrderGoal):
    """Shows the order the way the customer's last goal asks for."""

    action_name = "action_show_order"
    form = "order_form"

    async def serve(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn, order: Order
    ) -> list[EventType]:
        """Say how the order, its parcel or its refund stands."""
        goal = tracker.get_slot("goal")
        if goal == "parcel":
            return await self._show_parcel(dispatcher, turn, order)
        if goal == "refund_status":
            return self._show_refund(dispatcher, turn, order)
        return self.show_state(dispatcher, turn, order)

    def show_state(self, dispatcher: CollectingDispatcher, turn: Turn, order: Order) -> list[EventType]:
        """Say where the order stands; an open service case comes first."""
        facts = {
            "order_number": order.order_number,
            "items": write_items(order, turn.language),
            "total": write_money(order.total),
            "estimated_delivery": write_day(order.estimated_on, turn.language),
        }
        if order.delivered_at is not None:
            facts["delivered_at"] = write_day(order.delivered_at, turn.language)
        if order.carrier is not None and order.tracking_number is not None:
            facts |= {
                "carrier": order.carrier.in_language(turn.language),
                "tracking_number": order.tracking_number,
            }
        response = f"utter_order_{order.state.value}"
        if order.case is not None and order.case.state.is_open:
            response = "utter_order_in_after_sales"
            facts |= {
                "service": SERVICE[order.case.kind].in_language(turn.language),
                "case_state": CASE_STATE[order.case.state].in_language(turn.language),
            }
        dispatcher.utter_message(response=response, **facts)
        return []

    async def _show_parcel(self, dispatcher: CollectingDispatcher, turn: Turn, order: Order) -> list[EventType]:
        try:
            parcel = await self.ports.orders.track_parcel(order.order_number)
        except NotFoundError:
            waiting = order.state.is_before_shipping
            dispatcher.utter_message(
                response="utter_no_parcel_yet" if waiting else "utter_no_parcel_order_ended",
                order_number=order.order_number,
                estimated_delivery=write_day(order.estimated_on, turn.language),
            )
            return []
        delivered = order.delivered_at is not None
        dispatcher.utter_message(
            response="utter_parcel_delivered" if delivered else "utter_parcel", **_parcel_facts(parcel, order, turn)
        )
        if order.state is OrderState.SHIPPED and _is_late(order, self.ports.clock.now()):
            dispatcher.utter_message(response="utter_parcel_late")
            return [SlotSet("pending_offer", "policy")]
        return []

    @staticmethod
    def _show_refund(dispatcher: CollectingDispatcher, turn: Turn, order: Order) -> list[EventType]:
        if order.case is None:
            dispatcher.utter_message(response="utter_refund_none", order_number=order.order_number)
            return []
        dispatcher.utter_message(response="utter_refund_status", **_case_facts(order.case, turn))
        return []


def _parcel_facts(parcel: Parcel, order: Order, turn: Turn) -> dict[str, str]:
    last = parcel.scans[-1]
    return {
        "carrier": parcel.carrier.in_language(turn.language),
        "tracking_number": parcel.tracking_number,
        "last_place": last.place.in_language(turn.language),
        "last_text": last.text.in_language(turn.language),
        "last_at": write_moment(last.at, turn.language),
        "estimated_delivery": write_day(order.estimated_on, turn.language),
    }


def _case_facts(case: ServiceCase, turn: Turn) -> dict[str, str]:
    service = SERVICE[case.kind].in_language(turn.language)
    return {
        "order_number": case.order_number,
        "case_id": case.case_id,
        "service": service,
        "service_cap": service[:1].upper() + service[1:],
        "case_state": CASE_STATE[case.state].in_language(turn.language),
        "amount": write_money(case.amount),
        "expected": _expected(case, turn),
    }


def _expected(case: ServiceCase, turn: Turn) -> str:
    zh = turn.language == "zh"
    if case.state is CaseState.REJECTED:
        return "如有疑问可以找人工客服" if zh else "a colleague can tell you more"
    if not case.state.is_open or case.expected_on is None:
        return "已经办结" if zh else "all done"
    day = write_day(case.expected_on, turn.language)
    return f"预计 {day} 前办结" if zh else f"expected to be settled by {day}"


def _is_late(order: Order, now: datetime) -> bool:
    return now.astimezone(SHOP_TIME_ZONE).date() - order.estimated_on >= _LATE_AFTER
