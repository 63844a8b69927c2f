"""What a customer meets when something breaks, or when they send what nobody should."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from core.ids import new_id
from tests.customer import Customer
from tests.product import Product, is_ready


def _engine_pid(product: Product) -> int:
    if product.process is None:
        raise AssertionError("The product does not run.")
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, ValueError):
                continue
            if b"bot.engine" in command and parent == product.process.pid:
                return int(folder.name)
    raise AssertionError("The server runs no engine.")


def _wait_for_readiness(product: Product, ready: bool, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_ready(product.url) is ready:
            return
        time.sleep(0.2)
    raise AssertionError(f"/readyz did not become {ready}")


async def test_an_engine_killed_in_the_middle_of_a_turn_hands_over_and_comes_back(product: Product) -> None:
    _wait_for_readiness(product, True)
    async with Customer(product.url) as customer, Customer(product.url) as later:
        await customer.open()
        pid = _engine_pid(product)

        os.kill(pid, signal.SIGSTOP)  # the turn has begun and cannot end
        accepted = await customer.say("我的订单到哪了")
        await asyncio.sleep(3)
        os.kill(pid, signal.SIGKILL)

        said = await customer.answer_to(accepted["msg_id"])
        opened = await customer.wait_for(lambda event: event["type"] == "handoff_opened")
        assert "人工" in said
        assert opened["data"]["position"] >= 1
        own = [event for event in customer.events if event["data"].get("message_id") == accepted["msg_id"]]
        assert [event["data"]["text"] for event in own] == ["我的订单到哪了"]

        await asyncio.to_thread(_wait_for_readiness, product, True)
        assert _engine_pid(product) != pid
        await later.open()
        assert await later.ask("你好")
        assert not [event for event in later.events if event["type"] == "handoff_opened"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"client_msg_id": "0123456789", "text": "长" * 4001}, 413, "too_long"),
        ({"client_msg_id": "0123456789", "text": ""}, 422, "invalid_fields"),
        ({"client_msg_id": "0123456789", "text": "\x00PNG\x01"}, 422, "invalid_fields"),
        ({"client_msg_id": "0123456789", "text": {"file": "cat.png"}}, 422, "invalid_fields"),
        ({"client_msg_id": "0123456789"}, 422, "invalid_fields"),
        ({"client_msg_id": "0123456789", "text": "hi", "owner": "agent"}, 422, "invalid_fields"),
        ("{not json", 400, "invalid_json"),
    ],
)
async def test_a_bad_message_gets_a_clear_error_and_leaves_nothing(
    product: Product, body: object, status: int, code: str
) -> None:
    async with Customer(product.url) as customer:
        session = await customer.open()
        headers = {"Authorization": f"Bearer {session['access_token']}", "Origin": product.url}
        async with httpx.AsyncClient(base_url=product.url, headers=headers) as client:
            if isinstance(body, str):
                json_type = {"Content-Type": "application/json"}
                answer = await client.post("/web/v1/messages", content=body, headers=json_type)
            else:
                answer = await client.post("/web/v1/messages", json=body)

        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["detail"]
        assert await customer.read() == []


async def test_an_unknown_token_is_refused(product: Product) -> None:
    async with httpx.AsyncClient(base_url=product.url, headers={"Origin": product.url}) as client:
        for token in ("nonsense", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."):
            headers = {"Authorization": f"Bearer {token}"}
            answer = await client.get("/web/v1/events", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")


async def test_somebody_elses_conversation_is_not_found(product: Product) -> None:
    async with Customer(product.url) as owner, Customer(product.url) as stranger:
        await owner.open()
        accepted = await owner.say("你好")
        session = await stranger.open()
        async with httpx.AsyncClient(base_url=product.url, headers={"Origin": product.url}) as client:
            answer = await client.get(
                "/web/v1/events",
                params={"conversation": accepted["conversation"]},
                headers={"Authorization": f"Bearer {session['access_token']}"},
            )

        assert answer.status_code == 404
        refused = await stranger.post("hi", conversation=accepted["conversation"])
        assert refused.status_code == 404


async def test_a_burst_of_1000_stores_each_accepted_message_once_and_refuses_the_rest(product: Product) -> None:
    async with Customer(product.url) as customer:
        await customer.open()
        ids = [new_id() for _ in range(500)]

        answers = []
        for start in range(0, 1000, 50):
            batch = (ids * 2)[start : start + 50]
            answers += await asyncio.gather(*(customer.post(f"第{client_id[-4:]}条", client_id) for client_id in batch))

        accepted = {answer.json()["msg_id"] for answer in answers if answer.status_code in (200, 201)}
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(accepted) + len(refused) >= 10
        assert {answer.status_code for answer in answers} <= {200, 201, 429}
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
        await asyncio.sleep(1)
        await customer.read()
        stored = [
            event["data"]["message_id"]
            for event in customer.events
            if event["type"] == "message" and event["data"]["author"]["kind"] == "customer"
        ]
        assert sorted(stored) == sorted(accepted)
