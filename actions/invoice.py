"""Asks the shop for an invoice."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.order_goal import SubmittingGoal
from actions.orders import Order
from actions.turn import Turn
from actions.wording import hide_email


class SubmitInvoice(SubmittingGoal):
    """Orders the invoice the customer confirmed."""

    action_name = "action_submit_invoice"
    form = "invoice_form"

    async def submit(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn, order: Order) -> None:
        """Ask for the invoice and say where it goes."""
        invoice = await self.ports.orders.request_invoice(
            order.order_number, str(tracker.get_slot("invoice_title")), idempotency_key=turn.message_id
        )
        dispatcher.utter_message(response="utter_invoice_requested", email=hide_email(invoice.email))
