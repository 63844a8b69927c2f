"""One running server process: all its parts, started and stopped in the order they need each other."""

from __future__ import annotations

from dataclasses import dataclass

from rasa_sdk.executor import ActionExecutor
from redis.asyncio import Redis
from sanic import Blueprint

from actions.order_gateways.demo import DemoShop
from actions.order_gateways.http import HttpShop
from channels.web.origins import OriginGuard
from channels.web.routes import web_routes
from channels.web.service import WebChannel
from conversations.outbox import Outbox
from conversations.service import ConversationService
from conversations.turns import TurnRunner
from core.bus import InProcessBus, RedisStreamsBus
from core.clock import Clock
from core.database import Database
from core.metrics import Metrics
from core.settings import REPOSITORY, Settings
from handoff.feed import DeskFeed
from handoff.reminders import AssistantReminder
from handoff.routes import desk_routes, desk_socket_routes
from handoff.service import HandoffService
from knowledge_index.routes import help_routes
from knowledge_index.service import KnowledgeService
from profiles.routes import profile_routes
from profiles.service import ProfileService
from profiles.shop_import import ShopImport, read_shop_customers
from server.access.accounts import AccountService
from server.access.guard import Guard
from server.access.routes import account_routes, session_routes
from server.access.sessions import SessionService
from server.action_routes import action_routes
from server.demo_shop.routes import DemoCustomer, demo_shop_routes
from server.engine_client import EngineClient
from server.engine_supervisor import EngineSupervisor
from server.first_sign_in import FirstSignIn
from server.front import front_routes
from server.health import database_check, health_routes
from server.shop_view import ShopOrders
from server.widgets import Widgets

DEMO_DATA = REPOSITORY / "data" / "demo_shop"
DEMO_CUSTOMERS = DEMO_DATA / "customers.csv"


@dataclass
class House:
    """Every part of one server process, wired by server/wiring.py."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    database: Database
    bus: InProcessBus | RedisStreamsBus
    conversations: ConversationService
    profiles: ProfileService
    handoffs: HandoffService
    reminder: AssistantReminder
    feed: DeskFeed
    turns: TurnRunner
    outbox: Outbox
    engine: EngineSupervisor | None
    engine_client: EngineClient
    knowledge: KnowledgeService
    accounts: AccountService
    sessions: SessionService
    guard: Guard
    widgets: Widgets
    web: WebChannel
    web_origins: OriginGuard
    shop: DemoShop | HttpShop
    shop_orders: ShopOrders
    action_secret: str
    executor: ActionExecutor
    redis: Redis | None = None

    @property
    def url(self) -> str:
        """How browsers reach this server."""
        settings = self.settings
        host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
        return settings.public_url or f"http://{host}:{settings.port}"

    @property
    def is_https(self) -> bool:
        """Say whether browsers come over TLS."""
        return self.url.startswith("https://")

    @property
    def first_sign_in(self) -> FirstSignIn:
        """The administrator's first sign-in."""
        return FirstSignIn(self.accounts, self.settings.home / "secrets" / "first-sign-in.txt")

    def blueprints(self) -> list[Blueprint]:
        """Build every route of the product."""
        checks = {"database": database_check(self.database), "engine": self.engine_client.check}
        return [
            health_routes(checks, self.metrics, self.guard),
            action_routes(self.executor, self.action_secret),
            web_routes(self.web, self.bus, self.clock, self.web_origins),
            session_routes(self.sessions, self.guard, secure_cookie=self.is_https),
            account_routes(self.accounts),
            profile_routes(self.profiles),
            desk_routes(
                handoffs=self.handoffs,
                conversations=self.conversations,
                profiles=self.profiles,
                orders=self.shop_orders,
            ),
            desk_socket_routes(
                feed=self.feed, conversations=self.conversations, sessions=self.guard, metrics=self.metrics
            ),
            help_routes(self.knowledge),
            *front_routes(self.widgets.directory),
            *self._demo_routes(),
        ]

    def _demo_routes(self) -> list[Blueprint]:
        if self.widgets.demo_key is None:
            return []
        return [demo_shop_routes(key=self.widgets.demo_key, customers=self._demo_customers, clock=self.clock)]

    async def _demo_customers(self) -> list[DemoCustomer]:
        return [
            DemoCustomer(one.shop_customer_id, one.name, one.language, one.tier)
            for one in read_shop_customers(DEMO_CUSTOMERS)
        ]

    async def start(self) -> None:
        """Start what runs beside the requests."""
        await self.bus.start()
        await self.knowledge.load()
        if self.settings.demo:
            await self._open_demo_shop()
        if self.engine is not None:
            self.engine.start()
        self.feed.start()
        self.turns.start()
        self.outbox.start()
        self.reminder.start()

    async def stop(self) -> None:
        """End it all; what was cut is found in the database at the next start."""
        await self.turns.stop()
        await self.outbox.stop()
        await self.reminder.stop()
        await self.feed.stop()
        if self.engine is not None:
            await self.engine.stop()
        await self.engine_client.close()
        if isinstance(self.shop, HttpShop):
            await self.shop.close()
        await self.bus.close()
        if self.redis is not None:
            await self.redis.aclose()
        await self.database.dispose()

    async def _open_demo_shop(self) -> None:
        await DemoShop.open(self.settings.home / "demo_shop.db", DEMO_DATA, self.clock)
        await ShopImport(self.database, self.clock, self.profiles).run(read_shop_customers(DEMO_CUSTOMERS))
