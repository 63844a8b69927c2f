"""Helps with trouble when paying."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.goal_action import GoalAction
from actions.orders import OrderState
from actions.turn import Turn
from actions.wording import write_money


class HelpPayment(GoalAction):
    """Gives the usual advice, and names the unpaid order of a signed-in customer who has one."""

    action_name = "action_help_payment"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Say what helps; people are one button away for money that was taken."""
        dispatcher.utter_message(response="utter_payment_help")
        if turn.shop_customer_id is None:
            return []
        orders = await self.ports.orders.list_orders(turn.shop_customer_id)
        unpaid = next((order for order in orders if order.state is OrderState.PENDING_PAYMENT), None)
        if unpaid is not None:
            dispatcher.utter_message(
                response="utter_payment_pending_order",
                order_number=unpaid.order_number,
                total=write_money(unpaid.total),
            )
        return []
