"""Says in one sentence, in both languages, what the customer wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LONGEST_QUOTE = 80
NOT_A_GOAL = frozenset(
    {
        "greet",
        "say_goodbye",
        "thank",
        "affirm",
        "deny",
        "ask_if_bot",
        "ask_capabilities",
        "talk_to_human",
        "stop_form",
        "out_of_scope",
        "give_feedback_positive",
        "give_feedback_negative",
        "give_order_number",
        "give_phone_last4",
        "give_reason",
        "give_address",
        "give_invoice_title",
        "nlu_fallback",
    }
)
_GOALS: dict[str, tuple[str, str]] = {
    "complain": ("想投诉", "wants to complain"),
    "ask_order_status": ("想查询订单状态", "wants to know the status of an order"),
    "track_parcel": ("想查询物流", "wants to know where a parcel is"),
    "list_orders": ("想查看自己的订单", "wants to see their orders"),
    "cancel_order": ("想取消订单", "wants to cancel an order"),
    "change_address": ("想修改收货地址", "wants to change the delivery address"),
    "request_return": ("想退货", "wants to return something"),
    "request_refund": ("想退款", "wants a refund"),
    "request_exchange": ("想换货", "wants an exchange"),
    "ask_refund_status": ("想查询退款进度", "wants to know how far a refund is"),
    "report_damaged_item": ("反映商品破损或有问题", "reports a damaged or faulty item"),
    "request_invoice": ("想开发票", "wants an invoice"),
    "ask_coupon": ("想了解优惠券", "asks about coupons"),
    "report_payment_problem": ("支付遇到问题", "has trouble with a payment"),
    "ask_product": ("想了解商品", "asks about a product"),
    "ask_knowledge": ("想了解店铺的规定", "asks about the shop's policies"),
}
_DETAILS: dict[str, tuple[str, str]] = {
    "order_number": ("订单号", "order"),
    "product": ("商品", "product"),
    "reason": ("原因", "reason"),
    "invoice_title": ("发票抬头", "invoice title"),
    "city": ("城市", "city"),
}


@dataclass(frozen=True)
class Goal:
    """The customer's goal, one sentence in each language of the desk."""

    zh: str
    en: str


def goal_sentence(intents: Sequence[str], details: Mapping[str, str], last_words: str) -> Goal:
    """Return the goal from what was understood.

    Args:
        intents: the intent of each of the customer's messages, oldest first; the newest that is a goal counts.
        details: what the customer gave, by entity; only what tells something about a goal is used.
        last_words: the customer's last message, quoted when no goal was understood.
    """
    goals = [intent for intent in intents if intent not in NOT_A_GOAL]
    shown = {name: value for name, value in details.items() if name in _DETAILS}
    if not goals:
        return _quoted(last_words, shown)
    name = goals[-1]
    zh, en = _GOALS.get(name, (f"的诉求被理解为 {name}", f"was understood to mean {name}"))
    return Goal(f"客户{zh}{_details_zh(shown)}。", f"The customer {en}{_details_en(shown)}.")


def _quoted(last_words: str, shown: Mapping[str, str]) -> Goal:
    words = " ".join(last_words.split())
    if not words:
        return Goal("客户还没有说明需要什么。", "The customer has not yet said what they need.")
    quote = words if len(words) <= LONGEST_QUOTE else f"{words[: LONGEST_QUOTE - 1]}…"
    return Goal(
        f"未能识别客户的诉求，原话：“{quote}”{_details_zh(shown)}。",
        f"What the customer wants was not understood; in their words: “{quote}”{_details_en(shown)}.",
    )


def _details_zh(shown: Mapping[str, str]) -> str:
    return "".join(f"，{_DETAILS[name][0]} {value}" for name, value in shown.items())


def _details_en(shown: Mapping[str, str]) -> str:
    return "".join(f", {_DETAILS[name][1]} {value}" for name, value in shown.items())
