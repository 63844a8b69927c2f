"""What the shop knows and the assistant may tell: orders, parcels, service cases, coupons, products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

Language = Literal["zh", "en"]


class OrderState(StrEnum):
    """Where an order stands, in the order things happen."""

    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    PACKING = "packing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Say whether the customer is still waiting for something to arrive."""
        return self in _OPEN

    @property
    def is_before_shipping(self) -> bool:
        """Say whether the order can still be stopped or sent elsewhere."""
        return self in _BEFORE_SHIPPING


_BEFORE_SHIPPING = frozenset({OrderState.PENDING_PAYMENT, OrderState.PAID, OrderState.PACKING})
_OPEN = _BEFORE_SHIPPING | {OrderState.SHIPPED}


class ServiceKind(StrEnum):
    """What a customer asks for after delivery."""

    RETURN = "return"
    REFUND = "refund"
    EXCHANGE = "exchange"


class CaseState(StrEnum):
    """Where a return, refund or exchange stands."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    REFUNDED = "refunded"
    COMPLETED = "completed"
    REJECTED = "rejected"

    @property
    def is_open(self) -> bool:
        """Say whether something is still to be done."""
        return self not in {CaseState.REFUNDED, CaseState.COMPLETED, CaseState.REJECTED}


@dataclass(frozen=True, slots=True)
class LocalText:
    """The same words in both languages."""

    zh: str
    en: str

    def in_language(self, language: Language) -> str:
        """Return the words for a customer of this language."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's smallest unit; `currency` is an ISO 4217 code."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One line of an order."""

    sku: str
    name: LocalText
    quantity: int
    price: Money


@dataclass(frozen=True, slots=True)
class ServiceCase:
    """One return, refund or exchange of an order."""

    case_id: str
    order_number: str
    kind: ServiceKind
    state: CaseState
    reason: str
    amount: Money
    opened_at: datetime
    expected_on: date | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """The invoice asked for; `email` is where it goes."""

    order_number: str
    title: str
    email: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """One order; `phone_last4` proves a visitor who has not signed in."""

    order_number: str
    shop_customer_id: str
    phone_last4: str
    email: str
    state: OrderState
    items: tuple[OrderItem, ...]
    total: Money
    placed_at: datetime
    estimated_on: date
    delivered_at: datetime | None
    address: str
    carrier: LocalText | None
    tracking_number: str | None
    case: ServiceCase | None
    invoice: Invoice | None


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of a parcel on its way."""

    at: datetime
    place: LocalText
    text: LocalText


@dataclass(frozen=True, slots=True)
class Parcel:
    """A shipped order's parcel; `scans` run from the oldest to the newest."""

    order_number: str
    carrier: LocalText
    tracking_number: str
    scans: tuple[Scan, ...]


@dataclass(frozen=True, slots=True)
class Coupon:
    """A discount a customer may still use."""

    code: str
    title: LocalText
    valid_until: date


@dataclass(frozen=True, slots=True)
class Product:
    """A thing the shop sells."""

    sku: str
    name: LocalText
    description: LocalText
    price: Money
    n_in_stock: int
