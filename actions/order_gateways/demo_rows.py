"""The demo shop's SQL: rows in, values out; no rule, no commit."""

from __future__ import annotations

from datetime import date, datetime

import aiosqlite

from actions.order_gateways.demo_data import SHOP_CURRENCY, read_items, read_price
from actions.order_gateways.demo_moments import resolve_day, resolve_moment
from actions.order_gateways.product_names import NamedProduct
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
from core.errors import NotFoundError

CARRIERS = {
    "sf": LocalText("顺丰速运", "SF Express"),
    "yto": LocalText("圆通速递", "YTO Express"),
    "zto": LocalText("中通快递", "ZTO Express"),
    "dhl": LocalText("DHL", "DHL"),
    "ups": LocalText("UPS", "UPS"),
}
_ORDERS = """
SELECT orders.*, customers.phone, customers.email FROM orders JOIN customers USING (shop_customer_id) WHERE
"""


class DemoRows:
    """Reads and writes inside one transaction; moments are resolved against `now`."""

    def __init__(self, connection: aiosqlite.Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def get_order(self, order_number: str) -> Order:
        """Return one order; `NotFoundError` for an unknown one."""
        return await self._order(await self._one(_ORDERS + "order_number = ?", order_number))

    async def list_orders(self, shop_customer_id: str) -> list[Order]:
        """Return a customer's orders in no order."""
        rows = await self._all(_ORDERS + "shop_customer_id = ?", shop_customer_id)
        return [await self._order(row) for row in rows]

    async def get_parcel(self, order_number: str) -> Parcel:
        """Return an order's parcel; `NotFoundError` when nothing was shipped."""
        order = await self.get_order(order_number)
        rows = await self._all("SELECT * FROM scans WHERE order_number = ? ORDER BY rowid", order_number)
        if order.carrier is None or order.tracking_number is None or not rows:
            raise NotFoundError(f"Order {order_number!r} has no parcel.", code="no_parcel")
        scans = (
            Scan(
                at=resolve_moment(row["at"], self._now),
                place=LocalText(row["place_zh"], row["place_en"]),
                text=LocalText(row["text_zh"], row["text_en"]),
            )
            for row in rows
        )
        return Parcel(order_number, order.carrier, order.tracking_number, tuple(scans))

    async def get_case(self, order_number: str) -> ServiceCase:
        """Return an order's latest service case; `NotFoundError` when there is none."""
        order = await self.get_order(order_number)
        if order.case is None:
            raise NotFoundError(f"Order {order_number!r} has no service case.", code="no_case")
        return order.case

    async def get_invoice(self, order_number: str) -> Invoice:
        """Return an order's invoice; `NotFoundError` when there is none."""
        order = await self.get_order(order_number)
        if order.invoice is None:
            raise NotFoundError(f"Order {order_number!r} has no invoice.", code="no_invoice")
        return order.invoice

    async def is_new(self, idempotency_key: str, what: str, order_number: str) -> bool:
        """Note that a key's work is being done; return False when it was done before."""
        cursor = await self._connection.execute(
            "INSERT OR IGNORE INTO done VALUES (?, ?, ?)", [idempotency_key, what, order_number]
        )
        return cursor.rowcount == 1

    async def add_case(
        self, order_number: str, kind: ServiceKind, *, reason: str, opened_at: datetime, expected_on: date
    ) -> None:
        """Add a service case that was just submitted."""
        state = CaseState.SUBMITTED
        await self._connection.execute(
            "INSERT INTO cases VALUES (NULL, ?, ?, ?, ?, ?, ?)",
            [order_number, kind.value, state.value, reason, opened_at.isoformat(), expected_on.isoformat()],
        )

    async def add_invoice(self, order_number: str, title: str, requested_at: datetime) -> None:
        """Add an invoice."""
        await self._connection.execute(
            "INSERT INTO invoices VALUES (?, ?, ?)", [order_number, title, requested_at.isoformat()]
        )

    async def set_state(self, order_number: str, state: OrderState) -> None:
        """Set an order's state."""
        await self._connection.execute(
            "UPDATE orders SET state = ? WHERE order_number = ?", [state.value, order_number]
        )

    async def set_address(self, order_number: str, address: str) -> None:
        """Set an order's address."""
        await self._connection.execute("UPDATE orders SET address = ? WHERE order_number = ?", [address, order_number])

    async def list_coupons(self, shop_customer_id: str) -> list[Coupon]:
        """Return all coupons of a customer, expired ones too."""
        rows = await self._all("SELECT * FROM coupons WHERE shop_customer_id = ?", shop_customer_id)
        return [
            Coupon(row["code"], LocalText(row["title_zh"], row["title_en"]), resolve_day(row["valid_until"], self._now))
            for row in rows
        ]

    async def list_products(self) -> list[NamedProduct]:
        """Return the catalogue with the words customers use."""
        return [
            NamedProduct(_product(row), tuple(row["aliases"].split("|")))
            for row in await self._all("SELECT * FROM products")
        ]

    async def _order(self, row: aiosqlite.Row) -> Order:
        items = tuple([await self._item(sku, quantity) for sku, quantity in read_items(row["items"])])
        total = Money(sum(item.price.minor * item.quantity for item in items), SHOP_CURRENCY)
        number, email = row["order_number"], row["email"]
        return Order(
            order_number=number,
            shop_customer_id=row["shop_customer_id"],
            phone_last4=row["phone"][-4:],
            email=email,
            state=OrderState(row["state"]),
            items=items,
            total=total,
            placed_at=resolve_moment(row["placed_at"], self._now),
            estimated_on=resolve_day(row["estimated_on"], self._now),
            delivered_at=resolve_moment(row["delivered_at"], self._now) if row["delivered_at"] else None,
            address=row["address"],
            carrier=CARRIERS[row["carrier"]] if row["carrier"] else None,
            tracking_number=row["tracking_number"] or None,
            case=await self._find_case(number, total),
            invoice=await self._find_invoice(number, email),
        )

    async def _item(self, sku: str, quantity: int) -> OrderItem:
        product = _product(await self._one("SELECT * FROM products WHERE sku = ?", sku))
        return OrderItem(sku, product.name, quantity, product.price)

    async def _find_case(self, order_number: str, total: Money) -> ServiceCase | None:
        rows = await self._all("SELECT * FROM cases WHERE order_number = ? ORDER BY case_id DESC LIMIT 1", order_number)
        return next((self._case(row, total) for row in rows), None)

    def _case(self, row: aiosqlite.Row, total: Money) -> ServiceCase:
        return ServiceCase(
            case_id=f"SV{row['case_id']:06d}",
            order_number=row["order_number"],
            kind=ServiceKind(row["kind"]),
            state=CaseState(row["state"]),
            reason=row["reason"],
            amount=total,
            opened_at=resolve_moment(row["opened_at"], self._now),
            expected_on=resolve_day(row["expected_on"], self._now) if row["expected_on"] else None,
        )

    async def _find_invoice(self, order_number: str, email: str) -> Invoice | None:
        rows = await self._all("SELECT * FROM invoices WHERE order_number = ?", order_number)
        return next(
            (
                Invoice(order_number, row["title"], email, resolve_moment(row["requested_at"], self._now))
                for row in rows
            ),
            None,
        )

    async def _all(self, query: str, *values: str) -> list[aiosqlite.Row]:
        async with self._connection.execute(query, values) as cursor:
            return list(await cursor.fetchall())

    async def _one(self, query: str, value: str) -> aiosqlite.Row:
        rows = await self._all(query, value)
        if not rows:
            raise NotFoundError(f"The demo shop has no {value!r}.", code="order_not_found")
        return rows[0]


def _product(row: aiosqlite.Row) -> Product:
    return Product(
        sku=row["sku"],
        name=LocalText(row["name_zh"], row["name_en"]),
        description=LocalText(row["description_zh"], row["description_en"]),
        price=read_price(row["price"]),
        n_in_stock=int(row["stock"]),
    )
