"""A customer's orders as the desk shows them, from whichever order gateway the shop has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from actions.ports import OrderGateway


class ShopOrders:
    """The desk's `CustomerOrders` on the assistant's order gateway."""

    def __init__(self, orders: OrderGateway) -> None:
        self._orders = orders

    async def list_orders(self, shop_customer_id: str) -> Sequence[Mapping[str, Any]]:
        """Return order_number, status, total, currency, placed_at and items of each, newest first."""
        return [
            {
                "order_number": order.order_number,
                "status": order.state.value,
                "total": f"{order.total.minor / 100:.2f}",
                "currency": order.total.currency,
                "placed_at": order.placed_at,
                "items": [{"zh": item.name.zh, "en": item.name.en} for item in order.items],
            }
            for order in await self._orders.list_orders(shop_customer_id)
        ]
