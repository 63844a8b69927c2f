"""Each page and state under axe-core: nothing serious or critical, in both languages, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.console.conftest import CONSOLE, Desk, MockDesk

pytestmark = pytest.mark.browser

AXE = CONSOLE / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = [{"locale": "en-US", "dark": False}, {"locale": "zh-CN", "dark": True}]


def faults(desk: Desk) -> list[str]:
    """Return what axe-core finds serious or critical, one line each."""
    desk.page.wait_for_timeout(450)  # colours are measured as drawn, so fading must be over
    desk.page.evaluate(AXE.read_text())
    result: dict[str, Any] = desk.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{fault['id']}: {node['target']} {node.get('failureSummary', '')}"
        for fault in result["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_sign_in_has_no_serious_fault(new_desk: Callable[..., Desk], look: dict[str, Any]) -> None:
    desk = new_desk(**look)
    desk.open()
    desk.page.fill("#login", "lin")
    desk.page.fill("#password", "wrong")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("alert")).not_to_be_empty()

    assert faults(desk) == []


@pytest.mark.parametrize("look", LOOKS)
def test_the_desk_has_no_serious_fault(new_desk: Callable[..., Desk], mock: MockDesk, look: dict[str, Any]) -> None:
    desk = new_desk(**look)
    desk.sign_in(path="/desk/c-chen?view=all")
    expect(desk.page.locator("article").first).to_be_visible()
    desk.page.locator("details summary").nth(1).click()
    assert faults(desk) == []

    desk.page.keyboard.press("Alt+t")
    expect(desk.page.locator(".composer textarea")).to_be_focused()
    mock.steer("fault", method="POST", path="messages$", status=503, code="unavailable")
    desk.page.keyboard.type("hello")
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator(".pending.failed")).to_be_visible()
    desk.page.keyboard.press("Alt+p")
    desk.page.keyboard.type("a note")
    assert faults(desk) == []


@pytest.mark.parametrize("look", LOOKS)
def test_empty_and_failed_states_have_no_serious_fault(
    new_desk: Callable[..., Desk], mock: MockDesk, look: dict[str, Any]
) -> None:
    desk = new_desk(**look)
    desk.sign_in(path="/desk?q=nothing-like-this")
    expect(desk.page.locator(".notice")).to_have_count(2)
    mock.steer("refuse_sockets", on=True)
    expect(desk.page.locator(".bar")).to_be_visible()
    assert faults(desk) == []

    mock.steer("refuse_sockets", on=False)
    mock.steer("fault", method="GET", path="conversations/c-chen$", status=500, code="internal")
    desk.open("/desk/c-chen")
    expect(desk.page.locator(".notice.failed")).to_be_visible()
    assert faults(desk) == []


@pytest.mark.parametrize("look", LOOKS)
def test_accounts_menu_and_dialogs_have_no_serious_fault(new_desk: Callable[..., Desk], look: dict[str, Any]) -> None:
    desk = new_desk(**look)
    desk.sign_in("admin", "/accounts")
    expect(desk.page.locator(".account").first).to_be_visible()
    assert faults(desk) == []

    desk.page.locator("header button").click()
    expect(desk.page.locator("#account-name")).to_be_visible()
    assert faults(desk) == []

    desk.open("/account")
    desk.page.locator("button.me").click()
    expect(desk.page.locator(".menu")).to_be_visible()
    assert faults(desk) == []

    desk.page.locator("#content").press("?")
    expect(desk.page.get_by_role("dialog")).to_be_visible()
    assert faults(desk) == []


def test_nothing_moves_for_who_asked_for_less_motion(new_desk: Callable[..., Desk], mock: MockDesk) -> None:
    desk = new_desk(reduced_motion="reduce")
    desk.sign_in()
    expect(desk.page.locator(".row")).to_have_count(2)
    mock.steer("arrive", name="Quiet")
    arrived = desk.page.locator(".row.arrived")
    expect(arrived).to_be_visible()

    assert arrived.evaluate("row => getComputedStyle(row).animationName") == "none"
