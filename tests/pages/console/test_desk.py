"""The desk at work: live list, thread, taking, answering, giving back, races, cuts, and search."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.pages.console.conftest import Desk, MockDesk

pytestmark = pytest.mark.browser


def rows(desk: Desk) -> Locator:
    """Return the rows of the list."""
    return desk.page.get_by_role("tabpanel").get_by_role("link")


def composer(desk: Desk) -> Locator:
    """Return the field one writes in."""
    return desk.page.locator(".composer textarea")


def test_someone_who_begins_to_wait_appears_without_a_reload(desk: Desk, mock: MockDesk) -> None:
    desk.sign_in()
    expect(rows(desk)).to_have_count(2)
    expect(desk.page).to_have_title(re.compile(r"^\(2\) "))

    mock.steer("arrive", name="Late Comer")

    expect(rows(desk)).to_have_count(3)
    expect(rows(desk).nth(2)).to_contain_text("Late Comer")
    expect(rows(desk).nth(2)).to_contain_text("Asked for a person")
    expect(desk.page.get_by_role("tab", name="Queue 3")).to_be_visible()
    expect(desk.page).to_have_title(re.compile(r"^\(3\) "))


def test_the_thread_shows_all_that_was_said_understood_and_handed_over(desk: Desk) -> None:
    desk.sign_in(path="/desk/c-chen")
    log = desk.page.get_by_role("log")
    expect(log).to_contain_text("Yesterday")
    expect(log.get_by_text("Handed to people · Asked for a person")).to_be_visible()
    quote = log.locator("figure")
    expect(quote).to_contain_text("Version 3")
    expect(quote.get_by_role("link")).to_have_attribute("href", "/help/zh/return-policy")

    line = log.locator("details").nth(1)
    expect(line.get_by_text("ask_return_policy")).to_be_hidden()
    line.locator("summary").focus()
    desk.page.keyboard.press("Enter")
    expect(line.get_by_text("ask_return_policy")).to_be_visible()

    context = desk.page.get_by_role("complementary")
    for words in ("wants to return order AB-123456", "138****2046", "VIP", "¥699.00", "Noise-cancelling"):
        expect(context.get_by_text(words).first).to_be_visible()


def test_a_late_reply_of_the_assistant_is_seen_as_not_sent_and_markup_stays_text(desk: Desk) -> None:
    desk.sign_in("wang", "/desk/c-other?view=mine")
    expect(desk.page.get_by_text("Not sent: an agent had taken over")).to_be_visible()
    expect(desk.page.get_by_text("Private note by Wang Qiang")).to_be_visible()

    desk.open("/desk/c-miller")
    expect(desk.page.get_by_role("log")).to_contain_text("<b>Please</b>")


def test_take_answer_note_and_hand_back_by_keyboard_alone(desk: Desk, mock: MockDesk) -> None:
    desk.sign_in()
    expect(rows(desk)).to_have_count(2)
    desk.page.keyboard.press("Alt+j")
    expect(desk.page.get_by_role("heading", name="陈思雨")).to_be_visible()
    desk.page.keyboard.press("Alt+t")
    expect(composer(desk)).to_be_focused()
    desk.page.keyboard.type("I am on it.")
    desk.page.keyboard.press("Shift+Enter")
    desk.page.keyboard.type("One moment.")
    desk.page.keyboard.press("Enter")
    log = desk.page.get_by_role("log")
    expect(log.locator("article.agent")).to_have_text(re.compile("You.*I am on it.\nOne moment.", re.DOTALL))
    expect(composer(desk)).to_have_value("")

    mock.steer("say", conversation_id="c-chen", text="谢谢你")
    expect(log.get_by_text("谢谢你")).to_be_visible()
    desk.page.keyboard.press("Alt+p")
    desk.page.keyboard.type("Refund promised.")
    desk.page.keyboard.press("Enter")
    expect(log.get_by_text("Private note by 林梅")).to_be_visible()

    desk.page.keyboard.press("Alt+b")
    expect(desk.page.get_by_label("Note for whoever comes next")).to_be_focused()
    desk.page.keyboard.press("Enter")
    expect(log.get_by_text("Back with the assistant")).to_be_visible()
    expect(desk.page.get_by_role("dialog")).to_be_hidden()
    desk.page.keyboard.press("Alt+l")
    expect(desk.page.get_by_text("The assistant is talking with the customer.")).to_be_visible()


def test_resolving_closes_the_conversation_for_good_until_it_is_taken_again(desk: Desk) -> None:
    desk.sign_in(path="/desk/c-mine?view=mine")
    expect(desk.page.get_by_role("button", name="Resolve")).to_be_visible()
    desk.page.keyboard.press("Alt+e")

    expect(desk.page.get_by_role("log").get_by_text("Resolved")).to_be_visible()
    expect(rows(desk)).to_have_count(0)
    expect(desk.page.get_by_text("You have no conversations")).to_be_visible()


def test_of_two_who_take_at_once_one_is_told_who_was_faster(new_desk: Callable[..., Desk], mock: MockDesk) -> None:
    winner, loser = new_desk(), new_desk()
    winner.sign_in("lin", "/desk/c-miller")
    loser.sign_in("wang", "/desk/c-miller")
    expect(loser.page.get_by_role("button", name="Take").first).to_be_visible()
    loser.page.route("**/assignment", lambda route: (winner_takes(winner), route.continue_()))

    loser.page.keyboard.press("Alt+t")

    expect(loser.page.get_by_role("alert")).to_contain_text("林梅 was faster and has this conversation now.")
    expect(loser.page.get_by_text("林梅 has this conversation.")).to_be_visible()


def winner_takes(desk: Desk) -> None:
    """Take while the other's request is held."""
    desk.page.get_by_role("button", name="Take").first.click()
    expect(desk.page.get_by_text("You took the conversation")).to_be_visible()


