"""Decides who may see an order."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from datetime import datetime, timedelta

from actions.orders import Order
from actions.ports import OrderGateway
from actions.turn import Turn
from core.clock import Clock
from core.errors import NotFoundError
from core.logs import get_logger

log = get_logger(__name__)

MOST_WRONG_PROOFS = 5
WRONG_PROOFS_COUNT_FOR = timedelta(minutes=30)
_MOST_ORDERS_REMEMBERED = 10_000


class WrongProofs:
    """Counts wrong phone endings by order, so that ten thousand guesses are not open to anybody.

    The count is this process's own; the oldest order is forgotten when too many are remembered.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moments: OrderedDict[str, list[datetime]] = OrderedDict()

    def is_locked(self, order_number: str) -> bool:
        """Say whether an order saw too many wrong proofs of late."""
        since = self._clock.now() - WRONG_PROOFS_COUNT_FOR
        return sum(moment > since for moment in self._moments.get(order_number, ())) >= MOST_WRONG_PROOFS

    def add(self, order_number: str) -> None:
        """Count one wrong proof."""
        moments = self._moments.pop(order_number, [])
        self._moments[order_number] = [*moments, self._clock.now()][-MOST_WRONG_PROOFS:]
        if len(self._moments) > _MOST_ORDERS_REMEMBERED:
            self._moments.popitem(last=False)


class OrderAccess:
    """The one door to a single order: the customer's own, or one whose phone ending the visitor knows.

    "Not yours" and "no such order" are one answer, so nobody learns which numbers exist.
    """

    def __init__(self, orders: OrderGateway, clock: Clock) -> None:
        self._orders = orders
        self._wrong_proofs = WrongProofs(clock)

    @staticmethod
    def needs_phone(turn: Turn) -> bool:
        """Say whether this customer must prove an order by the phone given with it."""
        return turn.shop_customer_id is None

    async def get(self, order_number: str, turn: Turn, phone_last4: str | None) -> Order:
        """Return an order that this customer may see.

        Raises:
            NotFoundError: there is no such order, or it is not this customer's to see.
            ProviderError: the shop's system cannot be reached.
        """
        if turn.shop_customer_id is not None:
            order = await self._orders.get_order(order_number)
            if order.shop_customer_id == turn.shop_customer_id:
                return order
            raise _not_found()
        if not phone_last4 or self._wrong_proofs.is_locked(order_number):
            raise _not_found()
        try:
            order = await self._orders.get_order(order_number)
        except NotFoundError as error:
            raise _not_found() from error
        if hmac.compare_digest(order.phone_last4.encode(), phone_last4.encode()):
            return order
        self._wrong_proofs.add(order_number)
        log.warning("order.wrong_proof", order_number=order_number)
        raise _not_found()


def _not_found() -> NotFoundError:
    return NotFoundError("No order of this customer has this number.", code="order_not_found")
