"""A tracker that knows its past states, instead of replaying the whole conversation for each prediction.

Rasa rebuilds every past state twice for each predicted action, so that a turn's cost grows with the conversation.
Here a state is computed once and used again as long as the events before it are the same; the rules that make and
join states stay Rasa's own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rasa.shared.core.domain import Domain, State
from rasa.shared.core.events import ActionExecuted, Event, UserUttered
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker, TrackerActiveLoop

_Slots = dict[str, Slot]


@dataclass
class PriorTracker:
    """What a tracker was just before an action: as much as a state is made of, and as a replay goes on from.

    `states` holds the state made of it, with and without unset slots. It stays true once the action ran: what a
    prediction adds to the message, it adds before.
    """

    slots: _Slots
    latest_message: UserUttered | None
    latest_action: dict[str, str] | None
    active_loop: TrackerActiveLoop | None
    followup_action: str | None
    states: dict[bool, State] = field(default_factory=dict)

    latest_action_name = DialogueStateTracker.latest_action_name
    active_loop_name = DialogueStateTracker.active_loop_name


class StateHistory:
    """The trackers before each action of one growing tracker, kept as long as its applied events go on from them."""

    def __init__(self, tracker: DialogueStateTracker) -> None:
        self._tracker = tracker
        self._begin_anew()

    def generate_all_prior_trackers(self) -> Iterator[tuple[PriorTracker, bool]]:
        """Yield the tracker before each action, with whether the action's turn is hidden, and then the tracker now."""
        applied = self._tracker.applied_events()
        self._rewind(_n_common(self._applied, applied))
        for position in range(len(self._applied), len(applied)):
            event = applied[position]
            if isinstance(event, ActionExecuted):
                self._priors.append((position, self._take_prior(), event.hide_rule_turn))
            event.apply_to(self._replay)
        self._applied = applied
        for _, prior, is_hidden in self._priors:
            yield prior, is_hidden
        yield self._take_prior(), False

    def _begin_anew(self) -> None:
        self._applied: list[Event] = []
        self._priors: list[tuple[int, PriorTracker, bool]] = []
        self._replay = self._tracker.init_copy()
        self._slots: _Slots = {name: copy.copy(slot) for name, slot in self._replay.slots.items()}

    def _rewind(self, n_common: int) -> None:
        if n_common == len(self._applied):
            return
        while self._priors and self._priors[-1][0] > n_common:
            self._priors.pop()
        if not self._priors:
            self._begin_anew()
            return
        position, prior, _ = self._priors.pop()
        self._applied = self._applied[:position]
        self._replay.slots = {name: copy.copy(slot) for name, slot in prior.slots.items()}
        self._replay.latest_message = prior.latest_message
        self._replay.latest_action = prior.latest_action
        self._replay.active_loop = copy.copy(prior.active_loop)
        self._replay.followup_action = prior.followup_action
        self._slots = prior.slots

    def _take_prior(self) -> PriorTracker:
        replay = self._replay
        changed = {
            name: copy.copy(slot)
            for name, slot in replay.slots.items()
            if slot.value is not self._slots[name].value or slot.has_been_set != self._slots[name].has_been_set
        }
        if changed:
            self._slots = {**self._slots, **changed}
        return PriorTracker(
            self._slots,
            replay.latest_message,
            replay.latest_action,
            copy.copy(replay.active_loop),
            replay.followup_action,
        )


class LiveStatesTracker(DialogueStateTracker):
    """Rasa's tracker with the same past states, found faster."""

    def past_states(
        self,
        domain: Domain,
        omit_unset_slots: bool = False,
        ignore_rule_only_turns: bool = False,
        rule_only_data: dict[str, Any] | None = None,
    ) -> list[State]:
        """Return the states of the conversation so far; the caller may change them."""
        history: StateHistory | None = self.__dict__.get("_history")
        if history is None:
            history = self._history = StateHistory(self)
        states: list[State] = Domain.states_for_tracker_history(
            _DomainWithStates(domain), history, omit_unset_slots, ignore_rule_only_turns, rule_only_data
        )
        return states


class _DomainWithStates:
    """The domain, with each prior tracker's state made once."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def get_active_state(self, prior: PriorTracker, omit_unset_slots: bool = False) -> State:
        state = prior.states.get(omit_unset_slots)
        if state is None:
            state = prior.states[omit_unset_slots] = self._domain.get_active_state(prior, omit_unset_slots)
        return {kind: dict(parts) for kind, parts in state.items()}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._domain, name)


def _n_common(old: list[Event], new: list[Event]) -> int:
    """Return how many events at the beginning are the very same objects."""
    pairs = zip(old, islice(new, len(old)), strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one is not other), min(len(old), len(new)))
