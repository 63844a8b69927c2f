"""Lists the coupons a signed-in customer can still use."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.goal_action import GoalAction
from actions.orders import Coupon
from actions.turn import Turn
from actions.wording import write_day


class ShowCoupons(GoalAction):
    """Shows codes with their last day; they belong to an account, so only its owner sees them."""

    action_name = "action_show_coupons"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """List the coupons, the first to expire first."""
        if turn.shop_customer_id is None:
            dispatcher.utter_message(response="utter_sign_in_for_coupons")
            return []
        coupons = await self.ports.orders.list_coupons(turn.shop_customer_id)
        if not coupons:
            dispatcher.utter_message(response="utter_no_coupons")
            return []
        lines = "\n".join(_line(coupon, turn) for coupon in coupons)
        dispatcher.utter_message(response="utter_coupons", n_coupons=len(coupons), coupons=lines)
        return []


def _line(coupon: Coupon, turn: Turn) -> str:
    day = write_day(coupon.valid_until, turn.language)
    title = coupon.title.in_language(turn.language)
    return f"{coupon.code} · {title} · " + (f"{day}前有效" if turn.language == "zh" else f"valid until {day}")
