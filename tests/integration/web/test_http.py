"""The web channel over HTTP, on a running server with the real record."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from conversations.owner import Owner
from core.ids import ConversationId
from tests.integration.web.web_server import SHOP, Browser, WebServer, running_server, user_jwt


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["detail"]
    return answer.status_code, document["code"]


async def test_a_message_is_stored_once_however_often_it_is_sent(browser: Browser) -> None:
    first = await browser.post("Where is my order?", client_msg_id="message-1")
    again = await browser.post("Where is my order?", client_msg_id="message-1")

    assert (first.status_code, again.status_code) == (201, 200)
    assert {**first.json(), "duplicate": True} == again.json()
    events = (await browser.events()).json()["events"]
    assert [event["data"]["text"] for event in events] == ["Where is my order?"]
    assert events[0]["data"]["client_msg_id"] == "message-1"


async def test_the_same_id_with_other_words_is_a_conflict(browser: Browser) -> None:
    await browser.post("one", client_msg_id="message-1")

    answer = await browser.post("two", client_msg_id="message-1")

    assert problem(answer) == (409, "external_id_reused")


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b'{"client_msg_id": "message-1", "text": "%s"}' % (b"a" * 4001), "application/json", (413, "too_long")),
        (b'{"client_msg_id": "message-1", "text": ', "application/json", (400, "invalid_json")),
        (b"", "application/json", (400, "invalid_json")),
        (b"[]", "application/json", (422, "invalid_fields")),
        (b'{"client_msg_id": "message-1", "text": "hi", "x": 1}', "application/json", (422, "invalid_fields")),
        (b'{"client_msg_id": "message-1"}', "application/json", (422, "invalid_fields")),
        (b'{"client_msg_id": "../etc", "text": "hi"}', "application/json", (422, "invalid_fields")),
        (b'{"client_msg_id": "message-1", "text": "   "}', "application/json", (422, "invalid_fields")),
        (b'{"client_msg_id": "message-1", "text": 7}', "application/json", (422, "invalid_fields")),
        (b'{"client_msg_id": "message-1", "text": "a\\u0000b"}', "application/json", (422, "invalid_fields")),
        (b'{"client_msg_id": "message-1", "text": "a\\ud800"}', "application/json", (400, "invalid_json")),
        (b'{"client_msg_id": "message-1", "text": "\xff\xfe"}', "application/json", (400, "invalid_json")),
        (b'{"client_msg_id": "message-1", "text": "hi", "type": "file"}', "application/json", (422, "invalid_fields")),
        (b"client_msg_id=1&text=hi", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        (b"\x89PNG\r\n\x1a\n", "image/png", (415, "unsupported_media_type")),
    ],
)
async def test_bad_messages_get_a_clear_problem_and_are_not_stored(
    browser: Browser, body: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    async with browser.server.client(**browser.authorization) as http:
        answer = await http.post("/messages", content=body, headers={"Content-Type": content_type})

    assert problem(answer) == expected
    assert (await browser.events()).json()["events"] == []


async def test_four_thousand_characters_are_not_too_many(browser: Browser) -> None:
    assert (await browser.post("汉" * 4000)).status_code == 201


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Bearer a.b.c", "Basic dXNlcjpwYXNz"])
async def test_an_unknown_token_is_refused_before_the_body_is_read(server: WebServer, header: str) -> None:
    async with server.client(Authorization=header) as http:
        answers = [await http.post("/messages", content=b"{"), await http.get("/events")]

    assert [problem(answer)[0] for answer in answers] == [401, 401]


async def test_a_visitor_token_is_no_access_token(browser: Browser) -> None:
    browser.tokens["access_token"] = browser.tokens["visitor_token"]

    assert problem(await browser.events()) == (401, "bad_token")


async def test_nobody_reads_or_writes_another_ones_conversation(server: WebServer, browser: Browser) -> None:
    foreign = (await browser.post("my secret")).json()["conversation"]
    other = Browser(server)
    await other.open()

    read = await other.events(conversation=foreign)
    written = await other.post("hello", conversation=foreign)

    assert problem(read) == (404, "unknown_conversation")
    assert problem(written) == (404, "unknown_conversation")
    assert (await other.events()).json()["events"] == []
    assert len((await browser.events()).json()["events"]) == 1


async def test_unknown_widgets_and_queries_are_refused(server: WebServer, browser: Browser) -> None:
    async with server.client() as http:
        assert problem(await http.get("/widgets/none/config")) == (404, "unknown_widget")
    assert problem(await Browser(server).open("none")) == (404, "unknown_widget")
    assert problem(await browser.events(after=-1)) == (422, "invalid_fields")
    assert problem(await browser.events(wait=26)) == (422, "invalid_fields")
    assert problem(await browser.events(sice=3)) == (422, "invalid_fields")


async def test_a_widgets_public_config_holds_no_key(server: WebServer) -> None:
    async with server.client() as http:
        answer = await http.get("/widgets/members/config")

    assert answer.json()["identity_required"] is True
    assert "key" not in answer.text


async def test_a_poll_waits_for_the_next_event(server: WebServer, browser: Browser) -> None:
    accepted = (await browser.post("hello")).json()

    waiting = asyncio.create_task(browser.events(after=accepted["seq"], wait=20))
    await asyncio.sleep(0.2)
    seq = await server.say(accepted["conversation"], "Hello, how can I help?")

    page = (await waiting).json()
    assert [event["seq"] for event in page["events"]] == [seq] == [page["seq"]]
    assert page["events"][0]["data"]["author"] == {"kind": "bot"}


async def test_a_poll_begun_before_the_first_message_hears_it(browser: Browser) -> None:
    waiting = asyncio.create_task(browser.events(wait=20))
    await asyncio.sleep(0.2)

    await browser.post("first")

    assert [event["data"]["text"] for event in (await waiting).json()["events"]] == ["first"]


async def test_a_poll_outlasts_quiet_times(browser: Browser) -> None:
    accepted = (await browser.post("hello")).json()

    page = (await browser.events(after=accepted["seq"], wait=6)).json()

    assert page == {"events": [], "seq": accepted["seq"], "more": False, "conversation": accepted["conversation"]}


async def test_pages_join_without_gap_or_repetition(server: WebServer, browser: Browser) -> None:
    conversation = (await browser.post("hello")).json()["conversation"]
    for number in range(7):
        await server.say(conversation, f"answer {number}")

    seen: list[dict[str, Any]] = []
    more, after = True, 0
    while more:
        page = (await browser.events(after=after, limit=3)).json()
        seen += page["events"]
        more, after = page["more"], page["seq"]

    assert [event["seq"] for event in seen] == list(range(1, 9))


async def test_a_burst_of_a_thousand_messages_is_stored_once_each_or_clearly_refused(browser: Browser) -> None:
    at_once = asyncio.Semaphore(50)  # httpx itself grows slow with a thousand requests in its pool
    async with browser.server.client(**browser.authorization) as http:

        async def say(number: int) -> httpx.Response:
            body = {"client_msg_id": f"message-{number}", "text": f"text {number}"}
            async with at_once:
                return await http.post("/messages", json=body)

        answers = await asyncio.gather(*(say(number) for number in range(1000)))

    accepted = [answer.json()["msg_id"] for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 10 <= len(accepted) <= 60
    assert len(accepted) + len(refused) == 1000
    assert {problem(answer)[1] for answer in refused} == {"rate_limited"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    stored = (await browser.events()).json()["events"]
    assert sorted(event["data"]["message_id"] for event in stored) == sorted(accepted)


async def test_new_sessions_of_one_address_are_limited_and_known_visitors_are_not(
    server: WebServer, browser: Browser
) -> None:
    answers = [await Browser(server).open() for _ in range(21)]

    assert [answer.status_code for answer in answers] == [200] * 19 + [429] * 2
    assert (await browser.open()).status_code == 200


async def test_pages_of_other_sites_are_refused_and_of_the_widgets_allowed(browser: Browser) -> None:
    async with browser.server.client(**browser.authorization) as http:
        allowed = await http.get("/events", headers={"Origin": SHOP})
        own = await http.get("/events", headers={"Origin": browser.server.url})
        foreign = await http.get("/events", headers={"Origin": "https://evil.example"})
        opaque = await http.get("/events", headers={"Origin": "null"})
        asked = await http.options("/messages", headers={"Origin": SHOP})
        asked_by_foreign = await http.options("/messages", headers={"Origin": "https://evil.example"})

    assert allowed.headers["access-control-allow-origin"] == SHOP
    assert own.status_code == 200
    assert problem(foreign) == problem(opaque) == (403, "origin_not_allowed")
    assert asked.headers["access-control-allow-origin"] == SHOP
    assert "access-control-allow-origin" not in asked_by_foreign.headers
    assert "access-control-allow-origin" not in foreign.headers


async def test_problems_can_be_read_by_the_widgets_site(browser: Browser) -> None:
    async with browser.server.client() as http:
        answer = await http.get("/events", headers={"Origin": SHOP})

    assert problem(answer)[0] == 401
    assert answer.headers["access-control-allow-origin"] == SHOP


async def test_a_widget_for_members_demands_a_user(server: WebServer) -> None:
    anonymous = await Browser(server).open("members")
    member = await Browser(server).open("members", user_jwt=user_jwt(aud="members"))

    assert problem(anonymous) == (401, "identity_required")
    assert member.json()["user"] == {"id": "C-1001", "name": "Li Lei"}


async def test_signing_in_moves_the_open_conversation_to_the_user(server: WebServer, browser: Browser) -> None:
    conversation = (await browser.post("I have not signed in yet")).json()["conversation"]
    visitor_token = browser.tokens["visitor_token"]

    await browser.open(user_jwt=user_jwt())

    assert browser.tokens["conversation"] == conversation
    said = (await browser.post("and now I have")).json()
    assert said["conversation"] == conversation
    anonymous = Browser(server, {"visitor_token": visitor_token})
    assert (await anonymous.open()).json()["conversation"] is None
    elsewhere = Browser(server)
    assert (await elsewhere.open(user_jwt=user_jwt())).json()["conversation"] == conversation


async def test_without_the_visitors_token_nothing_moves(server: WebServer, browser: Browser) -> None:
    conversation = (await browser.post("mine")).json()["conversation"]

    stranger = Browser(server)
    await stranger.open(user_jwt=user_jwt("C-2002"))

    assert stranger.tokens["conversation"] is None
    assert (await browser.open()).json()["conversation"] == conversation


async def test_a_conversation_with_people_is_not_displaced_by_a_visitors(server: WebServer, browser: Browser) -> None:

    at_home = Browser(server)
    await at_home.open(user_jwt=user_jwt())
    waiting = (await at_home.post("I want a human")).json()["conversation"]
    async with server.database.unit_of_work() as session:
        await server.conversations.change_owner(session, ConversationId(waiting), 1, Owner.QUEUE, "customer_asked")
    await browser.post("just looking")

    await browser.open(user_jwt=user_jwt())

    assert browser.tokens["conversation"] == waiting


async def test_a_message_sent_again_after_signing_in_is_not_stored_twice(browser: Browser) -> None:
    await browser.post("hello", client_msg_id="message-1")
    await browser.open(user_jwt=user_jwt())

    again = await browser.post("hello", client_msg_id="message-1")

    assert again.status_code in {200, 409}
    assert len((await browser.events()).json()["events"]) == 1


async def test_an_expired_access_token_says_so(tmp_path: Any) -> None:
    async with running_server(tmp_path, access_token_s=0) as server:
        browser = Browser(server)
        await browser.open()

        assert problem(await browser.events()) == (401, "token_expired")
