"""The demo shop's page at `/`, and the tokens its made-up customers sign in with; mounted in demo mode only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jwt
from pydantic import Field
from sanic import Blueprint, HTTPResponse, Request

from core.access import public
from core.clock import Clock
from core.errors import NotAllowedError, NotFoundError
from core.http import RequestModel, body, json_response
from server.pages import PageFolder, send

PAGE = Path(__file__).resolve().parent / "page"
TOKEN_S = 3600
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    """One made-up customer whom a visitor of the demo may sign in as; `id` is the shop's own number."""

    id: str
    name: str
    language: str
    tier: str | None = None


ListDemoCustomers = Callable[[], Awaitable[Sequence[DemoCustomer]]]


class SignInAs(RequestModel):
    """Whom to sign in as."""

    customer_id: str = Field(min_length=1, max_length=64)


def demo_shop_routes(
    *,
    key: bytes,
    customers: ListDemoCustomers,
    clock: Clock,
    widget_id: str = "demo",
    key_id: str = "demo-shop",
    page: Path = PAGE,
) -> Blueprint:
    """Build the demo shop: its page and the sign-in of its customers with the demo widget's key."""
    blueprint = Blueprint("demo_shop")
    files = PageFolder(page)

    @blueprint.get("/", name="index")
    @public("the demo shop's page")
    async def get_page(request: Request) -> HTTPResponse:
        """Return the shop's page."""
        return send(request, files.get("index.html"), HEADERS)

    @blueprint.get("/shop/<name:str>", name="file")
    @public("the demo shop's style sheet, script and pictures")
    async def get_file(request: Request, name: str) -> HTTPResponse:
        """Return one of the page's files. 404: there is none of this name."""
        return send(request, files.get(name), HEADERS)

    @blueprint.get("/demo/customers")
    @public("the demo's customers are made up, and the page lets one choose among them")
    async def list_customers(_request: Request) -> HTTPResponse:
        """Return whom one may sign in as."""
        return json_response({"customers": list(await customers())})

    @blueprint.post("/demo/sign-in")
    @public("demo only: anybody may play one of the made-up customers")
    @body(SignInAs)
    async def sign_in(request: Request, body: SignInAs) -> HTTPResponse:
        """Sign a user token for a made-up customer. 403: asked from another site's page; 404: unknown."""
        _check_own_page(request)
        chosen = next((one for one in await customers() if one.id == body.customer_id), None)
        if chosen is None:
            raise NotFoundError("The demo has no such customer.", code="unknown_customer")
        now_s = int(clock.now().timestamp())
        claims = {
            "sub": chosen.id,
            "aud": widget_id,
            "iat": now_s,
            "exp": now_s + TOKEN_S,
            "name": chosen.name,
            "locale": chosen.language,
        }
        token = jwt.encode(claims, key, algorithm="HS256", headers={"kid": key_id})
        return json_response(
            {"user_jwt": token, "customer": chosen, "demo": True}, headers={"Cache-Control": "no-store"}
        )

    return blueprint


def _check_own_page(request: Request) -> None:
    """Refuse a browser that calls from another site's page; programs send no Origin."""
    origin = request.headers.get("origin")
    if origin is not None and origin.split("://", 1)[-1].lower() != request.headers.get("host", "").lower():
        raise NotAllowedError("Sign in from the demo shop's own page.", code="origin_not_allowed")
