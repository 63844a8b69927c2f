"""The domain, the rules, the data and the actions agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from actions.order_rules import WhyNot
from actions.orders import OrderState
from actions.registry import ACTIONS

ROOT = Path(__file__).resolve().parents[3]
LEAST_EXAMPLES = 25


def _domain() -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for path in sorted((ROOT / "domain").rglob("*.yml")):
        for key, value in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            if isinstance(value, list):
                merged.setdefault(key, []).extend(value)
            elif isinstance(value, dict):
                merged.setdefault(key, {}).update(value)
    return merged


def _examples() -> Iterator[tuple[str, str, str]]:
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            for line in block["examples"].splitlines():
                yield block["intent"], path.stem[-2:], line.removeprefix("- ")


def test_the_executor_and_the_domain_name_the_same_actions() -> None:
    assert sorted(action.action_name for action in ACTIONS) == sorted(_domain()["actions"])


def test_every_response_speaks_both_languages_and_has_a_default() -> None:
    for name, variations in _domain()["responses"].items():
        languages = {
            condition["value"]
            for variation in variations
            for condition in variation.get("condition", ())
            if condition["name"] == "language"
        }
        assert languages == {"zh", "en"}, name
        assert any("condition" not in variation for variation in variations), name


def test_the_languages_of_a_response_need_the_same_facts_and_offer_the_same_buttons() -> None:
    for name, variations in _domain()["responses"].items():
        facts = {frozenset(re.findall(r"{(\w+)}", variation["text"])) for variation in variations}
        if not name.startswith(("utter_refund_status", "utter_after_sales_submitted")):
            assert len(facts) == 1, name
        n_buttons = {len(variation.get("buttons", ())) for variation in variations}
        assert len(n_buttons) == 1, name


def test_buttons_name_intents_of_the_domain() -> None:
    domain = _domain()
    for name, variations in domain["responses"].items():
        for button in (button for variation in variations for button in variation.get("buttons", ())):
            intent = button["payload"].removeprefix("/").partition("{")[0]
            assert intent in domain["intents"], (name, button)


def test_every_response_an_action_utters_is_in_the_domain() -> None:
    uttered = {why_not.value for why_not in WhyNot} | {f"utter_order_{state.value}" for state in OrderState}
    for path in (ROOT / "actions").rglob("*.py"):
        uttered |= set(re.findall(r'"(utter_\w+)"', path.read_text(encoding="utf-8")))

    assert uttered - set(_domain()["responses"]) == set()


def test_every_response_is_uttered_somewhere() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "actions").rglob("*.py"))
    sources += "".join(path.read_text(encoding="utf-8") for path in (ROOT / "data" / "rules").glob("*.yml"))
    built = {f"utter_order_{state.value}" for state in OrderState}
    built |= {"utter_order_number_format", "utter_phone_last4_format"}

    unused = [
        name
        for name in _domain()["responses"]
        if name not in sources and name not in built and not name.startswith("utter_ask_")
    ]

    assert unused == []


def test_every_intent_has_enough_examples_in_each_language() -> None:
    counts = {(intent, language): 0 for intent in _domain()["intents"] for language in ("zh", "en")}
    for intent, language, _ in _examples():
        counts[intent, language] += 1

    assert {key: n for key, n in counts.items() if n < LEAST_EXAMPLES} == {}


def test_no_example_has_two_intents() -> None:
    intents: dict[str, set[str]] = {}
    for intent, _, text in _examples():
        bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
        intents.setdefault(bare.casefold().strip(" 。.!！?？"), set()).add(intent)

    assert {text: found for text, found in intents.items() if len(found) > 1} == {}


def test_the_test_messages_are_not_trained_on() -> None:
    trained = {re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).casefold() for _, _, text in _examples()}
    tests = yaml.safe_load((ROOT / "tests" / "conversations" / "nlu_test.yml").read_text(encoding="utf-8"))
    messages = [line.removeprefix("- ") for block in tests["nlu"] for line in block["examples"].splitlines()]

    assert len(messages) >= 300
    assert [message for message in messages if message.casefold() in trained] == []