def test_what_could_not_be_sent_is_kept_and_sent_once_on_retry(desk: Desk, mock: MockDesk) -> None:
    desk.sign_in(path="/desk/c-mine?view=mine")
    mock.steer("fault", method="POST", path="messages$", status=503, code="unavailable")
    composer(desk).fill("Are you there?")
    composer(desk).press("Enter")
    log = desk.page.get_by_role("log")
    expect(log.get_by_text("Not sent.")).to_be_visible()

    log.get_by_role("button", name="Try again").click()

    expect(log.get_by_text("Not sent.")).to_be_hidden()
    expect(log.get_by_text("Are you there?")).to_have_count(1)


def test_drafts_belong_to_their_conversation_and_outlive_a_reload(desk: Desk) -> None:
    desk.sign_in(path="/desk/c-mine?view=all")
    composer(desk).fill("to 周航")
    desk.page.get_by_role("tab", name="Note").click()
    composer(desk).fill("a note")
    rows(desk).filter(has_text="Grace Miller").click()
    expect(desk.page.get_by_text("Take the conversation to reply.")).to_be_visible()
    expect(rows(desk).filter(has_text="周航")).to_contain_text("Draft")

    desk.open("/desk/c-mine?view=all")

    expect(composer(desk)).to_have_value("to 周航")
    desk.page.get_by_role("tab", name="Note").click()
    expect(composer(desk)).to_have_value("a note")


def test_a_cut_connection_is_said_and_nothing_is_missed(desk: Desk, mock: MockDesk) -> None:
    desk.sign_in(path="/desk/c-mine?view=queue")
    expect(desk.page.get_by_role("log")).to_be_visible()
    mock.steer("refuse_sockets", on=True)
    expect(desk.page.get_by_text("The live connection is interrupted.")).to_be_visible()
    mock.steer("say", conversation_id="c-mine", text="said in the dark")
    mock.steer("arrive", name="Unseen")
    mock.steer("refuse_sockets", on=False)

    desk.page.get_by_role("button", name="Try now").click()

    expect(desk.page.get_by_role("log").get_by_text("said in the dark")).to_have_count(1)
    expect(rows(desk).filter(has_text="Unseen")).to_be_visible()
    expect(desk.page.get_by_text("The live connection is interrupted.")).to_be_hidden()


