"""A shop in memory: an `OrderGateway` and `ProductCatalog` that passes the gateways' contract suite."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from actions.order_rules import WhyNot, why_no_after_sales, why_no_cancelling, why_no_invoice, why_no_new_address
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
from core.errors import ConflictError, NotFoundError, ProviderError

ResultT = TypeVar("ResultT")
NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
HEADPHONES = Product(
    "YH-A01",
    LocalText("云雀降噪耳机", "Lark headphones"),
    LocalText("主动降噪", "Active noise cancelling"),
    Money(59900, "CNY"),
    86,
)
KETTLE = Product(
    "YH-K03",
    LocalText("小满电水壶", "Xiaoman kettle"),
    LocalText("五档控温", "Five temperatures"),
    Money(12900, "CNY"),
    0,
)


def make_order(
    number: str, state: OrderState = OrderState.SHIPPED, *, customer: str = "c-1", **changes: object
) -> Order:
    """Make an order of one pair of headphones; shipped and later states have a parcel, delivered ones a day."""
    shipped = state in {OrderState.SHIPPED, OrderState.DELIVERED, OrderState.COMPLETED}
    delivered = state in {OrderState.DELIVERED, OrderState.COMPLETED}
    order = Order(
        order_number=number,
        shop_customer_id=customer,
        phone_last4="5678",
        email="lilei@example.com",
        state=state,
        items=(OrderItem(HEADPHONES.sku, HEADPHONES.name, 1, HEADPHONES.price),),
        total=HEADPHONES.price,
        placed_at=NOW - timedelta(days=5),
        estimated_on=date(2026, 3, 12),
        delivered_at=NOW - timedelta(days=2) if delivered else None,
        address="杭州市西湖区文三路 478 号",
        carrier=LocalText("顺丰速运", "SF Express") if shipped else None,
        tracking_number="SF1086420135790" if shipped else None,
        case=None,
        invoice=None,
    )
    return replace(order, **changes)  # type: ignore[arg-type]


class InMemoryShop:
    """Holds orders in a dict; `is_down` makes every call fail as an unreachable shop does."""

    def __init__(self, orders: Iterable[Order] = (), coupons: dict[str, list[Coupon]] | None = None) -> None:
        self.orders = {order.order_number: order for order in orders}
        self.coupons = coupons or {}
        self.products = [HEADPHONES, KETTLE]
        self.is_down = False
        self.done: dict[str, object] = {}

    async def get_order(self, order_number: str) -> Order:
        self._check()
        if order_number not in self.orders:
            raise NotFoundError(f"No order {order_number!r}.", code="order_not_found")
        return self.orders[order_number]

    async def list_orders(self, shop_customer_id: str) -> list[Order]:
        self._check()
        own = (order for order in self.orders.values() if order.shop_customer_id == shop_customer_id)
        return sorted(own, key=lambda order: order.placed_at, reverse=True)

    async def track_parcel(self, order_number: str) -> Parcel:
        order = await self.get_order(order_number)
        if order.carrier is None or order.tracking_number is None:
            raise NotFoundError(f"Order {order_number!r} has no parcel.", code="no_parcel")
        scan = Scan(NOW - timedelta(hours=6), LocalText("杭州转运中心", "Hangzhou hub"), LocalText("已到达", "Arrived"))
        return Parcel(order_number, order.carrier, order.tracking_number, (scan,))

    async def request_return(
        self, order_number: str, kind: ServiceKind, reason: str, *, idempotency_key: str
    ) -> ServiceCase:
        order = await self.get_order(order_number)
        amount, expected = order.total, date(2026, 3, 17)
        case = ServiceCase("SV000001", order_number, kind, CaseState.SUBMITTED, reason, amount, NOW, expected)

        def open_case() -> ServiceCase:
            self.orders[order_number] = replace(order, case=case)
            return case

        return self._once(idempotency_key, why_no_after_sales(order, NOW), open_case)

    async def cancel_order(self, order_number: str, *, idempotency_key: str) -> Order:
        order = await self.get_order(order_number)
        changed = replace(order, state=OrderState.CANCELLED)
        return self._once(idempotency_key, why_no_cancelling(order, NOW), lambda: self._put(changed))

    async def change_address(self, order_number: str, address: str, *, idempotency_key: str) -> Order:
        order = await self.get_order(order_number)
        changed = replace(order, address=address)
        return self._once(idempotency_key, why_no_new_address(order, NOW), lambda: self._put(changed))

    async def request_invoice(self, order_number: str, title: str, *, idempotency_key: str) -> Invoice:
        order = await self.get_order(order_number)
        invoice = Invoice(order_number, title, order.email, NOW)

        def issue() -> Invoice:
            self.orders[order_number] = replace(order, invoice=invoice)
            return invoice

        return self._once(idempotency_key, why_no_invoice(order, NOW), issue)

    async def list_coupons(self, shop_customer_id: str) -> list[Coupon]:
        self._check()
        return sorted(self.coupons.get(shop_customer_id, []), key=lambda coupon: coupon.valid_until)

    async def find_products(self, text: str, *, limit: int) -> list[Product]:
        self._check()
        found = [product for product in self.products if any(n in text for n in (product.name.zh, product.name.en))]
        return found[:limit]

    def _put(self, order: Order) -> Order:
        self.orders[order.order_number] = order
        return order

    def _once(self, key: str, why_not: WhyNot | None, work: Callable[[], ResultT]) -> ResultT:
        if key in self.done:
            return self.done[key]  # type: ignore[return-value]
        if why_not is not None:
            raise ConflictError("The order is past this step.", code="order_state")
        result = work()
        self.done[key] = result
        return result

    def _check(self) -> None:
        if self.is_down:
            raise ProviderError("The shop cannot be reached.", code="shop_unreachable")
