"""A running server with the desk, real accounts and the guard, for browsers of the tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from argon2 import PasswordHasher
from sanic import Sanic
from websockets.asyncio.client import ClientConnection, connect

from core.access import Role
from core.ids import new_id
from handoff.feed import DeskFeed
from handoff.routes import desk_routes, desk_socket_routes
from handoff.socket import DeskSocketTimes
from profiles.routes import profile_routes
from server.access.accounts import AccountService
from server.access.guard import Guard
from server.access.passwords import Passwords
from server.access.routes import session_routes
from server.access.sessions import SessionService
from server.problems import answer_with_problems
from tests.contract.handoff.house import DeskHouse

PASSWORD = "a good password"
QUICK = DeskSocketTimes(hello_s=1.0, session_check_s=0.1, ping_s=30.0)
PATIENCE_S = 20.0


class FakeOrders:
    """The shop's orders; may be away."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def list_orders(self, shop_customer_id: str) -> list[dict[str, Any]]:
        if self.error is not None:
            raise self.error
        return [{"order_number": "AB-123456", "status": "shipped", "for": shop_customer_id}]


@dataclass
class DeskServer:
    """The parts a test looks at, and where the server listens."""

    house: DeskHouse
    accounts: AccountService
    sessions: SessionService
    feed: DeskFeed
    orders: FakeOrders
    host: str
    browsers: list[Browser] = field(default_factory=list)

    async def browser(self, login: str, *, name: str | None = None, role: Role = Role.AGENT) -> Browser:
        """Make an account and sign it in."""
        made = await self.accounts.create_account(
            actor="system", login=login, name=name or login.title(), roles=frozenset({role}), password=PASSWORD
        )
        browser = Browser(self, httpx.AsyncClient(base_url=f"http://{self.host}", timeout=PATIENCE_S), made.account.id)
        self.browsers.append(browser)
        await browser.sign_in(login)
        return browser


@dataclass
class Browser:
    """One signed-in person."""

    server: DeskServer
    http: httpx.AsyncClient
    account_id: str

    async def sign_in(self, login: str) -> None:
        answer = await self.http.post("/api/session", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200
        self.http.headers["x-csrf-token"] = answer.json()["csrf_token"]

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(f"/desk/conversations{path}", params=query)

    async def post(self, path: str, **document: Any) -> httpx.Response:
        return await self.http.post(f"/desk/conversations{path}", json=document)

    @property
    def cookie(self) -> str:
        return f"yiti_session={self.http.cookies['yiti_session']}"

    def raw_socket(self, *, origin: str | None = "own", cookie: str | None = "own", **more: Any) -> connect:
        """Open a socket without proving anything; no proxy."""
        headers = {} if cookie is None else {"Cookie": self.cookie if cookie == "own" else cookie}
        return connect(
            f"ws://{self.server.host}/desk/socket",
            origin=f"http://{self.server.host}" if origin == "own" else origin,  # type: ignore[arg-type]
            additional_headers=headers,
            proxy=None,
            **more,
        )

    @asynccontextmanager
    async def socket(self, **more: Any) -> AsyncIterator[ClientConnection]:
        """Open a socket and prove the session."""
        async with self.raw_socket(**more) as connection:
            await send(connection, t="hello", csrf_token=self.http.headers["x-csrf-token"])
            assert (await receive(connection, "ready"))["t"] == "ready"
            yield connection


async def send(connection: ClientConnection, **frame: Any) -> None:
    """Send one frame."""
    await connection.send(orjson.dumps(frame).decode())


async def receive(connection: ClientConnection, *kinds: str) -> dict[str, Any]:
    """Return the next frame of one of these kinds."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame: dict[str, Any] = orjson.loads(await connection.recv())
            if frame["t"] in kinds:
                return frame


@asynccontextmanager
async def running(house: DeskHouse, times: DeskSocketTimes = QUICK, **feed_times: float) -> AsyncIterator[DeskServer]:
    """Serve the desk on a free port."""
    before = asyncio.all_tasks()
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    accounts = AccountService(house.database, house.clock, passwords)
    sessions = SessionService(house.database, house.clock, passwords)
    guard = Guard(sessions)
    orders = FakeOrders()
    feed = DeskFeed(
        database=house.database,
        conversations=house.conversations,
        bus=house.bus,
        clock=house.clock,
        **{"recheck_s": 0.2, "counts_every_s": 0.05, **feed_times},
    )
    app = Sanic(f"desk-{new_id()}", configure_logging=False)
    app.config.ACCESS_LOG = False
    app.config.TOUCHUP = False  # it rewrites methods of the class, which a second app in the process trips over
    app.config.WEBSOCKET_MAX_SIZE = 70_000
    answer_with_problems(app)
    guard.install(app)
    app.blueprint(session_routes(sessions, guard, secure_cookie=False))
    app.blueprint(profile_routes(house.profiles))
    app.blueprint(
        desk_routes(handoffs=house.handoffs, conversations=house.conversations, profiles=house.profiles, orders=orders)
    )
    app.blueprint(
        desk_socket_routes(
            feed=feed, conversations=house.conversations, sessions=guard, metrics=house.metrics, times=times
        )
    )
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = await app.create_server(sock=listener, return_asyncio_server=True)
    if server is None:
        raise AssertionError("Sanic started no server.")
    await server.startup()
    await server.before_start()
    await server.start_serving()
    feed.start()
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    desk = DeskServer(house, accounts, sessions, feed, orders, host)
    try:
        yield desk
    finally:
        for browser in desk.browsers:
            await browser.http.aclose()
        await feed.stop()
        await server.close()
        Sanic.unregister_app(app)
        serving = asyncio.all_tasks() - before - {asyncio.current_task()}
        if serving:  # handlers end when their client is gone; the database must outlive them
            _, stuck = await asyncio.wait(serving, timeout=5)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