def test_faults_of_list_and_thread_offer_another_try(desk: Desk, mock: MockDesk) -> None:
    desk.sign_in(path="/account")
    mock.steer("fault", method="GET", path="conversations", status=500, code="internal", times=2)
    desk.open("/desk/c-chen")
    expect(desk.page.get_by_text("The list could not be loaded")).to_be_visible()
    expect(desk.page.get_by_text("The conversation could not be opened")).to_be_visible()

    desk.page.get_by_role("tabpanel").get_by_role("button", name="Try again").click()
    expect(rows(desk)).to_have_count(2)
    desk.page.get_by_role("button", name="Try again").click()

    expect(desk.page.get_by_role("log")).to_be_visible()


def test_views_and_search_are_in_the_address_and_survive_a_reload(desk: Desk) -> None:
    desk.sign_in()
    desk.page.get_by_role("tab", name="Queue").focus()
    desk.page.keyboard.press("ArrowLeft")
    expect(desk.page.get_by_role("tab", name="Closed")).to_be_focused()
    expect(rows(desk)).to_have_count(1)
    desk.page.get_by_role("tab", name=re.compile("^All")).click()
    expect(rows(desk)).to_have_count(6)
    desk.page.keyboard.press("/")
    desk.page.keyboard.type("charged twice")
    expect(rows(desk)).to_have_count(1)

    desk.page.reload()

    expect(desk.page.get_by_label("Search conversations")).to_have_value("charged twice")
    expect(rows(desk)).to_have_count(1)


def test_thousands_of_rows_are_loaded_and_drawn_only_as_they_come_into_sight(desk: Desk, mock: MockDesk) -> None:
    mock.steer("reset", bulk=1000)
    desk.sign_in(path="/desk?view=bot")
    expect(rows(desk).filter(has_text="Customer 0").first).to_be_visible()
    panel = desk.page.get_by_role("tabpanel").first

    for _page in range(4):
        panel.evaluate("box => { box.scrollTop = box.scrollHeight }")
        expect(panel.get_by_text("Loading more")).to_be_hidden()

    last = panel.get_by_role("listitem").last
    assert int(last.get_attribute("aria-posinset") or 0) >= 150
    assert rows(desk).count() < 40


def test_the_suggested_sentence_goes_into_the_reply(desk: Desk) -> None:
    desk.sign_in(path="/desk/c-chen")
    desk.page.get_by_role("button", name="Take").first.click()
    desk.page.get_by_role("button", name="Use it").click()

    expect(composer(desk)).to_have_value(re.compile("我是人工客服"))


def test_a_reader_without_the_right_to_answer_sees_no_buttons(desk: Desk) -> None:
    desk.sign_in("tao", "/desk/c-chen")
    expect(desk.page.get_by_text("Your role may read conversations but not answer.")).to_be_visible()

    expect(desk.page.get_by_role("button", name="Take")).to_have_count(0)


@pytest.mark.parametrize("width", [768, 390])
def test_narrow_screens_go_from_list_to_thread_to_context_and_back(new_desk: Callable[..., Desk], width: int) -> None:
    desk = new_desk(width=width, height=844)
    desk.sign_in()
    rows(desk).first.click()
    expect(desk.page.get_by_role("log")).to_be_visible()
    expect(rows(desk).first).to_be_hidden()
    desk.page.get_by_role("button", name="Customer and context").click()
    expect(desk.page.get_by_role("complementary")).to_be_visible()
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_role("complementary")).to_be_hidden()
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= width

    desk.page.get_by_role("button", name="Back to the list").click()

    expect(rows(desk).first).to_be_visible()
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= width
