"""Builds every object of the server; the only place that knows all concrete classes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from actions.order_gateways.demo import DemoShop
from actions.order_gateways.http import HttpShop
from actions.ports import ActionPorts
from actions.registry import build_executor
from channels.web.customer_events import CustomerEvents
from channels.web.limits import InProcessLimits, RedisLimits
from channels.web.origins import OriginGuard
from channels.web.service import WebChannel
from channels.web.sign_in import SignIn
from channels.web.tokens import UserTokens, WebTokens
from conversations.hints import Hints
from conversations.inbox import Inbox
from conversations.live import LiveEvents
from conversations.outbox import Outbox
from conversations.record import Record
from conversations.service import ConversationService
from conversations.turn import Turn, TurnSettings
from conversations.turns import TurnRunner
from core.bus import InProcessBus, RedisStreamsBus
from core.clock import Clock, SystemClock
from core.database import Database
from core.errors import ConfigError
from core.metrics import Metrics
from core.secrets import InstallationKey, read_or_make_secret
from core.settings import REPOSITORY, Settings
from handoff.feed import DeskFeed
from handoff.opening import HandoffOpener
from handoff.reminders import AssistantReminder
from handoff.service import HandoffService
from knowledge_index.service import KnowledgeService
from profiles.service import ProfileService
from profiles.vault import Vault
from server.access.accounts import AccountService
from server.access.guard import Guard
from server.access.passwords import Passwords
from server.access.sessions import SessionService
from server.customers import Customers, ProfileSummaries
from server.engine_client import EngineClient, RemoteEngine
from server.engine_supervisor import EngineCommand, EngineSupervisor
from server.house import House
from server.setup.product import ENCODER_PROFILE, current_model, encoder_folder, index_folder, model_key_file
from server.shop_view import ShopOrders
from server.widgets import read_widgets
from text_encoder import load as load_encoder

ANSWER_MARGIN_S = 20.0


def build_house(settings: Settings) -> House:
    """Wire a server process; nothing runs and nothing is connected before `House.start`.

    Raises:
        ConfigError: something the settings name is missing; the message says what to do.
    """
    clock, metrics, key = SystemClock(), Metrics(), installation_key(settings)
    database = Database(settings.database)
    bus = RedisStreamsBus(settings.redis_url) if settings.redis_url else InProcessBus()
    redis: Redis | None = Redis.from_url(settings.redis_url) if settings.redis_url else None
    secret = engine_secret(settings, key)
    engine = (
        None
        if settings.engine_url
        else EngineSupervisor(engine_command(settings), secret, start_timeout_s=settings.engine_start_timeout_s)
    )
    engine_client = EngineClient(
        engine or RemoteEngine(settings.engine_url or ""),
        secret,
        metrics,
        timeout_s=settings.engine_timeout_s,
        start_timeout_s=settings.engine_start_timeout_s,
    )

    record = Record(clock, Hints(bus))
    conversations = ConversationService(database, record, LiveEvents(database, bus))
    profiles = build_profiles(database, clock, key)
    opener = HandoffOpener(clock=clock, profiles=profiles, metrics=metrics)
    turn = Turn(
        database=database,
        clock=clock,
        record=record,
        conversations=conversations,
        assistant=engine_client,
        customers=Customers(profiles),
        desk=opener,
        settings=TurnSettings(
            answer_timeout_s=settings.engine_start_timeout_s + settings.engine_timeout_s + ANSWER_MARGIN_S
        ),
        metrics=metrics,
    )
    turns = TurnRunner(turn, database=database, clock=clock, concurrent_turns=settings.concurrent_turns)
    knowledge = KnowledgeService(
        index_folder(settings), load_encoder(ENCODER_PROFILE, dir=encoder_folder(settings)), clock=clock
    )
    shop = build_shop(settings, clock)
    passwords = Passwords()
    sessions = SessionService(database, clock, passwords)
    own_origins = [settings.public_url] if settings.public_url else []
    widgets = read_widgets(settings, key)
    return House(
        settings=settings,
        clock=clock,
        metrics=metrics,
        database=database,
        bus=bus,
        conversations=conversations,
        profiles=profiles,
        handoffs=HandoffService(
            database=database,
            clock=clock,
            conversations=conversations,
            profiles=profiles,
            opener=opener,
            memory=engine_client,
        ),
        reminder=AssistantReminder(database=database, clock=clock, memory=engine_client),
        feed=DeskFeed(database=database, conversations=conversations, bus=bus, clock=clock),
        turns=turns,
        outbox=Outbox(database=database, bus=bus, clock=clock, record=record, deliveries=[], metrics=metrics),
        engine=engine,
        engine_client=engine_client,
        knowledge=knowledge,
        accounts=AccountService(database, clock, passwords),
        sessions=sessions,
        guard=Guard(sessions, allowed_origins=own_origins),
        widgets=widgets,
        web=WebChannel(
            widgets=widgets.directory,
            tokens=WebTokens(key.derive("web.tokens"), clock),
            user_tokens=UserTokens(clock),
            inbox=Inbox(database=database, record=record, turns=turns, clock=clock, metrics=metrics),
            events=CustomerEvents(conversations, bus),
            sign_in=SignIn(database),
            limits=RedisLimits(redis) if redis is not None else InProcessLimits(),
            bus=bus,
            clock=clock,
        ),
        web_origins=OriginGuard(own_origins),
        shop=shop,
        shop_orders=ShopOrders(shop),
        action_secret=secret,
        executor=build_executor(
            ActionPorts(
                orders=shop, products=shop, knowledge=knowledge, profiles=ProfileSummaries(profiles), clock=clock
            )
        ),
        redis=redis,
    )


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncIterator[AccountService]:
    """Open the accounts alone, for the command line."""
    database = Database(settings.database)
    try:
        yield AccountService(database, SystemClock(), Passwords())
    finally:
        await database.dispose()


def installation_key(settings: Settings) -> InstallationKey:
    """Return the installation's key: the operator's, or the one made at the first start."""
    if settings.secret_key is not None:
        return InstallationKey(settings.secret_key.get_secret_value().encode())
    secret, _ = read_or_make_secret(settings.home / "secrets" / "installation.key")
    return InstallationKey(secret.encode())


def engine_secret(settings: Settings, key: InstallationKey) -> str:
    """Return the secret that server and engine share."""
    if settings.engine_secret is not None:
        return settings.engine_secret.get_secret_value()
    return key.derive("engine.secret").hex()


def build_profiles(database: Database, clock: Clock, key: InstallationKey) -> ProfileService:
    """Build the profiles on keys of their own."""
    vault = Vault(lookup_key=key.derive("profiles.lookup"), wrapping_key=key.derive("profiles.wrapping"))
    return ProfileService(database, clock, vault)


def build_shop(settings: Settings, clock: Clock) -> DemoShop | HttpShop:
    """Build the order gateway that the settings choose."""
    if settings.order_gateway == "demo":
        return DemoShop(settings.home / "demo_shop.db", clock)
    if settings.order_api_key is None:
        raise ConfigError("YITI_ORDER_API_KEY is missing; the shop's API asks for it.", code="order_api_key")
    return HttpShop(settings.order_api_url or "", settings.order_api_key)


def engine_command(settings: Settings) -> EngineCommand:
    """Return how this server starts its engine.

    Raises:
        ConfigError: there is no model for the present data.
    """
    model = current_model(settings)
    if model is None:
        raise ConfigError("The assistant is not trained for its present data; run `./yiti train`.", code="no_model")
    action_host = "127.0.0.1" if settings.host in {"0.0.0.0", "127.0.0.1", "localhost"} else settings.host  # noqa: S104
    arguments: Sequence[str | Path] = (
        settings.engine_python, "-m", "bot.engine",
        "--model", model,
        "--key", model_key_file(settings),
        "--port", "{port}",
        "--action-url", f"http://{action_host}:{settings.port}/actions/webhook",
        "--encoders", encoder_folder(settings),
        "--parent-pid", "{parent_pid}",
    )  # fmt: skip
    return EngineCommand(
        [str(argument) for argument in arguments], REPOSITORY, {"YITI_ENGINE_TRACKER_URL": settings.tracker_url}
    )
