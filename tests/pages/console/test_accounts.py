"""What administrators do with accounts, and what everybody does with their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.pages.console.conftest import Desk

pytestmark = pytest.mark.browser


def test_a_new_account_shows_its_password_once_and_it_works(new_desk: Callable[..., Desk]) -> None:
    desk = new_desk()
    desk.sign_in("admin", "/accounts")
    desk.page.get_by_role("button", name="New account").click()
    desk.page.get_by_label("Name", exact=True).fill("Mia Hart")
    desk.page.get_by_label("Login", exact=True).fill("lin")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("dialog").get_by_role("alert")).to_have_text("This login is taken.")
    desk.page.get_by_label("Login", exact=True).fill("mia")
    desk.page.keyboard.press("Enter")
    password = desk.page.locator("[data-test=one-time-password]").inner_text()
    desk.page.get_by_role("button", name="Done").click()
    expect(desk.page.locator("[data-test=one-time-password]")).to_have_count(0)
    expect(desk.page.get_by_role("listitem").filter(has_text="Mia Hart")).to_contain_text(
        "One-time password not used yet"
    )

    hers = new_desk()
    hers.open("/desk")
    hers.page.fill("#login", "mia")
    hers.page.fill("#password", password)
    hers.page.keyboard.press("Enter")
    expect(hers.page.get_by_role("heading", name="Choose your own password")).to_be_visible()


def test_roles_can_be_changed_and_accounts_disabled_and_enabled(desk: Desk) -> None:
    desk.sign_in("admin", "/accounts")
    desk.page.get_by_role("button", name="Edit: Wang Qiang").click()
    desk.page.get_by_role("dialog").get_by_text("Trainer", exact=True).click()
    desk.page.get_by_role("button", name="Save").click()
    wang = desk.page.get_by_role("listitem").filter(has_text="Wang Qiang")
    expect(wang).to_contain_text("Trainer")

    desk.page.get_by_role("button", name="Disable: Wang Qiang").click()
    desk.page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(wang).to_contain_text("Disabled")
    desk.page.get_by_role("button", name="Enable: Wang Qiang").click()
    expect(wang).to_contain_text("Active")


def test_the_last_administrator_cannot_give_the_role_away(desk: Desk) -> None:
    desk.sign_in("admin", "/accounts")
    desk.page.get_by_role("button", name="Edit: Administrator").click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_text("Administrator", exact=True).click()
    dialog.get_by_text("Trainer", exact=True).click()
    desk.page.get_by_role("button", name="Save").click()

    expect(dialog.get_by_role("alert")).to_contain_text("This is the last administrator.")


def test_ones_own_password_can_be_changed(desk: Desk) -> None:
    desk.sign_in("lin", "/account")
    desk.page.fill("#current-password", "not mine")
    desk.page.fill("#new-password", "a much better one")
    desk.page.fill("#new-password-again", "a much better one")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_text("The present password is wrong.")).to_be_visible()

    desk.page.fill("#current-password", "correct horse")
    desk.page.get_by_role("button", name="Save password").click()

    expect(desk.page.get_by_text("Your password is changed.")).to_be_visible()
