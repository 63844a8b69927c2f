"""Every route of the product names its permission or says why it needs none, and nobody gets in without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sanic import Sanic

from core.access import access_mark
from core.settings import Settings
from server.access.guard import routes_without_permission
from server.app import create_app
from server.wiring import build_house
from tests.product import make_home

OPEN = {
    "GET /healthz": "public",
    "GET /readyz": "public",
    "POST /api/session": "public",
    "GET /demo/customers": "public",
    "POST /demo/sign-in": "public",
    "GET /metrics": "own_auth",
    "POST /actions/webhook": "own_auth",
    "POST /web/v1/session": "own_auth",
    "POST /web/v1/messages": "own_auth",
    "GET /web/v1/events": "own_auth",
    "GET /web/v1/socket": "own_auth",
    "GET /web/v1/widgets/<widget_id:str>/config": "public",
}
PAGES = ("/console", "/widget", "/help", "/shop", "/web/v1/<_path")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Sanic[Any, Any]:
    settings = Settings(home=make_home(tmp_path_factory.mktemp("routes") / "home"))
    return create_app(build_house(settings), name="architecture")


def test_no_route_is_without_a_permission(app: Sanic[Any, Any]) -> None:
    assert routes_without_permission(app) == []


def test_only_the_listed_routes_are_open_without_a_session(app: Sanic[Any, Any]) -> None:
    open_routes: dict[str, str] = {}
    for route in app.router.routes:
        mark = access_mark(getattr(route.handler, "args", (route.handler,))[0])
        assert mark is not None
        path = "/" + route.path.strip("/")
        if mark.kind in {"public", "own_auth"} and path != "/" and not path.startswith(PAGES):
            for method in route.methods - {"HEAD", "OPTIONS"}:
                open_routes[f"{method} {path}"] = mark.kind

    assert open_routes == OPEN


async def test_a_route_without_a_mark_is_found(app: Sanic[Any, Any]) -> None:
    bare: Sanic[Any, Any] = Sanic("bare")
    bare.add_route(lambda _request: None, "/forgotten")

    assert routes_without_permission(bare) == ["GET /forgotten"]


def test_the_engines_secret_and_the_keys_are_not_in_the_repository() -> None:
    tracked = Path(__file__).resolve().parents[2]

    assert not list(tracked.glob("*.key"))
    assert "/var/" in (tracked / ".gitignore").read_text()
