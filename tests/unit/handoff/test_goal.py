from __future__ import annotations

from pathlib import Path

import yaml

from handoff.goal import _GOALS, LONGEST_QUOTE, NOT_A_GOAL, goal_sentence

INTENTS = Path(__file__).resolve().parents[3] / "domain" / "intents.yml"


def test_the_newest_intent_that_is_a_goal_counts() -> None:
    goal = goal_sentence(["ask_coupon", "request_refund", "affirm", "talk_to_human"], {"order_number": "AB-1"}, "…")

    assert goal.zh == "客户想退款，订单号 AB-1。"
    assert goal.en == "The customer wants a refund, order AB-1."


def test_without_a_goal_the_customer_is_quoted() -> None:
    goal = goal_sentence(["greet"], {}, "那个\n东西  坏掉了")

    assert "“那个 东西 坏掉了”" in goal.zh
    assert "“那个 东西 坏掉了”" in goal.en


def test_a_long_quote_is_cut_and_markup_stays_text() -> None:
    goal = goal_sentence([], {}, "<script>" + "x" * 500)

    assert "“<script>xxx" in goal.en
    assert "…”" in goal.en
    assert len(goal.zh) < LONGEST_QUOTE + 40


def test_silence_has_a_sentence_too() -> None:
    assert goal_sentence([], {}, " ").en == "The customer has not yet said what they need."


def test_an_intent_nobody_wrote_a_sentence_for_is_named() -> None:
    assert goal_sentence(["book_table"], {}, "…").en == "The customer was understood to mean book_table."


def test_only_what_says_something_about_a_goal_is_told() -> None:
    goal = goal_sentence(["request_return"], {"phone_last4": "1234", "reason": "太小"}, "…")

    assert goal.zh == "客户想退货，原因 太小。"


def test_every_intent_of_the_demo_assistant_is_a_goal_or_known_to_be_none() -> None:
    intents = set(yaml.safe_load(INTENTS.read_text(encoding="utf-8"))["intents"])

    assert intents - NOT_A_GOAL - set(_GOALS) == set()
