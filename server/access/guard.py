"""Stands before every route: finds out who asks, and enforces what the route's mark demands."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from sanic import Request, Sanic
from sanic.response import BaseHTTPResponse

from core.access import AccessMark, Permission, Principal, access_mark
from core.errors import ConfigError, NotAllowedError
from server.access.models import AccountSession
from server.access.sessions import SessionService, csrf_token, is_csrf_token

COOKIE = "yiti_session"
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BEFORE_CHANGE_MARK = "__yiti_before_password_change__"


class Guard:
    """The only gate between the network and the handlers of the console's routes.

    Fails closed: a route without a mark answers 403, and `install` refuses to start an app that has one.
    Files served by `app.static` cannot carry a mark, so their names are listed in `public_static`.
    """

    def __init__(
        self,
        sessions: SessionService,
        *,
        allowed_origins: Collection[str] = (),
        public_static: Collection[str] = (),
    ) -> None:
        self._sessions = sessions
        self._allowed_origins = frozenset(origin.rstrip("/").lower() for origin in allowed_origins)
        self._public_static = frozenset(public_static)

    def install(self, app: Sanic[Any, Any]) -> None:
        """Put the guard before every handler and check the marks when the server starts."""
        app.on_request(self.check)
        app.register_middleware(_forbid_caching, "response")
        app.before_server_start(self._check_marks)

    async def _check_marks(self, app: Sanic[Any, Any]) -> None:
        unmarked = routes_without_permission(app, public_static=self._public_static)
        if unmarked:
            raise ConfigError(
                f"These routes name neither a permission nor why they need none: {', '.join(unmarked)}.",
                code="route_without_permission",
            )

    async def check(self, request: Request) -> None:
        """Let the request through, or raise what its caller must hear.

        Raises:
            NotAllowedError: `unauthenticated` or `session_expired` (sign in), `permission_missing`,
                `password_change_required`, `bad_csrf_token`, `foreign_origin`, `route_without_permission`.
        """
        route = request.route
        if route is None or (route.extra.static and self._is_public_static(str(route.name))):
            return
        mark = _mark_of(route.handler)
        if mark is None:
            raise NotAllowedError("This address is not open to anybody.", code="route_without_permission")
        if mark.kind in {"public", "own_auth"}:
            return
        request.ctx.no_store = True
        session = await self.authenticate(request)
        if request.method not in SAFE_METHODS:
            self.check_origin(request)
            self._check_csrf(request)
        if route.extra.websocket:
            self._check_websocket_origin(request)
        request.ctx.account_session = session
        request.ctx.principal = principal_from(session)
        _check_permission(mark, session, is_password_route=hasattr(route.handler, BEFORE_CHANGE_MARK))

    def check_origin(self, request: Request) -> None:
        """Refuse a browser's request that was made by a page of another site."""
        origin = request.headers.get("origin")
        if origin is not None and not self._is_own_origin(origin, request.headers.get("host", "")):
            raise NotAllowedError("The request comes from a page of another origin.", code="foreign_origin")

    async def authenticate(self, request: Request) -> AccountSession:
        """Return the session of the request's cookie.

        Raises:
            NotAllowedError: `unauthenticated` or `session_expired`.
        """
        session_id = session_id_of(request)
        if not session_id:
            raise NotAllowedError("Sign in first.", code="unauthenticated")
        session = await self._sessions.find(session_id)
        if session is None:
            raise NotAllowedError("The session is over; sign in again.", code="session_expired")
        return session

    def _check_csrf(self, request: Request) -> None:
        if not is_csrf_token(session_id_of(request), request.headers.get(CSRF_HEADER, "")):
            raise NotAllowedError(
                "The X-CSRF-Token header is missing or does not belong to this session.", code="bad_csrf_token"
            )

    def _check_websocket_origin(self, request: Request) -> None:
        if "origin" not in request.headers:
            raise NotAllowedError("A WebSocket must say its Origin.", code="foreign_origin")
        self.check_origin(request)

    def _is_own_origin(self, origin: str, host: str) -> bool:
        try:
            asked_by = urlsplit(origin).netloc.lower()
        except ValueError:  # not an address at all
            return False
        return origin.lower() in self._allowed_origins or asked_by == host.lower() != ""

    def _is_public_static(self, name: str) -> bool:
        return name in self._public_static or name.split(".", 1)[-1] in self._public_static

    # What the desk's WebSocket needs to know of a session while the connection lives.

    def session_key(self, request: Request) -> str:
        """Return what names the request's session without being its secret."""
        session: AccountSession = request.ctx.account_session
        return session.id_hash

    def is_csrf_token(self, request: Request, presented: str) -> bool:
        """Tell whether this is the CSRF token of the request's session."""
        return is_csrf_token(session_id_of(request), presented)

    async def find_principal(self, session_key: str) -> Principal | None:
        """Return who the session belongs to now, or None once it is over; does not prolong the session."""
        session = await self._sessions.find_by_hash(session_key)
        if session is None or session.account.must_change_password:
            return None
        return principal_from(session)


def routes_without_permission(app: Sanic[Any, Any], *, public_static: Collection[str] = ()) -> list[str]:
    """List the routes, as `METHODS /path`, whose handler carries no access mark."""
    return sorted(
        f"{','.join(sorted(route.methods))} /{route.path.lstrip('/')}"
        for route in app.router.routes
        if _mark_of(route.handler) is None
        and not (route.extra.static and (route.name in public_static or route.name.split(".", 1)[-1] in public_static))
    )


def principal_from(session: AccountSession) -> Principal:
    """Return the session's account as the person who makes requests."""
    account = session.account
    return Principal(
        account_id=account.id,
        login=account.login,
        name=account.name,
        roles=account.roles,
        session_id=session.id_hash,
    )


def session_id_of(request: Request) -> str:
    """Return the secret session id the browser sent, or an empty string."""
    return str(request.cookies.get(COOKIE) or "")


def csrf_token_of(request: Request) -> str:
    """Return the CSRF token of the request's session."""
    return csrf_token(session_id_of(request))


def may_use_one_time_password(handler: Any) -> Any:
    """Mark a handler as reachable while the account has still to change its one-time password."""
    setattr(handler, BEFORE_CHANGE_MARK, True)
    return handler


def _mark_of(handler: Any) -> AccessMark | None:
    if isinstance(handler, partial) and handler.args:  # how Sanic wraps the handler of a WebSocket
        handler = handler.args[0]
    return access_mark(handler)


def _check_permission(mark: AccessMark, session: AccountSession, *, is_password_route: bool) -> None:
    if session.account.must_change_password and not is_password_route:
        raise NotAllowedError("Change the one-time password first.", code="password_change_required")
    if mark.permission is not None and mark.permission not in session.account.permissions:
        raise NotAllowedError(
            f"This needs the permission {mark.permission.value!r}, which the account's roles do not give.",
            code="permission_missing",
            permission=Permission(mark.permission).value,
        )


async def _forbid_caching(request: Request, response: BaseHTTPResponse) -> None:
    if getattr(request.ctx, "no_store", False):
        response.headers.setdefault("cache-control", "no-store")
