"""The ways from the assistant to people: asked for, offered and taken, or earned by a complaint."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.goal_action import GoalAction, form_left, hand_over
from actions.order_access import OrderAccess
from actions.ports import ActionPorts
from actions.show_order import ShowOrder
from actions.turn import Turn

COMPLAINTS_BEFORE_HANDOFF = 2


class HandToHuman(GoalAction):
    """Hands over because the customer asks; the server announces it."""

    action_name = "action_hand_to_human"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Ask for people and leave any form."""
        return hand_over(dispatcher, "customer_asked", "" if turn.is_button else turn.evidence)


class HandleComplaint(GoalAction):
    """Apologises and offers people; a second complaint goes to them at once."""

    action_name = "action_handle_complaint"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Apologise, or hand over."""
        n_complaints = float(tracker.get_slot("n_complaints") or 0.0) + 1
        if n_complaints >= COMPLAINTS_BEFORE_HANDOFF:
            return hand_over(dispatcher, "complaint", turn.evidence)
        dispatcher.utter_message(response="utter_apologize_complaint")
        return [SlotSet("n_complaints", n_complaints), SlotSet("pending_offer", "complaint")]


class TakeOffer(GoalAction):
    """A yes outside a form: takes what the assistant offered last."""

    action_name = "action_take_offer"

    def __init__(self, ports: ActionPorts, access: OrderAccess) -> None:
        super().__init__(ports, access)
        self._show_order = ShowOrder(ports, access)

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Hand over or show the order; a yes to nothing is a friendly nod."""
        offer = tracker.get_slot("pending_offer") or "none"
        if offer == "none" and tracker.active_loop_name:
            return []  # the form asks again
        if offer == "none":
            dispatcher.utter_message(response="utter_nothing_more")
            return []
        if offer == "show_order":
            return [SlotSet("pending_offer", "none"), *await self._show_order.act(dispatcher, tracker, turn)]
        return hand_over(dispatcher, offer, turn.evidence)


class DeclineOffer(GoalAction):
    """A no: to an offer, or to a form's question other than the last, which means "leave it"."""

    action_name = "action_decline_offer"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Leave it at that."""
        if tracker.active_loop_name:
            return _leave_form(dispatcher)
        dispatcher.utter_message(response="utter_nothing_more")
        return [SlotSet("pending_offer", "none")]


class StopForm(GoalAction):
    """Leaves a form without submitting anything."""

    action_name = "action_stop_form"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """End the form that is active, if any."""
        if tracker.active_loop_name is None:
            dispatcher.utter_message(response="utter_nothing_to_stop")
            return [SlotSet("pending_offer", "none")]
        return _leave_form(dispatcher)


class SayGoodbye(GoalAction):
    """The customer goes; a form does not hold them back."""

    action_name = "action_say_goodbye"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Say goodbye and end the form that is active, if any."""
        dispatcher.utter_message(response="utter_goodbye")
        return form_left() if tracker.active_loop_name else []


def _leave_form(dispatcher: CollectingDispatcher) -> list[EventType]:
    dispatcher.utter_message(response="utter_stopped")
    return [*form_left(), SlotSet("pending_offer", "none")]
