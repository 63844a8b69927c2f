"""The JSON of a merchant's order system, checked on the way in; README.md beside this file explains it."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel

from actions.orders import (
    CaseState,
    Coupon,
    Invoice,
    LocalText,
    Money,
    Order,
    OrderItem,
    OrderState,
    Parcel,
    Product,
    Scan,
    ServiceCase,
    ServiceKind,
)


class Payload(BaseModel):
    """Unknown fields are ignored: a merchant may send more than we read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class TextPayload(Payload):
    """Words in both languages; a merchant with one language sends them twice."""

    zh: str
    en: str

    def value(self) -> LocalText:
        """Return the words."""
        return LocalText(self.zh, self.en)


class MoneyPayload(Payload):
    """An amount in the currency's smallest unit."""

    minor: int
    currency: str = Field(pattern=r"^[A-Z]{3}$")

    def value(self) -> Money:
        """Return the amount."""
        return Money(self.minor, self.currency)


class ItemPayload(Payload):
    """One line of an order."""

    sku: str
    name: TextPayload
    quantity: int = Field(gt=0)
    price: MoneyPayload

    def value(self) -> OrderItem:
        """Return the line."""
        return OrderItem(self.sku, self.name.value(), self.quantity, self.price.value())


class CasePayload(Payload):
    """A return, refund or exchange."""

    case_id: str
    order_number: str
    kind: ServiceKind
    state: CaseState
    reason: str
    amount: MoneyPayload
    opened_at: AwareDatetime
    expected_on: date | None = None

    def value(self) -> ServiceCase:
        """Return the case."""
        return ServiceCase(
            self.case_id,
            self.order_number,
            self.kind,
            self.state,
            self.reason,
            self.amount.value(),
            self.opened_at,
            self.expected_on,
        )


class InvoicePayload(Payload):
    """An invoice."""

    order_number: str
    title: str
    email: str
    requested_at: AwareDatetime

    def value(self) -> Invoice:
        """Return the invoice."""
        return Invoice(self.order_number, self.title, self.email, self.requested_at)


class OrderPayload(Payload):
    """An order."""

    order_number: str
    shop_customer_id: str
    phone_last4: str = Field(pattern=r"^\d{4}$")
    email: str
    state: OrderState
    items: tuple[ItemPayload, ...] = Field(min_length=1)
    total: MoneyPayload
    placed_at: AwareDatetime
    estimated_on: date
    delivered_at: AwareDatetime | None = None
    address: str
    carrier: TextPayload | None = None
    tracking_number: str | None = None
    case: CasePayload | None = None
    invoice: InvoicePayload | None = None

    def value(self) -> Order:
        """Return the order."""
        return Order(
            order_number=self.order_number,
            shop_customer_id=self.shop_customer_id,
            phone_last4=self.phone_last4,
            email=self.email,
            state=self.state,
            items=tuple(item.value() for item in self.items),
            total=self.total.value(),
            placed_at=self.placed_at,
            estimated_on=self.estimated_on,
            delivered_at=self.delivered_at,
            address=self.address,
            carrier=self.carrier.value() if self.carrier else None,
            tracking_number=self.tracking_number,
            case=self.case.value() if self.case else None,
            invoice=self.invoice.value() if self.invoice else None,
        )


class ScanPayload(Payload):
    """One reading of a parcel."""

    at: AwareDatetime
    place: TextPayload
    text: TextPayload


class ParcelPayload(Payload):
    """A parcel."""

    order_number: str
    carrier: TextPayload
    tracking_number: str
    scans: tuple[ScanPayload, ...] = Field(min_length=1)

    def value(self) -> Parcel:
        """Return the parcel, its scans from the oldest to the newest."""
        scans = sorted(self.scans, key=lambda scan: scan.at)
        return Parcel(
            self.order_number,
            self.carrier.value(),
            self.tracking_number,
            tuple(Scan(scan.at, scan.place.value(), scan.text.value()) for scan in scans),
        )


class CouponPayload(Payload):
    """A coupon."""

    code: str
    title: TextPayload
    valid_until: date

    def value(self) -> Coupon:
        """Return the coupon."""
        return Coupon(self.code, self.title.value(), self.valid_until)


class ProductPayload(Payload):
    """A product."""

    sku: str
    name: TextPayload
    description: TextPayload
    price: MoneyPayload
    n_in_stock: int = Field(ge=0)

    def value(self) -> Product:
        """Return the product."""
        return Product(self.sku, self.name.value(), self.description.value(), self.price.value(), self.n_in_stock)


OrderList = RootModel[tuple[OrderPayload, ...]]
CouponList = RootModel[tuple[CouponPayload, ...]]
ProductList = RootModel[tuple[ProductPayload, ...]]
