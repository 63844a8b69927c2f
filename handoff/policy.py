"""The rules that pass a conversation to people whatever the assistant does, and the one that breaks loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conversations.protocols import HandoffRequest, Understanding
from handoff.models import ReasonCode

MAY_REPEAT = frozenset({ReasonCode.CUSTOMER_ASKED, ReasonCode.COMPLAINT, ReasonCode.FAILURE, ReasonCode.AGENT_REQUEST})


@dataclass(frozen=True)
class HandoffPolicy:
    """When people take over.

    A sentiment score is P(positive) - P(negative), from -1 to 1: how sure it is that a message sounds negative, not
    how angry it is. "The parcel arrived broken" is surely negative and still the assistant's to answer, so one
    message alone counts as very angry only when anger is also what it is about, or when nothing else was understood.

    `turns_before_repeat`: after a hand-back the customer must have had that many turns with the assistant before
    the same reason may hand the conversation off again; reasons in `MAY_REPEAT` always may.
    """

    very_negative: float = -0.9
    about_anger: frozenset[str] = frozenset({"complain", "give_feedback_negative", "nlu_fallback"})
    negative: float = -0.6
    negatives_in_a_row: int = 3
    asks_for_human: frozenset[str] = frozenset({"talk_to_human"})
    asking_confidence: float = 0.7
    turns_before_repeat: int = 3

    def wants_handoff(self, understanding: Understanding, recent: Sequence[Understanding]) -> HandoffRequest | None:
        """Return why this message must go to people, or None; `recent` are earlier ones, newest first."""
        if self._asks_for_human(understanding):
            return HandoffRequest(ReasonCode.CUSTOMER_ASKED.value, "customer", understanding.text)
        if self._is_very_angry(understanding) or self._is_angry_for_long(understanding, recent):
            return HandoffRequest(
                ReasonCode.NEGATIVE_MOOD.value,
                "rule",
                understanding.text,
                instead_of_reply=self._is_about_anger(understanding),
            )
        return None

    def _is_about_anger(self, understanding: Understanding) -> bool:
        """Say whether the assistant could only ask: to say it again, or whether people shall help."""
        return understanding.intent is None or understanding.intent.name in self.about_anger

    def _asks_for_human(self, understanding: Understanding) -> bool:
        intent = understanding.intent
        return intent is not None and intent.name in self.asks_for_human and intent.confidence >= self.asking_confidence

    def _is_very_angry(self, understanding: Understanding) -> bool:
        return self._is_about_anger(understanding) and _score(understanding) <= self.very_negative

    def _is_angry_for_long(self, understanding: Understanding, recent: Sequence[Understanding]) -> bool:
        last = [understanding, *recent][: self.negatives_in_a_row]
        return len(last) == self.negatives_in_a_row and all(_score(one) <= self.negative for one in last)

    def allows_repeat(self, reason_code: str, n_turns_since: int | None) -> bool:
        """Tell whether a reason may hand off again; None when it never was handed back before."""
        return reason_code in MAY_REPEAT or n_turns_since is None or n_turns_since >= self.turns_before_repeat


def _score(understanding: Understanding) -> float:
    return understanding.sentiment.score if understanding.sentiment else 0.0
