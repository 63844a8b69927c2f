"""The widget in a real browser, against the real record and a scripted assistant."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from core.ids import AgentId, ConversationId
from server.front import WEB
from tests.integration.web.web_server import WebServer
from tests.pages.widget.conftest import Customer, open_shop
from tests.pages.widget.network import Network

pytestmark = pytest.mark.browser

AXE = WEB / "widget" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = os.environ.get("YITI_TEST_SHOTS")
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "javascript:alert(1) [x](javascript:alert(1))",
    'https://example.com/"onmouseover=alert(1)',
    "data:text/html,<script>alert(1)</script>",
]


async def shoot(customer: Customer, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        await customer.page.screenshot(path=f"{SHOTS}/{name}.png")


async def serious_faults(customer: Customer) -> list[str]:
    """Return what axe-core finds serious on the page and in the panel; run through the debugger, past the CSP."""
    found: list[str] = []
    for frame in customer.page.frames:
        await frame.evaluate(AXE.read_text())
        result = await frame.evaluate("axe.run(document, {iframes: false})")
        found += [
            f"{fault['id']}: {node['html']}"
            for fault in result["violations"]
            if fault["impact"] in {"serious", "critical"}
            for node in fault["nodes"]
        ]
    return found


async def test_a_question_is_answered(customer: Customer) -> None:
    await shoot(customer, "shop")
    await customer.open_chat()
    await expect(customer.chat.locator("textarea")).to_be_focused()
    await shoot(customer, "empty")
    assert await serious_faults(customer) == []

    await customer.say("你好")

    await expect(customer.chat.locator(".line.bot .bubble")).to_have_text("echo: 你好")
    assert await customer.lines() == ["你好", "echo: 你好"]
    assert customer.faults == []


async def test_what_is_written_offline_arrives_once_and_in_order(
    customer: Customer, shop: WebServer, network: Network
) -> None:
    await customer.open_chat()
    await customer.say("before")
    await expect(customer.chat.locator(".line.bot")).to_have_count(1)

    network.cut()
    for number in range(5):
        await customer.say(f"offline {number}")
    await expect(customer.chat.locator(".line.sending")).to_have_count(5)
    await expect(customer.chat.locator(".banner.warning")).to_be_visible()
    await shoot(customer, "offline")
    conversation = (await shop.conversations.list_for_desk("all", AgentId("nobody"))).items[0].id
    for number in range(5):
        await shop.say(conversation, f"from the desk {number}")
    network.mend()

    await expect(customer.chat.locator(".line.bot")).to_have_count(11, timeout=60_000)
    lines = await customer.lines()
    said = [line for line in lines if line.startswith("offline")]
    assert said == [f"offline {number}" for number in range(5)]
    assert [line for line in lines if line.startswith("from")] == [f"from the desk {number}" for number in range(5)]
    assert sorted(line for line in lines if line.startswith("echo: offline")) == [f"echo: {line}" for line in said]
    stored = await shop.conversations.events_after(ConversationId(conversation))
    texts = [event.data["text"] for event in stored if event.type == "message"]
    assert [text for text in texts if text.startswith("offline")] == said


async def test_what_was_written_offline_outlives_a_reload(customer: Customer, network: Network) -> None:
    await customer.open_chat()
    await customer.say("before")
    await expect(customer.chat.locator(".line.bot")).to_have_count(1)
    network.cut()
    await customer.say("unsent")
    await expect(customer.chat.locator(".line.sending")).to_have_count(1)

    network.mend()
    await customer.page.reload()
    await customer.open_chat()

    await expect(customer.chat.locator(".line.bot").last).to_contain_text("echo: unsent")
    assert (await customer.lines()).count("unsent") == 1


async def test_choices_answers_and_hostile_texts_are_shown_as_what_they_are(customer: Customer) -> None:
    await customer.open_chat()
    await customer.say("answer")
    link = customer.chat.locator(".source a")
    await expect(link).to_have_attribute("rel", "noopener nofollow")
    await expect(link).to_have_attribute("href", f"{customer.page.url}help/zh/a-1")
    await customer.say("choices")
    await expect(customer.chat.locator(".choice")).to_have_count(3)
    await shoot(customer, "conversation")
    assert await serious_faults(customer) == []
    await customer.chat.get_by_role("button", name="退货").click()
    await expect(customer.chat.locator(".line.customer .bubble").last).to_have_text("退货")
    await expect(customer.chat.locator(".choice")).to_have_count(0)

    for text in HOSTILE:
        await customer.say(text)
        await expect(customer.chat.locator(".line.bot .bubble").last).to_have_text(f"echo: {text}")

    assert await customer.chat.locator(".bubble img, .bubble script").count() == 0
    links = await customer.chat.locator(".bubble .text a").evaluate_all("links => links.map(one => one.protocol)")
    assert set(links) <= {"https:"}
    assert customer.faults == []


async def test_a_person_takes_over_and_is_named(customer: Customer, shop: WebServer) -> None:
    await customer.open_chat()
    await customer.say("human")
    await expect(customer.chat.locator(".who p")).to_contain_text("1")
    await shoot(customer, "queue")
    row = (await shop.conversations.list_for_desk("all", AgentId("nobody"))).items[0]

    async with shop.database.unit_of_work() as session:
        token = await shop.conversations.assign_agent(
            session, row.id, seen_token=row.token, agent_id=AgentId("a-1"), agent_name="韩梅"
        )
    await expect(customer.chat.locator(".who p")).to_contain_text("韩梅")
    async with shop.database.unit_of_work() as session:
        await shop.conversations.say_as_agent(
            session,
            row.id,
            agent_id=AgentId("a-1"),
            agent_name="韩梅",
            seen_token=token,
            client_msg_id="m-1",
            text="您好，我来帮您。",
        )
    await expect(customer.chat.locator(".line.agent .bubble")).to_have_text("您好，我来帮您。")
    await expect(customer.chat.locator(".line.agent .author")).to_contain_text("韩梅")
    await shoot(customer, "agent")
    assert await serious_faults(customer) == []


async def test_unread_messages_are_counted_on_the_button_and_keys_suffice(customer: Customer, shop: WebServer) -> None:
    await customer.page.locator("button.launcher").focus()
    await customer.page.keyboard.press("Enter")
    await expect(customer.chat.locator("textarea")).to_be_focused()
    await customer.page.keyboard.type("hello")
    await customer.page.keyboard.press("Enter")
    await expect(customer.chat.locator(".line.bot")).to_have_count(1)
    await customer.page.keyboard.press("Escape")
    await expect(customer.page.locator("iframe")).to_be_hidden()
    await expect(customer.page.locator("button.launcher")).to_be_focused()

    conversation = (await shop.conversations.list_for_desk("all", AgentId("nobody"))).items[0].id
    await shop.say(conversation, "are you still there?")

    await expect(customer.page.locator(".badge")).to_have_text("1")
    await expect(customer.page.locator("button.launcher")).to_have_attribute("aria-label", "打开在线客服，1 条未读消息")
    await customer.page.keyboard.press("Enter")
    await expect(customer.page.locator(".badge")).to_be_hidden()


async def test_too_long_a_text_cannot_be_sent(customer: Customer) -> None:
    await customer.open_chat()
    await customer.chat.locator("textarea").fill("汉" * 4001)

    await expect(customer.chat.locator(".count.over")).to_be_visible()
    await expect(customer.chat.locator(".send")).to_be_disabled()
    await shoot(customer, "too-long")


async def test_signing_in_brings_the_conversation_along_and_signing_out_leaves_nothing(customer: Customer) -> None:
    await customer.open_chat()
    await customer.say("as a guest")
    await expect(customer.chat.locator(".line.bot")).to_have_count(1)
    await customer.page.locator("#account").click()
    await expect(customer.page.locator(".customer")).to_have_count(2)
    await shoot(customer, "sign-in")
    assert await serious_faults(customer) == []

    await customer.page.get_by_role("button", name="李雷").click()
    await expect(customer.page.locator("#account")).to_contain_text("李雷")
    await customer.say("as Li Lei")
    await expect(customer.chat.locator(".line.bot")).to_have_count(2)
    assert await customer.lines() == ["as a guest", "echo: as a guest", "as Li Lei", "echo: as Li Lei"]

    await customer.page.locator("#account").click()
    await expect(customer.chat.locator(".empty")).to_be_visible()
    assert await customer.lines() == []


async def test_where_sockets_do_not_pass_it_polls(chromium: Browser, network: Network) -> None:
    customer = await open_shop(chromium, network)
    await customer.context.route_web_socket("**/web/v1/socket", lambda socket: socket.close())
    await customer.open_chat()
    await customer.say("hello by poll")

    await expect(customer.chat.locator(".line.bot .bubble")).to_have_text("echo: hello by poll")


@dataclass(frozen=True)
class Screen:
    name: str
    width: int = 1200
    height: int = 820
    dark: bool = False
    language: str = "en-GB"


SCREENS = [Screen("narrow", 360, 640, language="zh-CN"), Screen("dark", dark=True), Screen("zoomed", 320, 256)]


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
async def test_it_fits_small_dark_and_zoomed_screens(chromium: Browser, network: Network, screen: Screen) -> None:
    customer = await open_shop(
        chromium, network, width=screen.width, height=screen.height, dark=screen.dark, language=screen.language
    )
    await shoot(customer, f"{screen.name}-shop")
    await customer.open_chat()
    await shoot(customer, f"{screen.name}-empty")
    await customer.say("answer")
    await customer.say("choices")
    await expect(customer.chat.locator(".choice")).to_have_count(3)

    await shoot(customer, screen.name)
    assert await serious_faults(customer) == []
    wide = await customer.page.frames[-1].evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
    assert customer.faults == []
