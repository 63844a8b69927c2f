"""The engine's HTTP interface: the gateway channel's webhook, events, status and metrics. It imports no Rasa.

Rasa takes many seconds to import, and the server must be able to ask for the status meanwhile.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, Protocol

from sanic import Sanic
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse, text
from sanic.response import json as json_answer

from bot.errors import BadRequestError, EngineError, NotReadyError, UnauthorizedError
from bot.logs import log_event
from bot.metrics import Metrics
from bot.requests import EventsRequest, TurnRequest, read_events, read_turn

_MOST_BODY_BYTES = 256 * 1024
_HIGHEST_CLIENT_ERROR = 499

Handler = Callable[[Request], Awaitable[HTTPResponse]]


class AnswersTurns(Protocol):
    """What a loaded model does; see bot.turns.Turns."""

    async def answer(self, request: TurnRequest) -> Mapping[str, Any]:
        """Answer one message, or raise EngineError."""
        ...

    async def append_events(self, request: EventsRequest) -> Mapping[str, Any]:
        """Append events to a tracker, or raise EngineError."""
        ...


@dataclass
class EngineState:
    """Where the engine stands: starting, ready or failed."""

    state: str = "starting"
    model_id: str | None = None
    reason: str | None = None
    turns: AnswersTurns | None = None
    n_live: Callable[[], int] = field(default=lambda: 0)

    def loaded(self) -> AnswersTurns:
        """Return what answers turns.

        Raises:
            NotReadyError: no model is loaded.
        """
        if self.turns is None or self.state != "ready":
            raise NotReadyError(f"The engine is {self.state}." + (f" {self.reason}" if self.reason else ""))
        return self.turns


def build_app(engine: EngineState, metrics: Metrics, secret: str) -> Sanic:
    """Build the engine's web app; every route asks for the secret."""
    app = Sanic("yiti_engine", configure_logging=False)
    app.config.REQUEST_MAX_SIZE = _MOST_BODY_BYTES
    app.config.KEEP_ALIVE_TIMEOUT = 75
    app.config.RESPONSE_TIMEOUT = 120
    app.config.ACCESS_LOG = False
    app.config.AUTO_EXTEND = False
    with_secret = _secret_guard(secret)

    @app.post("/webhooks/gateway/webhook")
    @with_secret
    async def take_turn(request: Request) -> HTTPResponse:
        """Answer one message of a customer."""
        return _json(await engine.loaded().answer(read_turn(request.body)))

    @app.post("/events")
    @with_secret
    async def append_events(request: Request) -> HTTPResponse:
        """Append events to a conversation's tracker."""
        return _json(await engine.loaded().append_events(read_events(request.body)))

    @app.get("/status")
    @with_secret
    async def show_status(_request: Request) -> HTTPResponse:
        """Tell whether the engine can be asked."""
        return _json({"state": engine.state, "model_id": engine.model_id, "reason": engine.reason})

    @app.get("/metrics")
    @with_secret
    async def show_metrics(_request: Request) -> HTTPResponse:
        """Render the counters."""
        return text(metrics.render(ready=engine.state == "ready", n_live=engine.n_live()))

    app.error_handler.add(Exception, _failure_answer)
    return app


def _secret_guard(secret: str) -> Callable[[Handler], Handler]:
    expected = f"Bearer {secret}".encode()

    def guard(handler: Handler) -> Handler:
        @wraps(handler)
        async def guarded(request: Request) -> HTTPResponse:
            shown = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(shown, expected):
                raise UnauthorizedError("The Authorization header does not carry the engine's secret.")
            return await handler(request)

        return guarded

    return guard


def _failure_answer(request: Request, error: Exception) -> HTTPResponse:
    if isinstance(error, EngineError):
        failure = error
    elif isinstance(error, SanicException) and error.status_code <= _HIGHEST_CLIENT_ERROR:
        failure = BadRequestError(str(error))
        failure.status = error.status_code
    else:
        failure = EngineError(f"{type(error).__name__} in the engine.")
    if failure.status > _HIGHEST_CLIENT_ERROR:
        log_event(
            "engine.request_failed",
            level=logging.ERROR if not isinstance(error, NotReadyError) else logging.INFO,
            exc_info=None if isinstance(error, NotReadyError) else error,
            path=request.path,
            code=failure.code,
            reason=str(failure),
        )
    return _json({"code": failure.code, "message": str(failure)}, status=failure.status)


def _json(document: Any, status: int = 200) -> HTTPResponse:
    return json_answer(document, status=status, dumps=partial(json.dumps, ensure_ascii=False))
