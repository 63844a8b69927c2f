"""What the actions after an order form share: an ended form is explained, an order is fetched through its one door."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.goal_action import GoalAction, form_closed
from actions.order_rules import DAYS_TO_RETURN, WHY_NOT_BY_FORM, WhyNot
from actions.orders import Order
from actions.turn import Turn
from actions.wording import CASE_STATE, SERVICE, hide_email
from core.errors import ConflictError, NotFoundError


class OrderGoal(GoalAction):
    """Runs when `form` has ended. Whatever the form ended with, what it collected is forgotten afterwards."""

    form: ClassVar[str]

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Reach the goal for the order, or say why not."""
        outcome = tracker.get_slot("form_outcome")
        if outcome == "shop_unreachable":
            dispatcher.utter_message(response="utter_shop_unreachable")
            return [*form_closed(), SlotSet("pending_offer", "failure")]
        number = tracker.get_slot("order_number")
        if outcome == "order_not_found" or not number:
            return self._offer_human(dispatcher)
        try:
            order = await self.access.get(number, turn, tracker.get_slot("phone_last4"))
        except NotFoundError:
            return self._offer_human(dispatcher)
        why_not = WHY_NOT_BY_FORM[self.form](order, self.ports.clock.now())
        if why_not is not None:
            return explain(dispatcher, why_not, order, turn)
        try:
            return [*await self.serve(dispatcher, tracker, turn, order), *form_closed()]
        except ConflictError:  # the order moved on since it was read
            order = await self.access.get(number, turn, tracker.get_slot("phone_last4"))
            why_not = WHY_NOT_BY_FORM[self.form](order, self.ports.clock.now())
            if why_not is None:
                raise
            return explain(dispatcher, why_not, order, turn)

    @abstractmethod
    async def serve(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn, order: Order
    ) -> list[EventType]:
        """Do for this order what the customer wants."""

    @staticmethod
    def _offer_human(dispatcher: CollectingDispatcher) -> list[EventType]:
        dispatcher.utter_message(response="utter_order_still_not_found")
        return [
            *form_closed(),
            SlotSet("order_number", None),
            SlotSet("phone_last4", None),
            SlotSet("pending_offer", "not_understood"),
        ]


def explain(dispatcher: CollectingDispatcher, why_not: WhyNot, order: Order, turn: Turn) -> list[EventType]:
    """Say why a goal cannot be reached for an order; where people may find another way, they are on offer."""
    facts: dict[str, Any] = {"order_number": order.order_number, "days": DAYS_TO_RETURN}
    if order.case is not None:
        facts["service"] = SERVICE[order.case.kind].in_language(turn.language)
        facts["case_state"] = CASE_STATE[order.case.state].in_language(turn.language)
    if order.invoice is not None:
        facts["invoice_title"] = order.invoice.title
        facts["email"] = hide_email(order.invoice.email)
    dispatcher.utter_message(response=why_not.value, **facts)
    is_final = why_not in {WhyNot.ENDED, WhyNot.NOT_PAID}
    return [*form_closed(), SlotSet("pending_offer", "none" if is_final else "policy")]


class SubmittingGoal(OrderGoal):
    """A goal that changes something at the shop: only after a clear yes, once per message."""

    when_unreachable = "utter_submit_unknown"

    async def serve(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn, order: Order
    ) -> list[EventType]:
        """Submit what the customer confirmed; submit nothing otherwise."""
        if tracker.get_slot("confirmed") is not True:
            dispatcher.utter_message(response="utter_nothing_submitted")
            return []
        await self.submit(dispatcher, tracker, turn, order)
        return [SlotSet("pending_offer", "none")]

    @abstractmethod
    async def submit(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn, order: Order) -> None:
        """Make the change at the shop and say what came of it."""
