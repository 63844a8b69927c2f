"""The five forms about one order: what each asks, in which order, and when it ends."""

from __future__ import annotations

from typing import ClassVar

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import form_answers
from actions.form_answers import Answer
from actions.form_slots import FormSlots
from actions.goal_action import FORM_SLOTS, REQUESTED_SLOT, GoalAction
from actions.order_numbers import find_order_number
from actions.order_rules import WHY_NOT_BY_FORM, orders_in_question
from actions.turn import Turn
from actions.wording import write_summary
from core.errors import NotFoundError, ProviderError
from core.logs import get_logger

log = get_logger(__name__)

WRONG_NUMBERS_BEFORE_HUMAN = 2


class OrderForm(GoalAction):
    """Validates a form that is about one order: finds the order first, then collects `questions`.

    Rasa calls it when the form starts, after each message while it is active, and once more with the same message when
    the form resumes after an interruption. It steers the form by `requested_slot`. An event for `requested_slot` alone
    means "this message is not for the form": Rasa then lets a rule answer, and asks the same question again.
    """

    form: ClassVar[str]
    starters: ClassVar[frozenset[str]]
    questions: ClassVar[tuple[str, ...]] = ()

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Take in the message and decide what is asked next."""
        slots = FormSlots(tracker)
        if slots[REQUESTED_SLOT] is None or slots["open_form"] != self.form:
            await self._start(slots, turn)
        else:
            answer = self._take(slots, turn)
            if answer is Answer.INTERRUPTED:
                return [SlotSet(REQUESTED_SLOT, tracker.get_slot(REQUESTED_SLOT))]
            if answer is Answer.MALFORMED:
                self._say_malformed(dispatcher, slots)
        if slots["form_outcome"] is None:
            await self._find_order(dispatcher, slots, turn)
        self._ask_next(slots, turn)
        return slots.events()

    async def _start(self, slots: FormSlots, turn: Turn) -> None:
        for slot in (*FORM_SLOTS, "order_summary"):
            slots[slot] = None
        slots["open_form"] = self.form
        if "reason" in self.questions:
            slots["reason"] = turn.entities.get("reason")
        slots["n_wrong_numbers"] = 0.0
        number = form_answers.read_number(turn)
        if number is None and not form_answers.names_another_order(turn):
            number = find_order_number(slots.text("order_number") or "")
        slots["phone_last4"] = form_answers.read_phone_beside_number(turn) or slots["phone_last4"]
        try:
            slots["order_number"] = await self._choose_order(number, slots, turn)
        except ProviderError as error:
            _note_unreachable(slots, error)

    async def _choose_order(self, number: str | None, slots: FormSlots, turn: Turn) -> str | None:
        """Return the number named, else the one order a signed-in customer can mean, else None."""
        if turn.shop_customer_id is None or form_answers.read_number(turn) is not None:
            return number
        orders = await self.ports.orders.list_orders(turn.shop_customer_id)
        possible = orders_in_question(self.form, slots["goal"], orders, self.ports.clock.now())
        numbers = [order.order_number for order in possible]
        is_view = self.form == "order_form"
        if number is not None and (is_view or number in numbers):
            return number
        return numbers[0] if len(numbers) == 1 else None

    def _take(self, slots: FormSlots, turn: Turn) -> Answer:
        number = form_answers.read_number(turn)
        if number is not None:
            slots["order_number"], slots["order_summary"], slots["confirmed"] = number, None, None
            slots["phone_last4"] = form_answers.read_phone_beside_number(turn) or slots["phone_last4"]
            return Answer.GIVEN
        requested = slots[REQUESTED_SLOT]
        answer = self._take_proof(slots, turn) if requested in _PROOFS else self._take_words(slots, turn)
        if answer is not Answer.INTERRUPTED:
            return answer
        if self._take_unasked(slots, turn):
            return Answer.GIVEN
        if turn.intent in self.starters:
            slots[requested] = None
            return Answer.RESTARTED
        return answer

    def _take_unasked(self, slots: FormSlots, turn: Turn) -> bool:
        """Take what belongs to another question of the form: a title before the number, a corrected reason."""
        for slot in self.questions:
            words = _READERS[slot](turn) if form_answers.gives(slot, turn) else None
            if words is not None:
                slots[slot] = words
                return True
        return False

    @staticmethod
    def _take_proof(slots: FormSlots, turn: Turn) -> Answer:
        requested = slots[REQUESTED_SLOT]
        if requested == "phone_last4":
            slots["phone_last4"] = form_answers.read_phone_last4(turn)
            if slots["phone_last4"] is not None:
                return Answer.GIVEN
        elif slots["tried_number"] and (phone := form_answers.read_phone_last4(turn)):
            slots["order_number"], slots["phone_last4"] = slots["tried_number"], phone
            return Answer.GIVEN
        if not form_answers.is_attempt_at_number(turn):
            return Answer.INTERRUPTED
        slots[requested] = None
        return Answer.MALFORMED

    @staticmethod
    def _take_words(slots: FormSlots, turn: Turn) -> Answer:
        requested = slots[REQUESTED_SLOT]
        if requested == "confirmed":
            slots["confirmed"] = form_answers.read_consent(turn)
            return Answer.INTERRUPTED if slots["confirmed"] is None else Answer.GIVEN
        words = _READERS[requested](turn)
        slots[requested] = words
        if words is None:
            return Answer.INTERRUPTED
        if requested == "new_address" and not form_answers.is_complete_address(words):
            slots[requested] = None
            return Answer.MALFORMED
        return Answer.GIVEN

    @staticmethod
    def _say_malformed(dispatcher: CollectingDispatcher, slots: FormSlots) -> None:
        requested = slots[REQUESTED_SLOT]
        if requested == "new_address":
            dispatcher.utter_message(response="utter_address_format")
            return
        if _count_wrong_number(slots):
            return
        dispatcher.utter_message(response=f"utter_{requested}_format")

    async def _find_order(self, dispatcher: CollectingDispatcher, slots: FormSlots, turn: Turn) -> None:
        """Look the order up once its number and, where needed, the proof are there."""
        number, proof = slots.text("order_number"), slots.text("phone_last4")
        if number is None or slots["order_summary"] is not None:
            return
        if proof is None and self.access.needs_phone(turn):
            return
        try:
            order = await self.access.get(number, turn, proof)
        except NotFoundError:
            slots["tried_number"], slots["order_number"], slots["phone_last4"] = number, None, None
            if not _count_wrong_number(slots):
                dispatcher.utter_message(response="utter_order_not_found")
            return
        except ProviderError as error:
            _note_unreachable(slots, error)
            return
        slots["order_number"], slots["phone_last4"] = number, proof
        slots["order_summary"] = write_summary(order, turn.language)
        if WHY_NOT_BY_FORM[self.form](order, self.ports.clock.now()) is not None:
            slots["form_outcome"] = "not_possible"

    def _ask_next(self, slots: FormSlots, turn: Turn) -> None:
        ended = slots["form_outcome"] is not None
        proofs = _PROOFS if self.access.needs_phone(turn) else ("order_number",)
        missing = (slot for slot in (*proofs, *self.questions) if slots[slot] is None)
        slots[REQUESTED_SLOT] = None if ended else next(missing, None)


class ValidateOrderForm(OrderForm):
    """Looking at an order: its state, its parcel, its refund."""

    action_name = "validate_order_form"
    form = "order_form"
    starters = frozenset({"ask_order_status", "track_parcel", "ask_refund_status", "give_order_number"})


class ValidateAfterSalesForm(OrderForm):
    """A return, refund or exchange."""

    action_name = "validate_after_sales_form"
    form = "after_sales_form"
    starters = frozenset({"request_return", "request_refund", "request_exchange"})
    questions = ("reason", "confirmed")


class ValidateInvoiceForm(OrderForm):
    """An invoice."""

    action_name = "validate_invoice_form"
    form = "invoice_form"
    starters = frozenset({"request_invoice"})
    questions = ("invoice_title", "confirmed")


class ValidateAddressForm(OrderForm):
    """Another address for an order that was not shipped."""

    action_name = "validate_address_form"
    form = "address_form"
    starters = frozenset({"change_address"})
    questions = ("new_address", "confirmed")


class ValidateCancelForm(OrderForm):
    """Cancelling an order that was not shipped."""

    action_name = "validate_cancel_form"
    form = "cancel_form"
    starters = frozenset({"cancel_order"})
    questions = ("confirmed",)


_PROOFS = ("order_number", "phone_last4")
_READERS = {
    "reason": form_answers.read_reason,
    "new_address": form_answers.read_address,
    "invoice_title": form_answers.read_title,
}


def _count_wrong_number(slots: FormSlots) -> bool:
    """Count one more wrong number; return True, with the form ended, when it is time to offer a human."""
    slots["n_wrong_numbers"] = float(slots["n_wrong_numbers"] or 0.0) + 1
    if slots["n_wrong_numbers"] < WRONG_NUMBERS_BEFORE_HUMAN:
        return False
    slots["form_outcome"] = "order_not_found"
    return True


def _note_unreachable(slots: FormSlots, error: ProviderError) -> None:
    log.warning("form.provider_failed", code=error.code)
    slots["form_outcome"] = "shop_unreachable"
