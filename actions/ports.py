"""What the actions need of the rest of the house, in their own words; `server/wiring.py` joins it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from actions.orders import Coupon, Invoice, Order, Parcel, Product, ServiceCase, ServiceKind
from core.clock import Clock
from knowledge_index.models import KnowledgeReply


class OrderGateway(Protocol):
    """The merchant's order system.

    Every method raises `NotFoundError` for an order it does not know and `ProviderError` when it cannot be reached or
    answers nonsense. The methods that change something raise `ConflictError` when the order's state forbids it, and do
    their work once per `idempotency_key`: the same key again gives the first call's result.
    """

    async def get_order(self, order_number: str) -> Order:
        """Return one order."""
        ...

    async def list_orders(self, shop_customer_id: str) -> list[Order]:
        """Return a customer's orders, newest first; none for a customer it does not know."""
        ...

    async def track_parcel(self, order_number: str) -> Parcel:
        """Return the parcel of a shipped order; `NotFoundError` when nothing was shipped."""
        ...

    async def request_return(
        self, order_number: str, kind: ServiceKind, reason: str, *, idempotency_key: str
    ) -> ServiceCase:
        """Open a return, refund or exchange for a delivered order."""
        ...

    async def cancel_order(self, order_number: str, *, idempotency_key: str) -> Order:
        """Cancel an order that was not shipped."""
        ...

    async def change_address(self, order_number: str, address: str, *, idempotency_key: str) -> Order:
        """Send an order that was not shipped to another address."""
        ...

    async def request_invoice(self, order_number: str, title: str, *, idempotency_key: str) -> Invoice:
        """Ask for the invoice of a paid order."""
        ...

    async def list_coupons(self, shop_customer_id: str) -> list[Coupon]:
        """Return the coupons a customer can still use, the first to expire first."""
        ...


class ProductCatalog(Protocol):
    """What the shop sells."""

    async def find_products(self, text: str, *, limit: int) -> list[Product]:
        """Return the products whose names the text mentions, the best match first."""
        ...


class KnowledgeAnswers(Protocol):
    """The shop's articles, quoted."""

    async def answer(
        self,
        question: str,
        *,
        language: str,
        vector: npt.NDArray[np.float32] | None = None,
        vector_encoder: str | None = None,
    ) -> KnowledgeReply:
        """Answer with a quotation, offer articles to choose from, or refuse."""
        ...


class Profiles(Protocol):
    """What is known of a customer."""

    async def summary(self, customer_id: str) -> Mapping[str, object]:
        """Return name, language, tier and shop_customer_id, as the turn's metadata carries it."""
        ...


@dataclass(frozen=True, slots=True)
class ActionPorts:
    """All an action may reach."""

    orders: OrderGateway
    products: ProductCatalog
    knowledge: KnowledgeAnswers
    profiles: Profiles
    clock: Clock
