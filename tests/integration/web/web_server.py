"""A running server with the web channel and the real record on SQLite, for the tests of this folder."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
import orjson
from sanic import Blueprint, Sanic
from websockets.asyncio.client import ClientConnection, connect

from channels.web.customer_events import CustomerEvents
from channels.web.limits import InProcessLimits, Limits
from channels.web.origins import OriginGuard
from channels.web.routes import web_routes
from channels.web.service import WebChannel
from channels.web.sign_in import SignIn
from channels.web.socket import SocketTimes
from channels.web.tokens import UserTokens, WebTokens
from channels.web.widgets import UserKey, Widget, WidgetDirectory
from conversations.hints import Hints
from conversations.inbound import Sender
from conversations.inbox import Inbox
from conversations.live import LiveEvents
from conversations.messages import BOT, Content
from conversations.protocols import Assistant, HandoffOpened, HandoffRequest, ResolvedCustomer
from conversations.record import MessageDraft, Record
from conversations.service import ConversationService
from conversations.turn import Turn
from conversations.turns import TurnRunner
from core.bus import InProcessBus
from core.clock import SystemClock
from core.database import Database
from core.ids import ConversationId, CustomerId, HandoffId, new_id
from server.problems import answer_with_problems

USER_KEY = "a-shared-secret-of-the-shop-0123456789"
SHOP = "https://shop.example"
WIDGETS = (
    Widget(
        id="shop",
        name="Shop",
        origins=(SHOP,),
        user_keys=(UserKey(kid="k1", key=USER_KEY),),  # type: ignore[arg-type]
    ),
    Widget(
        id="members",
        name="Members",
        identity_required=True,
        user_keys=(UserKey(kid="k1", key=USER_KEY),),  # type: ignore[arg-type]
    ),
)


class NoTurns:
    """Runs no turns; these tests are about what customers send and read."""

    def nudge(self, conversation_id: ConversationId) -> None:
        """Note nothing."""


class NoLimits:
    """Lets everything pass."""

    async def take(self, key: str, allowances: object) -> float:
        """Let it pass."""
        return 0.0


class Customers:
    """Knows everybody by their own address."""

    async def resolve(self, session: object, sender: Sender, channel: object, account: str) -> ResolvedCustomer:
        """Make the sender's id the customer's."""
        return ResolvedCustomer(CustomerId(sender.id[-32:]), sender.claims.get("name"), sender.kind == "user")

    async def summary(self, customer_id: CustomerId) -> dict[str, Any]:
        """Know nothing more."""
        return {}


class Desk:
    """A queue in which everybody is second."""

    def wants_handoff(self, understanding: object, recent: object) -> HandoffRequest | None:
        """Never want one unasked."""
        return None

    async def allows(self, session: object, conversation: object, request: HandoffRequest) -> bool:
        """Allow every one."""
        return True

    async def open_handoff(self, session: object, conversation: object, request: HandoffRequest) -> HandoffOpened:
        """Put it second."""
        return HandoffOpened(HandoffId(new_id()), 2)


def _turns(assistant: Assistant, database: Database, record: Record, conversations: ConversationService) -> TurnRunner:
    turn = Turn(
        database=database,
        clock=SystemClock(),
        record=record,
        conversations=conversations,
        assistant=assistant,
        customers=Customers(),
        desk=Desk(),
    )
    return TurnRunner(turn, database=database, clock=SystemClock())


@dataclass
class WebServer:
    """The parts a test looks at, and where the server listens."""

    database: Database
    bus: InProcessBus
    conversations: ConversationService
    record: Record
    url: str = ""
    host: str = ""

    def client(self, **headers: str) -> httpx.AsyncClient:
        """Return an HTTP client of this server."""
        return httpx.AsyncClient(base_url=f"{self.url}/web/v1", timeout=30, headers=headers)

    async def say(self, conversation_id: str, text: str) -> int:
        """Say something to the customer as the bot does; return its number."""
        async with self.database.unit_of_work() as session:
            draft = MessageDraft(author=BOT, content=Content(text))
            appended = await self.record.append(session, ConversationId(conversation_id), [draft])
        return appended.events[0].seq


@dataclass
class Browser:
    """One visitor with their tokens."""

    server: WebServer
    tokens: dict[str, Any] = field(default_factory=dict)

    async def open(self, widget: str = "shop", **more: Any) -> httpx.Response:
        """Open a session, keeping the tokens of a success."""
        body: dict[str, Any] = {"widget": widget, **more}
        if "visitor_token" in self.tokens and "visitor_token" not in body:
            body["visitor_token"] = self.tokens["visitor_token"]
        async with self.server.client() as http:
            answer = await http.post("/session", json=body)
        if answer.is_success:
            self.tokens = answer.json()
        return answer

    @property
    def authorization(self) -> dict[str, str]:
        """The header that proves this visitor."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def post(self, text: str, **more: Any) -> httpx.Response:
        """Send a message by HTTP."""
        body = {"client_msg_id": new_id(), "text": text, **more}
        async with self.server.client(**self.authorization) as http:
            return await http.post("/messages", json=body)

    async def events(self, **query: Any) -> httpx.Response:
        """Read events by HTTP."""
        async with self.server.client(**self.authorization) as http:
            return await http.get("/events", params=query)

    @asynccontextmanager
    async def socket(self, after: int = 0, **more: Any) -> AsyncIterator[ClientConnection]:
        """Open a socket and prove this visitor."""
        async with raw_socket(self.server) as connection:
            await send(connection, t="auth", access_token=self.tokens["access_token"], after=after, **more)
            yield connection


