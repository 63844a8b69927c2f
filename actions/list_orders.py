"""Lists a signed-in customer's orders, and asks which one is meant."""

from __future__ import annotations

import json

from rasa_sdk import Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.goal_action import GoalAction
from actions.order_rules import orders_in_question
from actions.orders import Order
from actions.turn import Turn
from actions.wording import write_items, write_line

MOST_LISTED = 5
MOST_CHOICES = 6


class ListOrders(GoalAction):
    """Shows the latest orders; a visitor who has not signed in is told how to get on."""

    action_name = "action_list_orders"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """List the customer's own orders, newest first."""
        if turn.shop_customer_id is None:
            dispatcher.utter_message(response="utter_sign_in_for_orders")
            return []
        orders = (await self.ports.orders.list_orders(turn.shop_customer_id))[:MOST_LISTED]
        if not orders:
            dispatcher.utter_message(response="utter_no_orders")
            return []
        lines = "\n".join(write_line(order, turn.language) for order in orders)
        dispatcher.utter_message(
            response="utter_order_list", orders=lines, buttons=[order_button(order, turn) for order in orders]
        )
        return []


class AskOrderNumber(GoalAction):
    """Asks a form's first question: choices for a signed-in customer with several orders, else the number."""

    action_name = "action_ask_order_number"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Ask which order is meant."""
        possible: list[Order] = []
        if turn.shop_customer_id is not None:
            orders = await self.ports.orders.list_orders(turn.shop_customer_id)
            form = tracker.active_loop_name or "order_form"
            possible = orders_in_question(form, tracker.get_slot("goal"), orders, self.ports.clock.now()) or orders
        if possible:
            buttons = [order_button(order, turn) for order in possible[:MOST_CHOICES]]
            dispatcher.utter_message(response="utter_choose_order", buttons=buttons)
        else:
            dispatcher.utter_message(response="utter_ask_order_number")
        return []


def order_button(order: Order, turn: Turn) -> dict[str, str]:
    """Return the button that names one order."""
    payload = json.dumps({"order_number": order.order_number})
    return {
        "title": f"{order.order_number} {write_items(order, turn.language)}",
        "payload": f"/give_order_number{payload}",
    }
