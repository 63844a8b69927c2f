"""Signing in and out, one-time passwords, lost sessions, and pages one may not open."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.pages.console.conftest import Desk, MockDesk

pytestmark = pytest.mark.browser


def test_a_wrong_password_is_refused_in_words_and_the_field_is_ready_again(desk: Desk) -> None:
    desk.open()
    desk.page.get_by_label("Login", exact=True).fill("lin")
    desk.page.get_by_label("Password", exact=True).fill("wrong")
    desk.page.keyboard.press("Enter")

    expect(desk.page.get_by_role("alert")).to_have_text("The login or the password is wrong.")
    expect(desk.page.locator("#password")).to_be_focused()
    expect(desk.page.locator("#password")).to_have_value("")


def test_too_many_attempts_lock_the_form_and_count_down(desk: Desk) -> None:
    desk.open()
    for _attempt in range(6):
        desk.page.fill("#login", "lin")
        desk.page.fill("#password", "wrong")
        desk.page.keyboard.press("Enter")
        expect(desk.page.get_by_role("alert")).not_to_be_empty()
        expect(desk.page.locator("button[type=submit].is-loading")).to_have_count(0)

    expect(desk.page.get_by_role("alert")).to_contain_text(re.compile(r"Too many attempts.*0:\d\d"))
    expect(desk.page.locator("button[type=submit]")).to_be_disabled()


def test_a_one_time_password_must_be_replaced_before_anything_else(desk: Desk) -> None:
    desk.sign_in("newcomer", "/desk/c-chen")
    expect(desk.page.get_by_role("heading", name="Choose your own password")).to_be_visible()
    desk.open("/desk")
    expect(desk.page).to_have_url(re.compile("/console/password"))

    desk.open("/desk/c-chen")
    desk.page.fill("#current-password", "correct horse")
    desk.page.fill("#new-password", "a much better one")
    desk.page.fill("#new-password-again", "a much better two")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("alert")).to_have_text("The two entries differ.")
    desk.page.fill("#new-password-again", "a much better one")
    desk.page.keyboard.press("Enter")

    expect(desk.page).to_have_url(re.compile("/console/desk/c-chen"))


def test_a_lost_session_leads_to_sign_in_and_back_with_the_draft_kept(desk: Desk, mock: MockDesk) -> None:
    desk.sign_in("lin", "/desk/c-mine?view=mine")
    desk.page.get_by_label("Reply").and_(desk.page.locator("textarea")).fill("half a sentence")

    mock.steer("expire")
    expect(desk.page.get_by_text("Your session has ended")).to_be_visible()
    desk.page.fill("#login", "lin")
    desk.page.fill("#password", "correct horse")
    desk.page.keyboard.press("Enter")

    expect(desk.page).to_have_url(re.compile(r"/console/desk/c-mine\?view=mine"))
    expect(desk.page.locator("textarea").first).to_have_value("half a sentence")


def test_signing_out_ends_at_sign_in_and_asks_no_way_back(desk: Desk) -> None:
    desk.sign_in("lin", "/account")
    desk.page.get_by_role("button", name="Settings").click()
    desk.page.get_by_role("button", name="Sign out").click()

    expect(desk.page).to_have_url(re.compile(r"/console/sign-in$"))


def test_pages_without_permission_and_without_existence_say_so(desk: Desk) -> None:
    desk.sign_in("lin", "/accounts")
    expect(desk.page.get_by_role("heading", name="You may not open this page")).to_be_visible()

    desk.open("/nowhere/at/all")
    expect(desk.page.get_by_role("heading", name="There is no page here")).to_be_visible()

    desk.open("/desk/no-such-conversation")
    expect(desk.page.get_by_text("This conversation does not exist")).to_be_visible()


def test_an_unreachable_server_is_said_at_the_start(desk: Desk) -> None:
    desk.page.route("**/api/session", lambda route: route.abort())
    desk.open()
    expect(desk.page.get_by_text("The server cannot be reached")).to_be_visible()

    desk.page.unroute("**/api/session")
    desk.page.get_by_role("button", name="Try again").click()

    expect(desk.page.locator("#login")).to_be_visible()


def test_language_and_appearance_follow_the_browser_until_chosen_and_are_remembered(
    new_desk: Callable[..., Desk],
) -> None:
    desk = new_desk(locale="zh-CN", dark=True)
    desk.sign_in("lin", "/account")
    expect(desk.page.get_by_role("heading", name="我的账号")).to_be_visible()
    expect(desk.page.locator("html")).to_have_class(re.compile("dark"))
    expect(desk.page.locator("html")).to_have_attribute("lang", "zh-CN")

    desk.page.get_by_role("button", name="设置").click()
    desk.page.get_by_text("English", exact=True).click()
    desk.page.get_by_text("Light", exact=True).click()
    desk.page.reload()

    expect(desk.page.get_by_role("heading", name="My account")).to_be_visible()
    expect(desk.page.locator("html")).not_to_have_class(re.compile("dark"))
