"""A merchant's order system over HTTP, as actions/order_gateways/README.md describes it; can be told to misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from sanic import HTTPResponse, Request, Sanic
from sanic.response import json as json_response
from sanic.response import raw

from actions.orders import ServiceKind
from core.errors import ConflictError, NotFoundError
from tests.unit.actions.in_memory_shop import InMemoryShop

TOKEN = "merchant-token"
SLOW_S = 5.0


class Merchant:
    """Serves a shop; `next_answers` holds statuses, or "slow", "broken" and "wrong", given before the real answer."""

    def __init__(self, shop: InMemoryShop) -> None:
        self.shop = shop
        self.next_answers: list[int | str] = []
        self.seen: list[tuple[str, str, str | None]] = []
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Merchant]:
        app = Sanic(f"merchant-{uuid.uuid4().hex}", configure_logging=False)
        app.config.TOUCHUP = False  # Sanic rewrites its own class at start, which works once a process
        app.add_route(self._handle, "/<path:path>", methods=["GET", "POST", "PUT"])
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = await app.create_server(sock=listener, return_asyncio_server=True)
        assert server is not None
        await server.startup()
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _handle(self, request: Request, path: str) -> HTTPResponse:
        key = request.headers.get("idempotency-key")
        self.seen.append((request.method, request.path, key))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_response({}, status=401)
        told = self.next_answers.pop(0) if self.next_answers else None
        if told == "slow":
            await asyncio.sleep(SLOW_S)
        if told == "broken":
            return raw(b'{"order_number": ', content_type="application/json")
        if told == "wrong":
            return json_response({"order_number": "AB-123456", "state": "teleported"})
        if isinstance(told, int):
            return json_response({}, status=told, headers={"Retry-After": "30"})
        try:
            value = await self._work(request, path.split("/"), key or "")
        except NotFoundError:
            return json_response({"reason": "unknown"}, status=404)
        except ConflictError:
            return json_response({"reason": "state"}, status=409)
        body = [asdict(each) for each in value] if isinstance(value, list) else asdict(value)
        return raw(json.dumps(body, default=lambda moment: moment.isoformat()), content_type="application/json")

    async def _work(self, request: Request, parts: list[str], key: str) -> Any:
        body: dict[str, str] = request.json if request.body else {}
        if parts == ["products"]:
            return await self.shop.find_products(request.args.get("text"), limit=int(request.args.get("limit")))
        kind, number, rest = parts[0], parts[1], parts[2:]
        work: dict[tuple[str, str, str], Callable[[], Awaitable[Any]]] = {
            ("GET", "orders", ""): lambda: self.shop.get_order(number),
            ("GET", "orders", "parcel"): lambda: self.shop.track_parcel(number),
            ("GET", "customers", "orders"): lambda: self.shop.list_orders(number),
            ("GET", "customers", "coupons"): lambda: self.shop.list_coupons(number),
            ("POST", "orders", "cases"): lambda: self.shop.request_return(
                number, ServiceKind(body["kind"]), body["reason"], idempotency_key=key
            ),
            ("POST", "orders", "cancellation"): lambda: self.shop.cancel_order(number, idempotency_key=key),
            ("PUT", "orders", "address"): lambda: self.shop.change_address(
                number, body["address"], idempotency_key=key
            ),
            ("POST", "orders", "invoice"): lambda: self.shop.request_invoice(
                number, body["title"], idempotency_key=key
            ),
        }
        return await work[request.method, kind, "".join(rest)]()
