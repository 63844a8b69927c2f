"""Reads a customer's answer to a form's question, and tells it from an interruption."""

from __future__ import annotations

import re
from enum import StrEnum

from actions.order_numbers import find_order_number, find_phone_last4, looks_like_a_number
from actions.turn import Turn

SURE_ENOUGH = 0.5
SHORTEST_ADDRESS = 6
LONGEST_ANSWER = 200

_OTHER_ORDER = re.compile(
    r"另外?一?[单笔]|另外?一?个订单|别的订单|其他订单|其它订单|换一?[个单笔]订单|other order|different order", re.I
)
_TITLE_PREFIX = re.compile(
    r"^\s*(?:(?:发票)?抬头(?:是|写|填)?|公司(?:名称?|抬头)?(?:是|叫)?|单位是|名称|开给|就?写"
    r"|make it out to|in the name of|(?:my )?company(?: name)?(?: is)?|bill to|addressed to|name|title|put)"
    r"\s*[:：]?\s*",
    re.I,
)

# Words of these intents answer no question of ours: they are a wish or a question of the customer's own.
_WISHES = frozenset(
    {
        "affirm",
        "ask_capabilities",
        "ask_coupon",
        "ask_if_bot",
        "ask_knowledge",
        "ask_order_status",
        "ask_refund_status",
        "cancel_order",
        "change_address",
        "deny",
        "greet",
        "list_orders",
        "report_payment_problem",
        "request_exchange",
        "request_invoice",
        "request_refund",
        "request_return",
        "say_goodbye",
        "stop_form",
        "talk_to_human",
        "thank",
        "track_parcel",
    }
)
_QUESTION = re.compile(
    r"[?？]\s*$|[吗呢嘛]\s*$|^\s*(?:is|are|do|does|can|could|how|what|when|where|why|who|which)\b|怎么|多少|为什么|什么时候",
    re.I,
)
_QUESTIONS = frozenset({"ask_knowledge", "ask_product", "nlu_fallback", "out_of_scope"})
_INTENTS_THAT_GIVE = {
    "reason": frozenset({"give_reason", "report_damaged_item"}),
    "new_address": frozenset({"give_address"}),
    "invoice_title": frozenset({"give_invoice_title"}),
}
_MOODS = frozenset({"complain", "give_feedback_negative", "give_feedback_positive"})
_NOT_A_REASON = _WISHES - {"request_return", "request_refund", "request_exchange", "cancel_order"}
_NOT_AN_ADDRESS = (_WISHES | _MOODS) - {"change_address"}
_NOT_A_TITLE = (_WISHES | _MOODS) - {"request_invoice"}


class Answer(StrEnum):
    """What a message is to the question that was asked."""

    GIVEN = "given"
    MALFORMED = "malformed"
    RESTARTED = "restarted"  # the customer says again what they want: ask again, count nothing
    INTERRUPTED = "interrupted"  # something else: Rasa's rules answer it, then the form asks again


def names_another_order(turn: Turn) -> bool:
    """Say whether the customer means an order other than the one talked about, without its number."""
    return bool(_OTHER_ORDER.search(turn.text))


def read_number(turn: Turn) -> str | None:
    """Return the order number in the message, written or from a button."""
    return find_order_number(turn.entities.get("order_number", "")) or (
        None if turn.is_button else find_order_number(turn.text)
    )


def read_phone_last4(turn: Turn) -> str | None:
    """Return the four digits that prove an order, or None."""
    return None if turn.is_button else find_phone_last4(turn.text)


def read_phone_beside_number(turn: Turn) -> str | None:
    """Return the four digits when they came along unasked, as the engine found them by the words around."""
    return find_phone_last4(turn.entities.get("phone_last4", ""))


def read_reason(turn: Turn) -> str | None:
    """Return why the customer is not happy with the goods, in their words, or None."""
    return _read_words(turn, entity="reason", never=_NOT_A_REASON, from_intents={"give_reason"})


def read_address(turn: Turn) -> str | None:
    """Return the new address as it was written, or None."""
    return _read_words(turn, entity="", never=_NOT_AN_ADDRESS, from_intents={"give_address"})


def read_title(turn: Turn) -> str | None:
    """Return the invoice's title without the words around it, or None."""
    words = _read_words(turn, entity="invoice_title", never=_NOT_A_TITLE, from_intents={"give_invoice_title"})
    return (_TITLE_PREFIX.sub("", words).strip(" ，,。.") or words) if words else None


def gives(slot: str, turn: Turn) -> bool:
    """Say whether a message surely gives what `slot` holds, though the form asked for something else."""
    return turn.intent in _INTENTS_THAT_GIVE.get(slot, frozenset()) and turn.confidence >= SURE_ENOUGH


def is_complete_address(address: str) -> bool:
    """Say whether an address can be delivered to: it has a house number and is not just a word or two."""
    return len(address) >= SHORTEST_ADDRESS and any(character.isdigit() for character in address)


def is_attempt_at_number(turn: Turn) -> bool:
    """Say whether the customer tried to give a number that cannot be read."""
    return turn.intent in {"give_order_number", "give_phone_last4"} or looks_like_a_number(turn.text)


def read_consent(turn: Turn) -> bool | None:
    """Return True for a yes, False for a no, None for neither; only clear words count as a yes."""
    if turn.intent == "affirm" and (turn.is_button or turn.confidence >= SURE_ENOUGH):
        return True
    if turn.intent in {"deny", "give_feedback_negative"}:
        return False
    return None


def _read_words(turn: Turn, *, entity: str, never: frozenset[str], from_intents: set[str]) -> str | None:
    if turn.is_button:
        return turn.entities.get(entity) if turn.intent in from_intents else None
    if turn.intent in never and turn.confidence >= SURE_ENOUGH:
        return None
    if turn.intent in never | _QUESTIONS and _QUESTION.search(turn.text):
        return None
    return turn.text.strip()[:LONGEST_ANSWER] or None
