"""What all actions share: their ports, the turn, and an honest word when the shop's system is out of reach."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.order_access import OrderAccess
from actions.ports import ActionPorts
from actions.turn import Turn
from core.errors import ProviderError
from core.logs import get_logger

log = get_logger(__name__)

REQUESTED_SLOT = "requested_slot"
FORM_SLOTS = ("reason", "new_address", "invoice_title", "confirmed", "form_outcome", "open_form", "tried_number")
FAILURES_BEFORE_HANDOFF = 2


class GoalAction(Action):  # type: ignore[misc]  # rasa-sdk ships no types
    """An action that serves one goal of a customer.

    An order system that cannot be reached is expected and told to the customer. Any other error is a bug: it passes
    through, so that the engine reports the turn as failed and people take over.
    """

    action_name: ClassVar[str]
    when_unreachable: ClassVar[str] = "utter_shop_unreachable"

    def __init__(self, ports: ActionPorts, access: OrderAccess) -> None:
        self.ports = ports
        self.access = access

    def name(self) -> str:
        """Return the name under which the domain lists the action."""
        return self.action_name

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Act on the present turn."""
        turn = await self._read_turn(tracker)
        try:
            return await self.act(dispatcher, tracker, turn)
        except ProviderError as error:
            log.warning("action.provider_failed", action=self.action_name, code=error.code)
            dispatcher.utter_message(response=self.when_unreachable)
            return [*form_closed(), SlotSet("pending_offer", "failure")]

    async def _read_turn(self, tracker: Tracker) -> Turn:
        turn = Turn.from_tracker(tracker)
        if turn.profile or not (turn.verified and turn.customer_id):
            return turn
        return turn.with_profile(await self.ports.profiles.summary(turn.customer_id))

    @abstractmethod
    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn) -> list[EventType]:
        """Say what there is to say and return the tracker events."""


def form_closed() -> list[EventType]:
    """Forget what a form collected; the order being talked about stays."""
    return [SlotSet(slot, None) for slot in FORM_SLOTS]


def form_left() -> list[EventType]:
    """End whatever form is active and forget what it collected."""
    return [ActiveLoop(None), SlotSet(REQUESTED_SLOT, None), *form_closed()]


def hand_over(dispatcher: CollectingDispatcher, reason: str, evidence: str) -> list[EventType]:
    """Ask the server to hand the conversation to people; the server tells the customer."""
    dispatcher.utter_message(json_message={"effect": "handoff", "reason": reason, "evidence": evidence})
    return [
        *form_left(),
        SlotSet("n_failures", 0.0),
        SlotSet("n_complaints", 0.0),
        SlotSet("pending_offer", "none"),
    ]


def note_failure(dispatcher: CollectingDispatcher, tracker: Tracker, turn: Turn, *, response: str) -> list[EventType]:
    """Ask back after the first failure; hand over after the second in a row."""
    n_failures = float(tracker.get_slot("n_failures") or 0.0) + 1
    if n_failures >= FAILURES_BEFORE_HANDOFF:
        return hand_over(dispatcher, "not_understood", turn.evidence)
    dispatcher.utter_message(response=response)
    return [SlotSet("n_failures", n_failures)]