def raw_socket(server: WebServer, origin: str | None = SHOP) -> connect:
    """Open a socket without proving anything; no proxy, small buffers on our side."""
    return connect(f"ws://{server.host}/web/v1/socket", origin=origin, proxy=None, max_size=None)  # type: ignore[arg-type]


async def send(connection: ClientConnection, **frame: Any) -> None:
    """Send one frame."""
    await connection.send(orjson.dumps(frame).decode())


async def receive(connection: ClientConnection, *kinds: str) -> dict[str, Any]:
    """Return the next frame of one of these kinds."""
    async with asyncio.timeout(20):
        while True:
            frame: dict[str, Any] = orjson.loads(await connection.recv())
            if not kinds or frame["t"] in kinds:
                return frame


def user_jwt(subject: str = "C-1001", *, key: str = USER_KEY, kid: str = "k1", **changes: Any) -> str:
    """Sign a user token as a shop does."""
    now_s = int(SystemClock().now().timestamp())
    payload = {"sub": subject, "aud": "shop", "iat": now_s, "exp": now_s + 600, "name": "Li Lei", **changes}
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, key, algorithm="HS256", headers={"kid": kid})


@asynccontextmanager
async def running_server(
    folder: Path,
    *,
    limits: Limits | None = None,
    times: SocketTimes | None = None,
    access_token_s: int = 900,
    widgets: Sequence[Widget] = WIDGETS,
    assistant: Assistant | None = None,
    pages: Sequence[Blueprint] = (),
) -> AsyncIterator[WebServer]:
    """Run the web channel on a free port."""
    before = asyncio.all_tasks()
    clock, bus = SystemClock(), InProcessBus()
    database = Database(f"sqlite+aiosqlite:///{folder / 'web.db'}")
    await database.create_all()
    record = Record(clock, Hints(bus))
    conversations = ConversationService(database, record, LiveEvents(database, bus))
    turns = _turns(assistant, database, record, conversations) if assistant else None
    inbox = Inbox(database=database, record=record, turns=turns or NoTurns(), clock=clock)
    channel = WebChannel(
        widgets=WidgetDirectory(widgets),
        tokens=WebTokens(b"k" * 32, clock, access_token_s=access_token_s),
        user_tokens=UserTokens(clock),
        inbox=inbox,
        events=CustomerEvents(conversations, bus),
        sign_in=SignIn(database),
        limits=limits or InProcessLimits(),
        bus=bus,
        clock=clock,
    )
    app = Sanic(f"web-{new_id()}", configure_logging=False)
    app.config.ACCESS_LOG = False
    app.config.TOUCHUP = False  # it rewrites methods of the class, which a second app in the process trips over
    answer_with_problems(app)
    for blueprint in (web_routes(channel, bus, clock, OriginGuard(), times), *pages):
        app.blueprint(blueprint)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = await app.create_server(sock=listener, return_asyncio_server=True)
    if server is None:
        raise AssertionError("Sanic started no server.")
    await server.startup()
    await server.start_serving()
    if turns is not None:
        turns.start()
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield WebServer(database, bus, conversations, record, f"http://{host}", host)
    finally:
        if turns is not None:
            await turns.stop()
        await server.close()
        Sanic.unregister_app(app)
        serving = asyncio.all_tasks() - before - {asyncio.current_task()}
        if serving:  # handlers end when their client is gone; the database must outlive them
            _, stuck = await asyncio.wait(serving, timeout=5)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
        await database.dispose()
