"""The demo shop: an order system in one SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import quote

import aiosqlite

from actions.order_gateways.demo_data import copy_into, fingerprint
from actions.order_gateways.demo_rows import DemoRows
from actions.order_gateways.product_names import rank_products
from actions.order_rules import why_no_after_sales, why_no_cancelling, why_no_invoice, why_no_new_address
from actions.orders import (
    Coupon,
    Invoice,
    Order,
    OrderState,
    Parcel,
    Product,
    ServiceCase,
    ServiceKind,
)
from actions.wording import SHOP_TIME_ZONE
from core.clock import Clock
from core.errors import ConflictError, ProviderError

_DAYS_TO_SETTLE = 7
_BUSY_TIMEOUT_S = 10.0


class DemoShop:
    """An `OrderGateway` and a `ProductCatalog` on data/demo_shop; what customers change stays in the file.

    Each call opens the file, so that any number of processes may share it. A write holds SQLite's write lock from its
    first read, so two at once cannot both pass a check that only one may pass.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    @classmethod
    async def open(cls, path: Path, data_dir: Path, clock: Clock) -> Self:
        """Return the shop, with its file made anew when the data has changed since.

        Raises:
            ConfigError: a data file is broken; names it and the line's content.
        """
        if not await _is_up_to_date(path, data_dir):
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            async with aiosqlite.connect(fresh) as connection:
                await connection.execute("PRAGMA foreign_keys = ON")
                await copy_into(connection, data_dir)
                await connection.commit()
            fresh.replace(path)
        return cls(path, clock)

    async def get_order(self, order_number: str) -> Order:
        """Return one order."""
        async with self._rows() as rows:
            return await rows.get_order(order_number)

    async def list_orders(self, shop_customer_id: str) -> list[Order]:
        """Return a customer's orders, newest first."""
        async with self._rows() as rows:
            orders = await rows.list_orders(shop_customer_id)
        return sorted(orders, key=lambda order: order.placed_at, reverse=True)

    async def track_parcel(self, order_number: str) -> Parcel:
        """Return the parcel of a shipped order."""
        async with self._rows() as rows:
            return await rows.get_parcel(order_number)

    async def request_return(
        self, order_number: str, kind: ServiceKind, reason: str, *, idempotency_key: str
    ) -> ServiceCase:
        """Open a return, refund or exchange for a delivered order."""
        now = self._clock.now()
        expected = now.astimezone(SHOP_TIME_ZONE).date() + timedelta(days=_DAYS_TO_SETTLE)
        async with self._rows(writes=True) as rows:
            order = await rows.get_order(order_number)
            if await rows.is_new(idempotency_key, "return", order_number):
                _refuse(order_number, why_no_after_sales(order, now))
                await rows.add_case(order_number, kind, reason=reason, opened_at=now, expected_on=expected)
            return await rows.get_case(order_number)

    async def cancel_order(self, order_number: str, *, idempotency_key: str) -> Order:
        """Cancel an order that was not shipped."""
        async with self._rows(writes=True) as rows:
            order = await rows.get_order(order_number)
            if await rows.is_new(idempotency_key, "cancel", order_number):
                _refuse(order_number, why_no_cancelling(order, self._clock.now()))
                await rows.set_state(order_number, OrderState.CANCELLED)
            return await rows.get_order(order_number)

    async def change_address(self, order_number: str, address: str, *, idempotency_key: str) -> Order:
        """Send an order that was not shipped to another address."""
        async with self._rows(writes=True) as rows:
            order = await rows.get_order(order_number)
            if await rows.is_new(idempotency_key, "address", order_number):
                _refuse(order_number, why_no_new_address(order, self._clock.now()))
                await rows.set_address(order_number, address)
            return await rows.get_order(order_number)

    async def request_invoice(self, order_number: str, title: str, *, idempotency_key: str) -> Invoice:
        """Ask for the invoice of a paid order."""
        now = self._clock.now()
        async with self._rows(writes=True) as rows:
            order = await rows.get_order(order_number)
            if await rows.is_new(idempotency_key, "invoice", order_number):
                _refuse(order_number, why_no_invoice(order, now))
                await rows.add_invoice(order_number, title, now)
            return await rows.get_invoice(order_number)

    async def list_coupons(self, shop_customer_id: str) -> list[Coupon]:
        """Return the coupons a customer can still use, the first to expire first."""
        async with self._rows() as rows:
            coupons = await rows.list_coupons(shop_customer_id)
        today = self._clock.now().astimezone(SHOP_TIME_ZONE).date()
        return sorted(
            (coupon for coupon in coupons if coupon.valid_until >= today), key=lambda coupon: coupon.valid_until
        )

    async def find_products(self, text: str, *, limit: int) -> list[Product]:
        """Return the products whose names the text mentions, the best match first."""
        async with self._rows() as rows:
            named = await rows.list_products()
        return rank_products(text, named, limit)

    @asynccontextmanager
    async def _rows(self, *, writes: bool = False) -> AsyncIterator[DemoRows]:
        try:
            async with aiosqlite.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None) as connection:
                connection.row_factory = aiosqlite.Row
                await connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                yield DemoRows(connection, self._clock.now())
                await connection.execute("COMMIT")  # an error closes the connection, which rolls back
        except aiosqlite.Error as error:
            raise ProviderError("The demo shop's file cannot be used.", code="shop_unreachable") from error


async def _is_up_to_date(path: Path, data_dir: Path) -> bool:
    address = f"file:{quote(str(path))}?mode=ro"
    query = "SELECT fingerprint FROM about"
    try:
        async with aiosqlite.connect(address, uri=True) as connection, connection.execute(query) as cursor:
            row = await cursor.fetchone()
    except aiosqlite.Error:  # no file, or none of ours
        return False
    return row is not None and row[0] == fingerprint(data_dir)


def _refuse(order_number: str, why_not: object) -> None:
    if why_not is not None:
        raise ConflictError(f"Order {order_number!r} is past this step.", code="order_state")
