"""Sends an order that was not shipped to another address."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.order_goal import SubmittingGoal
from actions.orders import Order
from actions.turn import Turn


class SubmitAddress(SubmittingGoal):
    """Changes the address the customer confirmed."""

    action_name = "action_submit_address"
    form = "address_form"

    async def submit(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn, order: Order) -> None:
        """Change the address and repeat it as the shop has it."""
        changed = await self.ports.orders.change_address(
            order.order_number, str(tracker.get_slot("new_address")), idempotency_key=turn.message_id
        )
        dispatcher.utter_message(
            response="utter_address_changed", order_number=changed.order_number, new_address=changed.address
        )
