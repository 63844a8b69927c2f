"""Cancels an order that was not shipped."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.order_goal import SubmittingGoal
from actions.orders import Order
from actions.turn import Turn


class SubmitCancel(SubmittingGoal):
    """Cancels the order the customer confirmed."""

    action_name = "action_submit_cancel"
    form = "cancel_form"

    async def submit(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn, order: Order) -> None:
        """Cancel the order and say what happens to the money."""
        cancelled = await self.ports.orders.cancel_order(order.order_number, idempotency_key=turn.message_id)
        dispatcher.utter_message(response="utter_order_now_cancelled", order_number=cancelled.order_number)
