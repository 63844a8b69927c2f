"""Says whether the server lives and what of it can be used; gives operators its metrics."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping

from sanic import Blueprint, HTTPResponse, Request, raw
from sqlalchemy import text

from core.access import Permission, own_auth, public
from core.database import Database
from core.errors import NotAllowedError
from core.http import json_response
from core.logs import get_logger
from core.metrics import Metrics
from server.access.guard import Guard

log = get_logger(__name__)
Check = Callable[[], Awaitable[str]]


def health_routes(checks: Mapping[str, Check], metrics: Metrics, guard: Guard) -> Blueprint:
    """Build /healthz, /readyz and /metrics.

    Each check returns "ready" or what is the matter. Only the database decides whether the server should get
    requests: the desk works with the engine down.
    """
    blueprint = Blueprint("health")

    @blueprint.get("/healthz")
    @public("a process manager asks without an account")
    async def healthz(_request: Request) -> HTTPResponse:
        """Answer while the process lives."""
        return json_response({"status": "alive"})

    @blueprint.get("/readyz")
    @public("a load balancer asks without an account")
    async def readyz(_request: Request) -> HTTPResponse:
        """Say what can be used. 503: the database cannot."""
        parts = {name: await check() for name, check in checks.items()}
        return json_response({"parts": parts}, status=200 if parts["database"] == "ready" else 503)

    @blueprint.get("/metrics")
    @own_auth("loopback, where operators' collectors run, or an account with view_metrics")
    async def get_metrics(request: Request) -> HTTPResponse:
        """Return all metrics as Prometheus reads them."""
        if not _is_direct_loopback(request):
            session = await guard.authenticate(request)
            if Permission.VIEW_METRICS not in session.account.permissions:
                raise NotAllowedError("This needs the permission 'view_metrics'.", code="permission_missing")
        return raw(metrics.render(), content_type="text/plain; version=0.0.4; charset=utf-8")

    return blueprint


def database_check(database: Database) -> Check:
    """Return the check that asks the database something."""

    async def check() -> str:
        try:
            async with database.read() as session:
                await session.execute(text("SELECT 1"))
        except Exception as error:
            log.warning("health.database", error=type(error).__name__)
            return "unreachable"
        return "ready"

    return check


def _is_direct_loopback(request: Request) -> bool:
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.ip).is_loopback
    except ValueError:
        return False
