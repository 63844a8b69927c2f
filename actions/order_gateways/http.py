"""A merchant's own order system, asked over HTTP; README.md beside this file is its contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

import httpx
import stamina
from pydantic import BaseModel, SecretStr, ValidationError

from actions.order_gateways.payloads import (
    CasePayload,
    CouponList,
    InvoicePayload,
    OrderList,
    OrderPayload,
    ParcelPayload,
    ProductList,
)
from actions.orders import Coupon, Invoice, Order, Parcel, Product, ServiceCase, ServiceKind
from core.errors import ConflictError, NotFoundError, ProviderError

_PayloadT = TypeVar("_PayloadT", bound=BaseModel)

ATTEMPTS = 3
TIMEOUT_S = 2.0
_WAIT_INITIAL_S = 0.1
_WAIT_MAX_S = 0.5
_LONGEST_RETRY_AFTER_S = 3600.0


class HttpShop:
    """An `OrderGateway` and a `ProductCatalog` on a merchant's REST API.

    Every call may be sent again: reads change nothing, and each write carries its `Idempotency-Key`. A call is retried
    on a lost connection, a timeout, 429 and 5xx, and on nothing else. All attempts together stay below the time that
    the server gives a turn.
    """

    def __init__(
        self,
        base_url: str,
        token: SecretStr,
        *,
        client: httpx.AsyncClient | None = None,
        timeout_s: float = TIMEOUT_S,
        wait_initial_s: float = _WAIT_INITIAL_S,
    ) -> None:
        """Take the API's address and its bearer token; a client handed in stays its owner's to close."""
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._client = client or httpx.AsyncClient(follow_redirects=False)
        self._owns_client = client is None
        self._timeout_s = timeout_s
        self._wait_initial_s = wait_initial_s

    async def close(self) -> None:
        """Close the connections."""
        if self._owns_client:
            await self._client.aclose()

    async def get_order(self, order_number: str) -> Order:
        """Return one order."""
        order = (await self._call(OrderPayload, "GET", f"/orders/{_part(order_number)}")).value()
        if order.order_number != order_number:
            raise ProviderError("The shop answered with another order.", code="shop_bad_answer")
        return order

    async def list_orders(self, shop_customer_id: str) -> list[Order]:
        """Return a customer's orders, newest first."""
        try:
            found = await self._call(OrderList, "GET", f"/customers/{_part(shop_customer_id)}/orders")
        except NotFoundError:
            return []
        orders = [payload.value() for payload in found.root if payload.shop_customer_id == shop_customer_id]
        return sorted(orders, key=lambda order: order.placed_at, reverse=True)

    async def track_parcel(self, order_number: str) -> Parcel:
        """Return the parcel of a shipped order."""
        return (await self._call(ParcelPayload, "GET", f"/orders/{_part(order_number)}/parcel")).value()

    async def request_return(
        self, order_number: str, kind: ServiceKind, reason: str, *, idempotency_key: str
    ) -> ServiceCase:
        """Open a return, refund or exchange for a delivered order."""
        path, body = f"/orders/{_part(order_number)}/cases", {"kind": kind.value, "reason": reason}
        return (await self._call(CasePayload, "POST", path, body, idempotency_key)).value()

    async def cancel_order(self, order_number: str, *, idempotency_key: str) -> Order:
        """Cancel an order that was not shipped."""
        path = f"/orders/{_part(order_number)}/cancellation"
        return (await self._call(OrderPayload, "POST", path, {}, idempotency_key)).value()

    async def change_address(self, order_number: str, address: str, *, idempotency_key: str) -> Order:
        """Send an order that was not shipped to another address."""
        path = f"/orders/{_part(order_number)}/address"
        return (await self._call(OrderPayload, "PUT", path, {"address": address}, idempotency_key)).value()

    async def request_invoice(self, order_number: str, title: str, *, idempotency_key: str) -> Invoice:
        """Ask for the invoice of a paid order."""
        path = f"/orders/{_part(order_number)}/invoice"
        return (await self._call(InvoicePayload, "POST", path, {"title": title}, idempotency_key)).value()

    async def list_coupons(self, shop_customer_id: str) -> list[Coupon]:
        """Return the coupons a customer can still use, the first to expire first."""
        try:
            found = await self._call(CouponList, "GET", f"/customers/{_part(shop_customer_id)}/coupons")
        except NotFoundError:
            return []
        return sorted((payload.value() for payload in found.root), key=lambda coupon: coupon.valid_until)

    async def find_products(self, text: str, *, limit: int) -> list[Product]:
        """Return the products whose names the text mentions, the best match first."""
        found = await self._call(ProductList, "GET", "/products", query={"text": text, "limit": str(limit)})
        return [payload.value() for payload in found.root][:limit]

    async def _call(
        self,
        answer: type[_PayloadT],
        method: str,
        path: str,
        body: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> _PayloadT:
        request = self._client.build_request(
            method,
            self._base_url + path,
            json=body,
            params=query,
            headers=self._headers(idempotency_key),
            timeout=self._timeout_s,
        )
        try:
            response = await self._send(request)
        except httpx.HTTPError as error:
            raise ProviderError("The shop's system cannot be reached.", code="shop_unreachable") from error
        _check_status(response)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise ProviderError("The shop's answer is not what its contract says.", code="shop_bad_answer") from error

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Send, and send again what may pass; the last answer counts, whatever it is."""
        try:
            async for attempt in stamina.retry_context(
                on=(httpx.TransportError, _PassingError),
                attempts=ATTEMPTS,
                timeout=ATTEMPTS * (self._timeout_s + _WAIT_MAX_S),
                wait_initial=self._wait_initial_s,
                wait_jitter=self._wait_initial_s,
                wait_max=_WAIT_MAX_S,
            ):
                with attempt:
                    return await self._send_once(request)
        except _PassingError as error:
            return error.response
        raise AssertionError("stamina ends with an answer or an error")  # pragma: no cover

    async def _send_once(self, request: httpx.Request) -> httpx.Response:
        response = await self._client.send(request)
        if _may_pass(response.status_code):
            raise _PassingError(response)
        return response

    def _headers(self, idempotency_key: str | None) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", "Accept": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        return headers


class _PassingError(Exception):
    """The shop answered with a status that may pass by itself."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def _may_pass(status: int) -> bool:
    return status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status == httpx.codes.NOT_FOUND:
        raise NotFoundError("The shop does not know this.", code="order_not_found")
    if status == httpx.codes.CONFLICT:
        raise ConflictError("The order's state forbids this.", code="order_state")
    if _may_pass(status):
        raise ProviderError(
            f"The shop's system answers {status}.", code="shop_failed", retry_after_s=_retry_after_s(response)
        )
    raise ProviderError(f"The shop's system refuses our call with {status}.", code="shop_refused")


def _retry_after_s(response: httpx.Response) -> float | None:
    written = response.headers.get("Retry-After", "")
    return min(float(written), _LONGEST_RETRY_AFTER_S) if written.isdigit() else None


def _part(value: str) -> str:
    return quote(value, safe="")
