"""The shop's rules: which orders a goal can be reached for, and why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from actions.orders import Order, OrderState

DAYS_TO_RETURN = 30


class WhyNot(StrEnum):
    """Why a goal cannot be reached for an order; each is explained by a response of its own."""

    NOT_DELIVERED = "utter_after_sales_not_delivered"
    TOO_LATE_TO_RETURN = "utter_after_sales_too_late"
    CASE_OPEN = "utter_after_sales_already_open"
    NOT_PAID = "utter_invoice_not_paid"
    INVOICE_EXISTS = "utter_invoice_exists"
    TOO_LATE_FOR_ADDRESS = "utter_address_too_late"
    SHIPPED = "utter_cancel_too_late"
    ENDED = "utter_cancel_already_ended"


def why_no_after_sales(order: Order, now: datetime) -> WhyNot | None:
    """Say why an order can have no return, refund or exchange now, or None when it can."""
    if order.case is not None and order.case.state.is_open:
        return WhyNot.CASE_OPEN
    if order.delivered_at is None or order.state is OrderState.CANCELLED:
        return WhyNot.NOT_DELIVERED
    if now - order.delivered_at > timedelta(days=DAYS_TO_RETURN):
        return WhyNot.TOO_LATE_TO_RETURN
    return None


def why_no_invoice(order: Order, now: datetime) -> WhyNot | None:
    """Say why an order can have no invoice, or None when it can."""
    if order.invoice is not None:
        return WhyNot.INVOICE_EXISTS
    if order.state in {OrderState.PENDING_PAYMENT, OrderState.CANCELLED}:
        return WhyNot.NOT_PAID
    return None


def why_no_new_address(order: Order, now: datetime) -> WhyNot | None:
    """Say why an order cannot go elsewhere, or None when it can."""
    return None if order.state.is_before_shipping else WhyNot.TOO_LATE_FOR_ADDRESS


def why_no_cancelling(order: Order, now: datetime) -> WhyNot | None:
    """Say why an order cannot be cancelled, or None when it can."""
    if order.state.is_before_shipping:
        return None
    return WhyNot.SHIPPED if order.state is OrderState.SHIPPED else WhyNot.ENDED


def nothing_against(order: Order, now: datetime) -> WhyNot | None:
    """Looking at an order is always possible."""
    return None


WHY_NOT_BY_FORM: Mapping[str, Callable[[Order, datetime], WhyNot | None]] = {
    "order_form": nothing_against,
    "after_sales_form": why_no_after_sales,
    "invoice_form": why_no_invoice,
    "address_form": why_no_new_address,
    "cancel_form": why_no_cancelling,
}


def orders_in_question(form: str, goal: str | None, orders: list[Order], now: datetime) -> list[Order]:
    """Return the orders a customer can mean who names none, newest first."""
    if form == "order_form":
        if goal == "refund_status":
            return [order for order in orders if order.case is not None]
        return [order for order in orders if order.state.is_open]
    possible = [order for order in orders if WHY_NOT_BY_FORM[form](order, now) is None]
    if possible or form == "after_sales_form":
        return possible
    return [order for order in orders if order.state.is_open]  # too late for these; better said than asked
