from __future__ import annotations

import pytest

from conversations.protocols import HandoffRequest, Intent, Sentiment, Understanding
from handoff.policy import HandoffPolicy

POLICY = HandoffPolicy(very_negative=-0.9, negative=-0.5, negatives_in_a_row=3, turns_before_repeat=3)


def message(score: float | None = 0.0, intent: str = "greet", confidence: float = 0.9) -> Understanding:
    return Understanding(
        text="…",
        intent=Intent(intent, confidence),
        sentiment=None if score is None else Sentiment("negative", score),
    )


@pytest.mark.parametrize(
    ("score", "intent", "wanted"),
    [
        (-0.9, "complain", True),
        (-0.95, "give_feedback_negative", True),
        (-0.89, "complain", False),
        (-0.99, "report_damaged_item", False),
        (-0.99, "stop_form", False),
    ],
)
def test_one_very_angry_message_goes_to_people_but_bad_news_does_not(score: float, intent: str, wanted: bool) -> None:
    request = POLICY.wants_handoff(message(score, intent), [])

    assert request == (HandoffRequest("negative_mood", "rule", "…", instead_of_reply=True) if wanted else None)


def test_anger_in_which_nothing_was_understood_goes_to_people() -> None:
    angry = Understanding(text="…", sentiment=Sentiment("negative", -0.95))

    assert POLICY.wants_handoff(angry, []) == HandoffRequest("negative_mood", "rule", "…", instead_of_reply=True)


def test_an_angry_customer_is_not_asked_to_say_it_again() -> None:
    request = POLICY.wants_handoff(message(-0.99, "nlu_fallback"), [])

    assert request == HandoffRequest("negative_mood", "rule", "…", instead_of_reply=True)


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [
        ([-0.6, -0.6, -0.6], True),
        ([-0.5, -0.5, -0.5, 0.9], True),
        ([-0.6, -0.6], False),
        ([-0.6, -0.6, -0.4], False),
        ([-0.4, -0.6, -0.6, -0.6], False),
        ([-0.6, 0.1, -0.6, -0.6], False),
    ],
)
def test_several_angry_messages_in_a_row_go_to_people(scores: list[float], wanted: bool) -> None:
    newest, *earlier = [message(score) for score in scores]

    request = POLICY.wants_handoff(newest, earlier)

    assert (request is not None) is wanted


def test_a_customer_who_asks_gets_people_even_when_calm() -> None:
    request = POLICY.wants_handoff(message(0.5, "talk_to_human"), [])

    assert request == HandoffRequest("customer_asked", "customer", "…")


def test_a_doubtful_wish_for_a_human_is_left_to_the_assistant() -> None:
    assert POLICY.wants_handoff(message(0.0, "talk_to_human", 0.5), []) is None


def test_without_any_understanding_nothing_is_wanted() -> None:
    assert POLICY.wants_handoff(Understanding(), [Understanding()] * 5) is None
    assert POLICY.wants_handoff(message(None), [message(None)] * 5) is None


@pytest.mark.parametrize(
    ("code", "n_turns_since", "allowed"),
    [
        ("negative_mood", None, True),
        ("negative_mood", 0, False),
        ("not_understood", 2, False),
        ("not_understood", 3, True),
        ("customer_asked", 0, True),
        ("complaint", 0, True),
        ("failure", 0, True),
        ("agent_request", 0, True),
        ("a_reason_of_a_later_version", 0, False),
    ],
)
def test_a_reason_may_repeat_only_after_some_turns(code: str, n_turns_since: int | None, allowed: bool) -> None:
    assert POLICY.allows_repeat(code, n_turns_since) is allowed
