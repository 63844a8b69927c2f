"""The slots of a form while its validation works on them: reads through to the tracker, collects what changed."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet

from actions.goal_action import REQUESTED_SLOT


class FormSlots:
    """An overlay over the tracker's slots; `events` sets what was assigned, `requested_slot` last.

    Rasa takes a `requested_slot` of None for the end of the form, and reads only what stands last.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._changed: dict[str, Any] = {}

    def __getitem__(self, slot: str) -> Any:
        return self._changed[slot] if slot in self._changed else self._tracker.get_slot(slot)

    def __setitem__(self, slot: str, value: Any) -> None:
        self._changed[slot] = value

    def text(self, slot: str) -> str | None:
        """Return a slot's text, or None when it is empty."""
        value = self[slot]
        return str(value) if value else None

    def events(self) -> list[EventType]:
        """Return the tracker events; assigned slots are set even to the value they had."""
        rest = {slot: value for slot, value in self._changed.items() if slot != REQUESTED_SLOT}
        return [SlotSet(slot, value) for slot, value in rest.items()] + [SlotSet(REQUESTED_SLOT, self[REQUESTED_SLOT])]
