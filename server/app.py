"""The Sanic app: every blueprint of the house behind one guard, and the process that serves it."""

from __future__ import annotations

import os
from http import HTTPMethod
from typing import Any

from rich.console import Console
from sanic import Request, Sanic
from sanic.config import Config
from sanic.response import BaseHTTPResponse

from core.errors import EngineError
from core.logs import get_logger
from core.settings import Settings
from server.house import House
from server.problems import answer_with_problems
from server.wiring import build_house

log = get_logger(__name__)

MAX_BODY_BYTES = 1_000_000
MAX_FRAME_BYTES = 70_000  # the channels refuse frames over 64 KB themselves, with a sentence
RESPONSE_TIMEOUT_S = 60
SHUTDOWN_S = 5.0
HTTP_METHODS = frozenset(HTTPMethod)


def create_app(house: House, name: str = "yiti") -> Sanic[Any, Any]:
    """Build the app on a wired house; whoever serves it starts and stops the house with it."""
    app: Sanic[Any, Any] = Sanic(name, config=_config(house.settings), configure_logging=False)
    answer_with_problems(app)
    house.guard.install(app)
    for blueprint in house.blueprints():
        app.blueprint(blueprint)

    @app.before_server_start
    async def start(_app: Sanic[Any, Any]) -> None:
        await house.start()

    @app.before_server_stop
    async def stop(_app: Sanic[Any, Any]) -> None:
        await house.stop()

    async def finish(request: Request, response: BaseHTTPResponse) -> None:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        if house.is_https:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        house.metrics.http.labels(method=counted_method(request.method), status=str(response.status)).inc()

    app.register_middleware(finish, "response")
    return app


def counted_method(method: str) -> str:
    """Return the method as metrics count it: a client may invent any number of them, and each would stay in memory."""
    return method if method in HTTP_METHODS else "other"


def serve_forever(settings: Settings, console: Console) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    house = build_house(settings)
    app = create_app(house)

    @app.after_server_start
    async def say_addresses(app: Sanic[Any, Any]) -> None:
        await say_where(house, console)
        app.add_task(say_when_ready(house, console), name="say-when-ready")

    app.run(
        host=settings.host,
        port=settings.port,
        single_process=True,
        access_log=False,
        motd=False,
        register_sys_signals=True,
    )


async def say_where(house: House, console: Console) -> None:
    """Print the addresses and, until its password is changed, the administrator's first sign-in."""
    url = house.url
    lines = [f"[green]●[/green] [bold]Yiti is running[/bold] (process {os.getpid()}); Ctrl-C stops it."]
    if house.settings.demo:
        lines.append(f"  customer's page   {url}/")
    lines += [f"  console           {url}/console/", f"  help centre       {url}/help"]
    first = await house.first_sign_in.find()
    if first is not None:
        lines.append(
            f"  first sign-in     [bold]{first.login}[/bold] / [bold]{first.password}[/bold]  (asks for a new password)"
        )
    if not house.settings.engine_url:
        lines.append("  The assistant is loading its model; until then messages wait. It says when it is ready.")
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


async def say_when_ready(house: House, console: Console) -> None:
    """Print that the assistant answers, or why it does not yet."""
    if house.engine is None:
        return
    try:
        await house.engine.wait_until_ready(house.settings.engine_start_timeout_s)
        console.print("[green]●[/green] The assistant is ready.")
    except EngineError as error:
        console.print(f"[yellow]●[/yellow] {error.message} It is tried again; meanwhile customers go to people.")


def _config(settings: Settings) -> Config:
    config = Config()
    config.REQUEST_MAX_SIZE = MAX_BODY_BYTES
    config.WEBSOCKET_MAX_SIZE = MAX_FRAME_BYTES
    config.RESPONSE_TIMEOUT = RESPONSE_TIMEOUT_S
    config.GRACEFUL_SHUTDOWN_TIMEOUT = SHUTDOWN_S
    config.PROXIES_COUNT = settings.trusted_proxies or None
    config.FALLBACK_ERROR_FORMAT = "json"
    return config
