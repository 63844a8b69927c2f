"""Greets: by name when the customer has signed in, and with the one order that is under way."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.goal_action import GoalAction, log
from actions.orders import Order
from actions.turn import Turn
from actions.wording import write_summary
from core.errors import ProviderError


class GreetCustomer(GoalAction):
    """The first words of a conversation."""

    action_name = "action_greet_customer"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Greet; inside a form only a short word, since the form asks again."""
        if turn.name is None:
            dispatcher.utter_message(response="utter_greet")
            return []
        order = None if tracker.active_loop_name else await self._find_only_open_order(turn)
        if order is None:
            dispatcher.utter_message(response="utter_greet_by_name", customer_name=turn.name)
            return [SlotSet("customer_name", turn.name)]
        summary = write_summary(order, turn.language)
        dispatcher.utter_message(
            response="utter_greet_by_name_with_order", customer_name=turn.name, order_summary=summary
        )
        return [
            SlotSet("customer_name", turn.name),
            SlotSet("order_number", order.order_number),
            SlotSet("pending_offer", "show_order"),
        ]

    async def _find_only_open_order(self, turn: Turn) -> Order | None:
        if turn.shop_customer_id is None:
            return None
        try:
            orders = await self.ports.orders.list_orders(turn.shop_customer_id)
        except ProviderError as error:  # a greeting needs no order system
            log.warning("greet.provider_failed", code=error.code)
            return None
        still_open = [order for order in orders if order.state.is_open]
        return still_open[0] if len(still_open) == 1 else None
