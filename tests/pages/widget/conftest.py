"""The demo shop with the built widget, a scripted assistant, a network that can be cut, and a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, FrameLocator, Page, async_playwright
from pydantic import SecretStr

from channels.web.widgets import UserKey, Widget
from conversations.messages import Choice, Content, MessageKind
from conversations.protocols import AssistantReply, AssistantRequest, Effect, Understanding
from core.clock import SystemClock
from server.demo_shop.routes import DemoCustomer, demo_shop_routes
from server.front import WEB, WIDGET_POLICY
from server.pages import PageFolder, page_routes
from tests.conftest import need_program
from tests.integration.web.web_server import NoLimits, WebServer, running_server
from tests.pages.widget.network import Network

KEY = "the-demo-shops-key-0123456789-0123456789"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RETURNS = "自签收之日起七天内，商品完好可无理由退货，运费由买家承担。"
DEMO = Widget(
    id="demo",
    name="一和 Yihe",
    names={"zh": "一和客服", "en": "Yihe Support"},
    user_keys=(UserKey(kid="demo-shop", key=SecretStr(KEY)),),
)


class ScriptedAssistant:
    """Repeats what it hears, and knows a few words that show other kinds of messages."""

    async def answer(self, request: AssistantRequest) -> AssistantReply:
        """Answer by the script."""
        return AssistantReply(
            self._messages(request.text), Understanding(text=request.text), self._effects(request.text)
        )

    def _messages(self, text: str) -> Sequence[Content]:
        if text == "choices":
            options = (Choice("退货", "/return"), Choice("换货", "/exchange"), Choice("Just asking", "/other"))
            return [Content("要退货还是换货？", MessageKind.CHOICES, options)]
        if text == "answer":
            source = {
                "article_id": "a-1",
                "title": "退换货政策",
                "section": "退货",
                "url": "/help/zh/a-1",
                "version": "3",
            }
            return [Content("可以退货。", MessageKind.ANSWER, source=source, quote=RETURNS)]
        if text == "human":
            return []
        return [Content(f"echo: {text}")]

    def _effects(self, text: str) -> Sequence[Effect]:
        return [Effect("handoff", {"reason": "customer_asked", "evidence": text})] if text == "human" else []


async def _customers() -> Sequence[DemoCustomer]:
    return [DemoCustomer("c-1001", "李雷", "zh", "gold"), DemoCustomer("c-1002", "Emma Clark", "en", "vip")]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A running demo shop."""
    dist = WEB / "widget" / "dist"
    if not (dist / "index.html").exists():
        pytest.skip("web/widget is not built: npm run build")
    policy = {"Content-Security-Policy": WIDGET_POLICY.format(origins="")}
    widget = page_routes("widget", "/widget", PageFolder(dist), lambda _request: policy)
    front = demo_shop_routes(key=KEY.encode(), customers=_customers, clock=SystemClock())
    async with running_server(
        tmp_path, widgets=(DEMO,), assistant=ScriptedAssistant(), pages=(widget, front), limits=NoLimits()
    ) as running:
        yield running


@pytest.fixture
async def network(shop: WebServer) -> AsyncIterator[Network]:
    """The way to the shop."""
    way = Network(int(shop.host.split(":")[1]))
    await way.start()
    yield way
    await way.stop()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A real browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=need_program("chromium", "chromium"), args=FLAGS)
        yield browser
        await browser.close()


@dataclass
class Customer:
    """A customer in front of the shop's page; `faults` are what the browser's console complained of."""

    context: BrowserContext
    page: Page
    faults: list[str]

    @property
    def chat(self) -> FrameLocator:
        """The panel."""
        return self.page.frame_locator("iframe")

    async def open_chat(self) -> None:
        """Press the button."""
        await self.page.locator("button.launcher").click()
        await self.chat.locator(".empty, .line").first.wait_for()

    async def say(self, text: str) -> None:
        """Write and send."""
        await self.chat.locator("textarea").fill(text)
        await self.chat.locator("textarea").press("Enter")

    async def lines(self) -> list[str]:
        """Return what stands in the conversation."""
        return await self.chat.locator(".bubble").all_inner_texts()


async def open_shop(
    chromium: Browser,
    network: Network,
    *,
    width: int = 1200,
    height: int = 820,
    dark: bool = False,
    language: str = "zh-CN",
) -> Customer:
    """Open the shop's page in a browser of its own."""
    context = await chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale=language
    )
    context.set_default_timeout(20_000)
    page = await context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(f"http://127.0.0.1:{network.port}/")
    await page.locator("button.launcher").wait_for()
    return Customer(context, page, faults)


@pytest.fixture
async def customer(chromium: Browser, network: Network) -> Customer:
    """A Chinese customer at a desk."""
    return await open_shop(chromium, network)
