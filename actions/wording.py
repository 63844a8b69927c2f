"""Amounts, days and short lists in the customer's language; whole sentences are responses of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from actions.orders import CaseState, Language, LocalText, Money, Order, OrderState, ServiceKind

SHOP_TIME_ZONE = ZoneInfo("Asia/Shanghai")
_SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

SERVICE: Mapping[ServiceKind, LocalText] = {
    ServiceKind.RETURN: LocalText("退货", "return"),
    ServiceKind.REFUND: LocalText("退款", "refund"),
    ServiceKind.EXCHANGE: LocalText("换货", "exchange"),
}
CASE_STATE: Mapping[CaseState, LocalText] = {
    CaseState.SUBMITTED: LocalText("已提交，等待审核", "submitted and waiting for review"),
    CaseState.APPROVED: LocalText("已通过审核", "approved"),
    CaseState.IN_TRANSIT: LocalText("商品寄回途中", "on its way back to us"),
    CaseState.RECEIVED: LocalText("仓库已收到，正在验货", "received and being checked"),
    CaseState.REFUNDED: LocalText("已退款", "refunded"),
    CaseState.COMPLETED: LocalText("已完成", "completed"),
    CaseState.REJECTED: LocalText("未通过审核", "declined"),
}
ORDER_STATE: Mapping[OrderState, LocalText] = {
    OrderState.PENDING_PAYMENT: LocalText("待付款", "unpaid"),
    OrderState.PAID: LocalText("待发货", "paid"),
    OrderState.PACKING: LocalText("打包中", "being packed"),
    OrderState.SHIPPED: LocalText("运输中", "on its way"),
    OrderState.DELIVERED: LocalText("已签收", "delivered"),
    OrderState.COMPLETED: LocalText("已完成", "completed"),
    OrderState.CANCELLED: LocalText("已取消", "cancelled"),
}


def write_money(money: Money) -> str:
    """Write an amount: "¥1,299.00"."""
    return f"{_SYMBOLS.get(money.currency, money.currency + ' ')}{money.minor / 100:,.2f}"


def write_day(day: date | datetime, language: Language) -> str:
    """Write a day in the shop's time zone: "3月5日", "5 Mar"."""
    if isinstance(day, datetime):
        day = day.astimezone(SHOP_TIME_ZONE).date()
    return f"{day.month}月{day.day}日" if language == "zh" else f"{day.day} {_MONTHS[day.month - 1]}"


def write_moment(moment: datetime, language: Language) -> str:
    """Write a moment in the shop's time zone: "3月5日 09:12"."""
    return f"{write_day(moment, language)} {moment.astimezone(SHOP_TIME_ZONE):%H:%M}"


def write_items(order: Order, language: Language) -> str:
    """Write what was ordered: "蓝牙耳机 ×1、充电线 ×2"."""
    written = [f"{item.name.in_language(language)} ×{item.quantity}" for item in order.items]
    return ("、" if language == "zh" else ", ").join(written)


def write_summary(order: Order, language: Language) -> str:
    """Write an order in one breath: "AB-123456（蓝牙耳机 ×1，¥399.00）"."""
    items, total = write_items(order, language), write_money(order.total)
    if language == "zh":
        return f"{order.order_number}（{items}，{total}）"
    return f"{order.order_number} ({items}, {total})"


def write_line(order: Order, language: Language) -> str:
    """Write an order as one line of a list, with its state."""
    state = ORDER_STATE[order.state].in_language(language)
    return f"{order.order_number} · {write_items(order, language)} · {state}"


def hide_email(email: str) -> str:
    """Write an address so that its owner knows it and nobody else learns it: "e***@example.com"."""
    user, _, domain = email.partition("@")
    return f"{user[:1]}***@{domain}"
