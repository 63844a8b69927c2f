"""The demo shop's routes on a running server: whom one may be, and that the widget believes the token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from channels.web.widgets import UserKey, Widget
from core.clock import SystemClock
from server.demo_shop.routes import DemoCustomer, demo_shop_routes
from tests.integration.web.web_server import Browser, WebServer, running_server

KEY = "the-demo-shops-key-0123456789-0123456789"
DEMO = Widget(id="demo", name="Yihe", user_keys=(UserKey(kid="demo-shop", key=SecretStr(KEY)),))


async def customers() -> Sequence[DemoCustomer]:
    return [DemoCustomer("c-1001", "李雷", "zh", "gold")]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[WebServer]:
    routes = demo_shop_routes(key=KEY.encode(), customers=customers, clock=SystemClock())
    async with running_server(tmp_path, widgets=(DEMO,), pages=(routes,)) as running:
        yield running


async def test_the_page_and_its_files_come_with_a_strict_policy(shop: WebServer) -> None:
    async with httpx.AsyncClient(base_url=shop.url) as http:
        answers = [await http.get(path) for path in ("/", "/shop/shop.css", "/shop/shop.js", "/shop/mark.svg")]
        outside = await http.get("/shop/..%2froutes.py")

    assert [answer.status_code for answer in answers] == [200] * 4
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    assert outside.status_code == 404


async def test_a_demo_customer_is_known_to_the_widget(shop: WebServer) -> None:
    async with httpx.AsyncClient(base_url=shop.url) as http:
        offered = (await http.get("/demo/customers")).json()["customers"]
        signed = (await http.post("/demo/sign-in", json={"customer_id": offered[0]["id"]})).json()

    session = await Browser(shop).open("demo", user_jwt=signed["user_jwt"])

    assert session.json()["user"] == {"id": "c-1001", "name": "李雷"}
    assert signed["demo"] is True


async def test_strangers_and_other_sites_get_no_token(shop: WebServer) -> None:
    async with httpx.AsyncClient(base_url=shop.url) as http:
        unknown = await http.post("/demo/sign-in", json={"customer_id": "c-9999"})
        foreign = await http.post(
            "/demo/sign-in", json={"customer_id": "c-1001"}, headers={"Origin": "https://evil.example"}
        )

    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_customer")
    assert (foreign.status_code, foreign.json()["code"]) == (403, "origin_not_allowed")
