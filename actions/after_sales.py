"""Submits a return, refund or exchange."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.order_goal import SubmittingGoal
from actions.orders import Order, ServiceKind
from actions.turn import Turn
from actions.wording import write_money


class SubmitAfterSales(SubmittingGoal):
    """Opens the case the customer confirmed."""

    action_name = "action_submit_after_sales"
    form = "after_sales_form"

    async def submit(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn, order: Order) -> None:
        """Open the case and give its number."""
        kind = ServiceKind(tracker.get_slot("service_kind"))
        case = await self.ports.orders.request_return(
            order.order_number, kind, str(tracker.get_slot("reason")), idempotency_key=turn.message_id
        )
        dispatcher.utter_message(
            response="utter_after_sales_submitted", case_id=case.case_id, amount=write_money(case.amount)
        )
