"""The web channel over HTTP and WebSocket."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sanic import Blueprint, HTTPResponse, Request, Websocket

from channels.web.origins import OriginGuard, add_cors, preflight
from channels.web.payloads import OpenSession, ReadEvents, SendMessage
from channels.web.service import WebChannel
from channels.web.socket import SocketTimes, WebSocketSession
from channels.web.tokens import Visitor
from core.access import own_auth, public
from core.bus import Bus
from core.clock import Clock
from core.errors import NotAllowedError
from core.http import AsyncHandler, address_of, body, json_response, query

BEARER = "Bearer "


def web_routes(
    channel: WebChannel, bus: Bus, clock: Clock, guard: OriginGuard, times: SocketTimes | None = None
) -> Blueprint:
    """Build the web channel's routes on one service."""
    blueprint = Blueprint("web_channel", url_prefix="/web/v1")

    by_visitor = _by_visitor(channel, guard)

    @blueprint.get("/widgets/<widget_id:str>/config")
    @public("A page must know a widget's languages before anybody has a token.")
    async def get_widget_config(_request: Request, widget_id: str) -> HTTPResponse:
        """Return a widget's public settings. 404: unknown."""
        config = channel.widgets.get(widget_id).public_config()
        return json_response(config, headers={"Cache-Control": "public, max-age=60"})

    @blueprint.post("/session")
    @own_auth("Opens a session: proves a returning visitor or user by their tokens, and makes new visitors.")
    @body(OpenSession)
    async def open_session(request: Request, body: OpenSession) -> HTTPResponse:
        """Open or renew a session. 401: bad token, identity required; 404: unknown widget; 429."""
        guard.check(request, channel.widgets.get(body.widget))
        session = await channel.open_session(body, address_of(request))
        return json_response(session.as_json(), headers={"Cache-Control": "no-store"})

    @blueprint.post("/messages")
    @own_auth("The access token names the visitor.")
    @by_visitor
    @body(SendMessage)
    async def send_message(_request: Request, visitor: Visitor, body: SendMessage) -> HTTPResponse:
        """Store a message: 201, or 200 when stored before. 404: foreign conversation; 413; 429."""
        accepted = await channel.accept(visitor, body)
        answer = {
            "msg_id": accepted.message_id,
            "seq": accepted.seq,
            "conversation": accepted.conversation_id,
            "duplicate": accepted.duplicate,
        }
        return json_response(answer, status=200 if accepted.duplicate else 201)

    @blueprint.get("/events")
    @own_auth("The access token names the visitor.")
    @by_visitor
    @query(ReadEvents)
    async def read_events(_request: Request, visitor: Visitor, query: ReadEvents) -> HTTPResponse:
        """Return events after a number, waiting for the first. 404: foreign conversation."""
        await channel.check_own(visitor, query.conversation)
        page = await channel.events(visitor, after=query.after, limit=query.limit, wait_s=query.wait)
        answer = {
            "events": page.events,
            "seq": page.seq,
            "more": page.more,
            "conversation": page.conversation_id,
        }
        return json_response(answer, headers={"Cache-Control": "no-store"})

    @own_auth("The first frame brings the access token; without it the socket is closed after 5 s.")
    async def open_socket(request: Request, ws: Websocket) -> None:
        """Serve one browser until it leaves."""
        session = WebSocketSession(
            channel,
            bus,
            clock,
            ws,
            check_widget=lambda widget: guard.check(request, widget, must_have=True),
            times=times,
        )
        await session.run()

    blueprint.add_websocket_route(open_socket, "/socket")
    _answer_other_sites(blueprint, channel, guard)
    return blueprint


def _by_visitor(channel: WebChannel, guard: OriginGuard) -> Callable[[AsyncHandler], AsyncHandler]:
    """Build the decorator that proves the caller first, and passes them on as `visitor`."""

    def wrap(handler: AsyncHandler) -> AsyncHandler:
        @functools.wraps(handler)
        async def with_visitor(request: Request, **kwargs: Any) -> Any:
            header = request.headers.get("authorization", "")
            if not header.startswith(BEARER):
                raise NotAllowedError("Send the access token as Authorization: Bearer.", code="unauthenticated")
            visitor, widget = channel.authenticate(header.removeprefix(BEARER).strip())
            guard.check(request, widget)
            return await handler(request, visitor=visitor, **kwargs)

        return with_visitor

    return wrap


def _answer_other_sites(blueprint: Blueprint, channel: WebChannel, guard: OriginGuard) -> None:
    """Add CORS: the browser's question beforehand, and the header on each answer."""

    @public("Browsers ask before a call from another site, and send no token with the question.")
    async def ask_beforehand(_request: Request) -> HTTPResponse:
        """Say which methods and headers may be used."""
        return preflight()

    for name in ("session", "messages", "events"):
        blueprint.add_route(ask_beforehand, f"/{name}", methods={"OPTIONS"}, name=f"ask_beforehand_{name}")

    async def name_origin(request: Request, response: HTTPResponse) -> None:
        origin = request.headers.get("origin")
        if origin and guard.allows(request, origin, channel.widgets.origins):
            add_cors(response, origin)

    blueprint.middleware(name_origin, "response")
