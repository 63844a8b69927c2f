"""The product's main job in one go, in both languages, with a customer's and an agent's browser.

Order status for a signed-in customer who is known by name, an answer from the knowledge with its source, a question
outside both that is not answered, a handoff that an agent sees without a reload, takes and answers live while the
bot is silent, and the conversation given back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from tests.pages.whole.conftest import AGENT_PASSWORD
from tests.product import Product

WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)


@dataclass(frozen=True)
class Talk:
    """What is said in one language, and what must be read."""

    locale: str
    customer_id: str
    name: str
    greet: str
    ask_order: str
    order: re.Pattern[str]
    ask_knowledge: str
    article: re.Pattern[str]
    ask_outside: str
    ask_person: str
    agent_says: str
    customer_says: str
    waiting: re.Pattern[str]
    afterwards: str


TALKS = [
    Talk(
        locale="zh-CN",
        customer_id="c-1001",
        name="李雷",
        greet="你好",
        ask_order="我的订单到哪了",
        order=re.compile(r"[A-Z]{2}-\d{6}"),
        ask_knowledge="满多少钱可以包邮？",
        article=re.compile("99 ?元"),
        ask_outside="今天上海的天气怎么样？",
        ask_person="转人工",
        agent_says="李雷您好，我是小梅，看到您的订单了。",
        customer_says="太好了，请帮我催一下",
        waiting=re.compile("人工|同事"),
        afterwards="谢谢",
    ),
    Talk(
        locale="en-US",
        customer_id="c-1002",
        name="Emma",
        greet="hello",
        ask_order="where is my order",
        order=re.compile(r"[A-Z]{2}-\d{6}"),
        ask_knowledge="From what amount is shipping free?",
        article=re.compile("99"),
        ask_outside="What is the capital of France?",
        ask_person="I want to talk to a human",
        agent_says="Hello Emma, Mei here. I can see your order.",
        customer_says="great, please hurry it up",
        waiting=re.compile("colleague"),
        afterwards="thanks",
    ),
]


def _open_customer(browser: Browser, product: Product, talk: Talk) -> tuple[BrowserContext, Page, FrameLocator]:
    context = browser.new_context(locale=talk.locale, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(product.url)
    page.locator("#account").click()
    page.locator("#customers button", has_text=talk.customer_id).click()
    expect(page.locator("#account")).to_contain_text(talk.name)
    page.locator("[data-open-chat]").first.click()
    return context, page, page.frame_locator("iframe[src*='/widget/']")


def _say(panel: FrameLocator, text: str) -> None:
    panel.get_by_role("textbox").fill(text)
    panel.get_by_role("textbox").press("Enter")
    expect(panel.get_by_role("log").get_by_text(text, exact=True).last).to_be_visible()


def _open_desk(browser: Browser, product: Product, login: str, locale: str = "en-US") -> tuple[BrowserContext, Page]:
    context = browser.new_context(locale=locale, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{product.url}/console/")
    page.locator("input[autocomplete=username]").fill(login)
    page.locator("input[type=password]").fill(AGENT_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk**")
    return context, page


@pytest.mark.browser
@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.locale)
def test_customer_assistant_and_agent_work_as_one(
    browser: Browser, product: Product, agents: dict[str, str], talk: Talk
) -> None:
    desk_context, desk = _open_desk(browser, product, "mei")
    shop_context, shop, panel = _open_customer(browser, product, talk)
    log = panel.get_by_role("log")

    # the assistant knows the customer, the order and the articles, and when it knows nothing
    _say(panel, talk.greet)
    expect(log).to_contain_text(talk.name)
    _say(panel, talk.ask_order)
    expect(log.locator(".line.bot")).to_have_count(2)
    expect(log).to_contain_text(talk.order)
    _say(panel, talk.ask_knowledge)
    expect(log).to_contain_text(talk.article)
    source = log.get_by_role("link").last
    expect(source).to_have_attribute("href", re.compile("/help/(zh|en)/"))
    _say(panel, talk.ask_outside)
    expect(log.get_by_role("button", name=re.compile("人工|person")).last).to_be_visible()

    # the agent sees it appear without a reload, with the whole context
    _say(panel, talk.ask_person)
    expect(log).to_contain_text(talk.waiting)
    row = desk.get_by_text(talk.ask_person).first
    expect(row).to_be_visible()
    row.click()
    thread = desk.get_by_role("log")
    expect(thread).to_contain_text(talk.ask_order)
    expect(thread).to_contain_text("ask_order_status")
    expect(desk.locator("body")).to_contain_text(talk.name)
    expect(desk.locator("body")).to_contain_text(talk.customer_id)
    desk.keyboard.press("Alt+t")
    composer = desk.get_by_role("textbox", name="Reply")
    expect(composer).to_be_editable()

    # person to person, live, and the assistant is silent
    composer.fill(talk.agent_says)
    composer.press("Enter")
    expect(log).to_contain_text(talk.agent_says)
    expect(panel.locator("body")).to_contain_text("Mei")
    n_bot = log.locator(".line.bot").count()
    _say(panel, talk.customer_says)
    expect(thread).to_contain_text(talk.customer_says)
    shop.wait_for_timeout(1_500)
    assert log.locator(".line.bot").count() == n_bot

    # given back, the assistant speaks again
    desk.keyboard.press("Alt+b")
    confirm = desk.get_by_role("dialog").get_by_role("button").last
    if confirm.is_visible():
        confirm.click()
    expect(desk.locator("body")).to_contain_text("Back with the assistant")
    _say(panel, talk.afterwards)
    expect(log.locator(".line.bot")).not_to_have_count(n_bot)

    desk_context.close()
    shop_context.close()


@pytest.mark.browser
def test_of_two_agents_who_click_at_once_one_wins(browser: Browser, product: Product, agents: dict[str, str]) -> None:
    shop_context, _, panel = _open_customer(browser, product, TALKS[0])
    mei_context, mei = _open_desk(browser, product, "mei")
    tom_context, tom = _open_desk(browser, product, "tom")
    _say(panel, "我要找人工客服，现在")
    for desk in (mei, tom):
        desk.get_by_text("我要找人工客服，现在").first.click()
        expect(desk.get_by_role("button", name="Take").first).to_be_visible()

    mei.evaluate("document.querySelectorAll('button').forEach(b => { if (b.innerText === 'Take') window.take = b })")
    tom.evaluate("document.querySelectorAll('button').forEach(b => { if (b.innerText === 'Take') window.take = b })")
    mei.evaluate("window.take.click()")
    tom.evaluate("window.take.click()")

    expect(mei.get_by_role("textbox", name="Reply")).to_be_editable()
    expect(tom.locator("body")).to_contain_text("Mei")
    expect(panel.locator("body")).to_contain_text("Mei")
    for context in (shop_context, mei_context, tom_context):
        context.close()
