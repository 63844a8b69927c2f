"""The desk's routes, asked over HTTP by signed-in people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from conversations.inbound import Sender
from core.access import Role
from core.errors import ProviderError
from tests.contract.handoff.desk_server import Browser, DeskServer, running
from tests.contract.handoff.house import DeskHouse

NAME = '<img src=x onerror="alert(1)">'


@pytest.fixture
async def server(house: DeskHouse) -> AsyncIterator[DeskServer]:
    async with running(house) as server:
        yield server


async def take(browser: Browser, conversation_id: str) -> dict[str, Any]:
    shown = (await browser.get(f"/{conversation_id}")).json()
    answer = await browser.post(f"/{conversation_id}/assignment", token=shown["conversation"]["token"])
    assert answer.status_code == 200
    return answer.json()


async def test_an_agent_sees_the_queue_takes_answers_notes_and_hands_back(server: DeskServer) -> None:
    agent = await server.browser("lin", name="小林")
    conversation_id = await server.house.ask_for_human()

    listed = (await agent.get("")).json()
    taken = await take(agent, conversation_id)
    token = taken["conversation"]["token"]
    said = await agent.post(f"/{conversation_id}/messages", token=token, client_msg_id="c-1", text="您好")
    again = await agent.post(f"/{conversation_id}/messages", token=token, client_msg_id="c-1", text="您好")
    note = await agent.post(f"/{conversation_id}/notes", text="VIP，小心")
    back = await agent.post(f"/{conversation_id}/handback", token=token, note="已处理")
    events = (await agent.get(f"/{conversation_id}/events")).json()

    assert [row["id"] for row in listed["items"]] == [conversation_id]
    assert listed["counts"] == {"queue": 1, "mine": 0, "bot": 0, "closed": 0, "all": 1}
    assert listed["items"][0]["reason"] == {"code": "customer_asked", "evidence": "转人工"}
    assert taken["conversation"]["owner"] == {"kind": "agent", "agent": {"id": agent.account_id, "name": "小林"}}
    assert taken["handoff"]["state"] == "active"
    assert taken["handoff"]["agent"]["name"] == "小林"
    assert taken["handoff"]["packet"]["goal"]["zh"]
    assert (said.status_code, again.status_code) == (201, 200)
    assert said.json() == again.json()
    assert note.status_code == 201
    assert back.json()["conversation"]["owner"] == {"kind": "bot"}
    assert back.json()["handoff"]["outcome"] == "handed_back"
    types = [event["type"] for event in events["events"]]
    assert {"understood", "note", "agent_joined", "handoff_ended"} <= set(types)
    assert events["last_seq"] == len(types)


async def test_understanding_stands_beside_each_message_of_the_customer(server: DeskServer) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.ask_for_human()

    events = (await agent.get(f"/{conversation_id}/events")).json()["events"]

    said = next(event for event in events if event["type"] == "message")
    understood = next(event for event in events if event["type"] == "understood")
    assert understood["data"]["message_id"] == said["data"]["message_id"]
    assert understood["data"]["intent"] == {"name": "talk_to_human", "confidence": 0.9}


async def test_events_are_paged_by_number(server: DeskServer) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.ask_for_human()

    first = (await agent.get(f"/{conversation_id}/events", limit=2)).json()["events"]
    rest = (await agent.get(f"/{conversation_id}/events", after=first[-1]["seq"])).json()["events"]

    assert [event["seq"] for event in first] == [1, 2]
    assert rest[0]["seq"] == 3


async def test_the_loser_of_a_race_hears_who_has_it(server: DeskServer) -> None:
    lin, wang = await server.browser("lin", name=NAME), await server.browser("wang")
    conversation_id = await server.house.ask_for_human()
    token = (await lin.get(f"/{conversation_id}")).json()["conversation"]["token"]

    answers = await asyncio.gather(*(one.post(f"/{conversation_id}/assignment", token=token) for one in (lin, wang)))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    lost = next(answer for answer in answers if answer.status_code == 409).json()
    won = next(answer for answer in answers if answer.status_code == 200).json()
    assert lost["code"] == "owner_changed"
    assert lost["details"]["owner"] == won["conversation"]["owner"]
    assert lost["details"]["token"] == won["conversation"]["token"]


async def test_an_agent_cannot_speak_in_another_agents_conversation(server: DeskServer) -> None:
    lin, wang = await server.browser("lin"), await server.browser("wang")
    conversation_id = await server.house.ask_for_human()
    token = (await take(wang, conversation_id))["conversation"]["token"]

    said = await lin.post(f"/{conversation_id}/messages", token=token, client_msg_id="c-1", text="Hello")
    resolved = await lin.post(f"/{conversation_id}/resolution", token=token)

    assert (said.status_code, said.json()["code"]) == (409, "owner_changed")
    assert (resolved.status_code, resolved.json()["code"]) == (409, "owner_changed")
    assert "agent: Hello" not in await server.house.shape(conversation_id)


async def test_resolving_and_giving_back_to_the_queue(server: DeskServer) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.ask_for_human()
    taken = await take(agent, conversation_id)

    queued = await agent.post(f"/{conversation_id}/queue", token=taken["conversation"]["token"], note="换人")
    again = await take(agent, conversation_id)
    resolved = await agent.post(f"/{conversation_id}/resolution", token=again["conversation"]["token"])

    assert queued.json()["conversation"]["owner"] == {"kind": "queue"}
    assert queued.json()["handoff"]["packet"]["follows"]["reason"]["code"] == "customer_asked"
    assert resolved.json()["conversation"]["owner"] == {"kind": "closed"}
    assert resolved.json()["handoff"]["outcome"] == "resolved"


async def test_a_trainer_may_look_but_neither_take_nor_see_customers(server: DeskServer) -> None:
    trainer = await server.browser("tina", role=Role.TRAINER)
    conversation_id = await server.house.ask_for_human()

    shown = await trainer.get(f"/{conversation_id}")
    taken = await trainer.post(f"/{conversation_id}/assignment", token=2)
    said = await trainer.post(f"/{conversation_id}/messages", token=2, client_msg_id="c", text="x")
    customer = await trainer.http.get("/desk/customers/nobody")

    assert shown.json()["customer"] is None
    assert shown.json()["handoff"]["packet"]["customer"] is None
    assert (taken.status_code, taken.json()["code"]) == (403, "permission_missing")
    assert (said.status_code, customer.status_code) == (403, 403)


async def test_without_the_csrf_token_nothing_is_done(server: DeskServer) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.ask_for_human()
    del agent.http.headers["x-csrf-token"]

    answer = await agent.post(f"/{conversation_id}/assignment", token=2)

    assert (answer.status_code, answer.json()["code"]) == (403, "bad_csrf_token")
    assert (await server.house.conversations.get(conversation_id)).owner.value == "queue"


@pytest.mark.parametrize(
    ("path", "document", "status", "code"),
    [
        ("/{id}/assignment", {}, 422, "invalid_fields"),
        ("/{id}/assignment", {"token": "two"}, 422, "invalid_fields"),
        ("/{id}/assignment", {"token": 0}, 422, "invalid_fields"),
        ("/{id}/assignment", {"token": 2, "agent_id": "somebody"}, 422, "invalid_fields"),
        ("/{id}/messages", {"token": 2, "client_msg_id": "c", "text": "x" * 4001}, 413, "too_long"),
        ("/{id}/messages", {"token": 2, "client_msg_id": "c", "text": " "}, 400, "empty"),
        ("/{id}/messages", {"token": 2, "client_msg_id": "a b", "text": "x"}, 422, "invalid_fields"),
        ("/{id}/notes", {"text": ""}, 400, "empty"),
        ("/nowhere/assignment", {"token": 2}, 404, "unknown_conversation"),
        ("/nowhere/notes", {"text": "x"}, 404, "unknown_conversation"),
    ],
)
async def test_a_request_that_cannot_be_done_says_why(
    server: DeskServer, path: str, document: dict[str, Any], status: int, code: str
) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.ask_for_human()

    answer = await agent.post(path.format(id=conversation_id), **document)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"view": "everything"}, 400, "unknown_view"),
        ({"cursor": "made-up"}, 400, "bad_cursor"),
        ({"limit": "0"}, 422, "invalid_fields"),
        ({"limit": "many"}, 422, "invalid_fields"),
        ({"secret": "1"}, 422, "invalid_fields"),
    ],
)
async def test_a_list_that_cannot_be_shown_says_why(
    server: DeskServer, query: dict[str, str], status: int, code: str
) -> None:
    agent = await server.browser("lin")

    answer = await agent.get("", **query)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_known_customer_is_shown_masked_with_markup_as_text(server: DeskServer) -> None:
    agent = await server.browser("lin")
    claims = {"name": NAME, "email": "wei@example.com", "email_verified": True}
    conversation_id = await server.house.say(NAME, key="user-1", sender=Sender("user", "C-1", claims))

    shown = (await agent.get(f"/{conversation_id}")).json()
    profile = (await agent.http.get(f"/desk/customers/{shown['conversation']['customer']['id']}")).json()

    customer = shown["customer"]
    assert shown["conversation"]["customer"]["name"] == NAME
    assert shown["conversation"]["last_message"]["text"] == f"re: {NAME}"
    assert (customer["name"], customer["shop_customer_id"], customer["verified"]) == (NAME, "C-1", True)
    assert [(one["kind"], one["value"]) for one in customer["identifiers"]] == [
        ("user", "C-1"),
        ("email", "w***@example.com"),
    ]
    assert customer["orders"] == [{"order_number": "AB-123456", "status": "shipped", "for": "C-1"}]
    assert {**profile, "orders": customer["orders"]} == customer


async def test_a_shop_that_does_not_answer_leaves_the_orders_out(server: DeskServer) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.say("你好", key="user-1", sender=Sender("user", "C-1"))
    server.orders.error = ProviderError("The shop is away.", retry_after_s=1)

    shown = await agent.get(f"/{conversation_id}")

    assert shown.status_code == 200
    assert shown.json()["customer"]["orders"] is None


async def test_an_unknown_customer_is_404(server: DeskServer) -> None:
    agent = await server.browser("lin")

    answer = await agent.http.get("/desk/customers/nobody")

    assert (answer.status_code, answer.json()["code"]) == (404, "customer_not_found")
