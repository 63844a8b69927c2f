"""The web channel's WebSocket, on a running server with the real record."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.exceptions import ConnectionClosed

from channels.web.socket import SocketTimes
from conversations.messages import BOT, Content
from conversations.record import MessageDraft
from core.ids import new_id
from tests.integration.web.web_server import (
    Browser,
    NoLimits,
    WebServer,
    raw_socket,
    receive,
    running_server,
    send,
    user_jwt,
)


async def close_code(connection: Any) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(20):
            while True:
                await connection.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def test_messages_are_acknowledged_and_come_back_as_events(browser: Browser) -> None:
    async with browser.socket() as connection:
        assert (await receive(connection))["t"] == "snapshot"

        await send(connection, t="msg", client_msg_id="message-1", text="hello")
        frames = [await receive(connection) for _ in range(2)]

    ack = next(frame for frame in frames if frame["t"] == "ack")
    event = next(frame for frame in frames if frame["t"] == "ev")["ev"]
    assert (ack["client_msg_id"], ack["seq"], ack["duplicate"]) == ("message-1", 1, False)
    assert (event["seq"], event["data"]["text"], event["data"]["message_id"]) == (1, "hello", ack["msg_id"])


async def test_a_second_tab_hears_the_first_message(browser: Browser) -> None:
    async with browser.socket() as first, browser.socket() as second:
        await receive(second, "snapshot")
        await send(first, t="msg", client_msg_id="message-1", text="hello")

        assert (await receive(second, "ev"))["ev"]["data"]["text"] == "hello"


async def test_a_reconnect_resumes_without_gap_or_repetition(server: WebServer, browser: Browser) -> None:
    conversation = (await browser.post("hello")).json()["conversation"]
    seen: list[int] = []
    said = [1]

    async def talk() -> None:
        for number in range(60):
            said.append(await server.say(conversation, f"line {number}"))
            await asyncio.sleep(0.01)

    talking = asyncio.create_task(talk())
    while len(seen) < 61:
        async with browser.socket(after=seen[-1] if seen else 0) as connection:
            for _ in range(9):
                if len(seen) == 61:
                    break
                seen.append((await receive(connection, "ev"))["ev"]["seq"])
    await talking

    assert seen == said


async def test_a_long_history_comes_in_pages_each_with_its_snapshot(tmp_path: Path) -> None:
    async with running_server(tmp_path, limits=NoLimits()) as server:
        browser = Browser(server)
        await browser.open()
        conversation = (await browser.post("hello")).json()["conversation"]
        async with server.database.unit_of_work() as session:
            drafts = [MessageDraft(author=BOT, content=Content(f"line {n}")) for n in range(599)]
            await server.record.append(session, conversation, drafts)

        async with browser.socket() as connection:
            frames = [await receive(connection) for _ in range(602)]

    snapshots = [frame for frame in frames if frame["t"] == "snapshot"]
    assert [(frame["seq"], frame["more"]) for frame in snapshots] == [(500, True), (600, False)]
    assert [frame["ev"]["seq"] for frame in frames if frame["t"] == "ev"] == list(range(1, 601))


async def test_a_socket_that_proves_nothing_in_time_is_closed(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, times=SocketTimes(auth_s=0.3)) as server,
        raw_socket(server) as connection,
    ):
        assert await close_code(connection) == 4001


@pytest.mark.parametrize(
    "first",
    [
        {"t": "msg", "client_msg_id": "message-1", "text": "hello"},
        {"t": "auth", "access_token": "nonsense"},
        {"t": "auth"},
        {"t": "hello"},
        ["auth"],
    ],
)
async def test_a_first_frame_that_proves_nothing_closes_the_socket(server: WebServer, first: Any) -> None:
    async with raw_socket(server) as connection:
        await connection.send(orjson.dumps(first).decode())

        assert (await receive(connection))["t"] == "error"
        assert await close_code(connection) == 4001


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_sockets_from_other_sites_or_from_nowhere_are_closed(browser: Browser, origin: str | None) -> None:
    async with raw_socket(browser.server, origin=origin) as connection:
        await send(connection, t="auth", access_token=browser.tokens["access_token"])

        assert (await receive(connection))["code"] == "origin_not_allowed"
        assert await close_code(connection) == 4003


async def test_another_ones_conversation_cannot_be_opened(server: WebServer, browser: Browser) -> None:
    foreign = (await browser.post("my secret")).json()["conversation"]
    other = Browser(server)
    await other.open()

    async with other.socket(conversation=foreign) as connection:
        assert (await receive(connection))["code"] == "unknown_conversation"
        assert await close_code(connection) == 4003


async def test_bad_frames_are_answered_and_the_socket_lives_on(browser: Browser) -> None:
    async with browser.socket() as connection:
        await receive(connection, "snapshot")
        bad: list[str | bytes] = [
            "{",
            '{"t": "dance"}',
            '{"t": "msg", "client_msg_id": "message-1"}',
            '{"t": "msg", "client_msg_id": "message-1", "text": "a\\ud800"}',
            '{"t": "msg", "client_msg_id": "message-1", "text": "a\\u0000"}',
            b"\x00\x01",
        ]
        codes = []
        for frame in bad:
            await connection.send(frame)
            codes.append((await receive(connection))["code"])
        await send(connection, t="msg", client_msg_id="message-1", text="a" * 4001)
        too_long = await receive(connection)
        await send(connection, t="ping")

        assert codes == ["invalid_json"] + ["invalid_fields"] * 2 + ["invalid_json", "invalid_fields", "invalid_frame"]
        assert (too_long["code"], too_long["client_msg_id"]) == ("too_long", "message-1")
        assert (await receive(connection)) == {"t": "pong"}
    assert (await browser.events()).json()["events"] == []


async def test_who_sends_only_bad_frames_is_let_go(browser: Browser) -> None:
    async with browser.socket() as connection:
        for _ in range(25):
            await connection.send("{")

        assert await close_code(connection) == 4002


async def test_a_frame_over_64_kilobytes_closes_the_socket(browser: Browser) -> None:
    async with browser.socket() as connection:
        await receive(connection, "snapshot")
        await send(connection, t="msg", client_msg_id="message-1", text="a" * 70_000)

        assert await close_code(connection) == 1009


async def test_too_many_messages_are_refused_with_the_time_to_wait(browser: Browser) -> None:
    async with browser.socket() as connection:
        await receive(connection, "snapshot")
        for number in range(12):
            await send(connection, t="msg", client_msg_id=f"message-{number}", text="hi")
        answers = [await receive(connection, "ack", "error") for _ in range(12)]

    assert [answer["t"] for answer in answers] == ["ack"] * 10 + ["error"] * 2
    assert answers[-1]["code"] == "rate_limited"
    assert answers[-1]["client_msg_id"] == "message-11"
    assert 1 <= answers[-1]["retry_after"] <= 10


async def test_a_silent_socket_is_closed(tmp_path: Path) -> None:
    async with running_server(tmp_path, times=SocketTimes(silent_s=0.3)) as server:
        browser = Browser(server)
        await browser.open()
        async with browser.socket() as connection:
            assert await close_code(connection) == 4010


async def test_an_expired_token_is_renewed_on_the_same_socket(tmp_path: Path) -> None:
    async with running_server(tmp_path, access_token_s=2) as server:
        browser = Browser(server)
        await browser.open()
        async with browser.socket() as connection:
            assert (await receive(connection, "error"))["code"] == "token_expired"
            await send(connection, t="msg", client_msg_id="message-1", text="too late")
            assert (await receive(connection, "error"))["code"] == "token_expired"

            await browser.open()
            await send(connection, t="auth", access_token=browser.tokens["access_token"], after=0)
            await receive(connection, "authed")
            await send(connection, t="msg", client_msg_id="message-1", text="in time")

            assert (await receive(connection, "ack"))["seq"] == 1


async def test_a_token_that_is_not_renewed_ends_the_socket(tmp_path: Path) -> None:
    async with running_server(tmp_path, access_token_s=1, times=SocketTimes(renew_s=0.2)) as server:
        browser = Browser(server)
        await browser.open()
        async with browser.socket() as connection:
            assert await close_code(connection) == 4001


async def test_another_persons_token_does_not_take_over_a_socket(server: WebServer, browser: Browser) -> None:
    other = Browser(server)
    await other.open(user_jwt=user_jwt())
    async with browser.socket() as connection:
        await receive(connection, "snapshot")
        await send(connection, t="auth", access_token=other.tokens["access_token"])

        assert await close_code(connection) == 4003


async def test_an_agents_typing_reaches_the_customer_and_no_inner_name(server: WebServer, browser: Browser) -> None:
    conversation = (await browser.post("hello")).json()["conversation"]
    async with browser.socket(after=1) as connection:
        await receive(connection, "snapshot")
        told = asyncio.create_task(receive(connection, "typing"))
        while not told.done():
            author = {"kind": "agent", "id": "agent-7", "name": "Han Mei"}
            await server.bus.publish(f"typing:{conversation}", {"author": author, "on": True})
            await asyncio.wait({told}, timeout=0.05)

    assert told.result() == {"t": "typing", "author": {"kind": "agent", "name": "Han Mei"}, "on": True}


async def test_the_customers_signs_reach_the_bus(server: WebServer, browser: Browser) -> None:
    conversation = (await browser.post("hello")).json()["conversation"]
    topics = (f"typing:{conversation}", f"read:{conversation}")
    async with server.bus.subscribe(*topics) as signs, browser.socket() as connection:
        await send(connection, t="typing")
        await send(connection, t="read", seq=1)
        async with asyncio.timeout(10):
            heard = [await anext(signs) for _ in range(2)]

    assert [sign.topic.split(":")[0] for sign in heard] == ["typing", "read"]
    assert heard[1].payload == {"author": {"kind": "customer"}, "seq": 1}


async def test_who_does_not_read_is_let_go_and_nobody_else_waits(tmp_path: Path) -> None:
    """A client that proves itself and then never reads, while the log holds far more than the network takes."""
    async with running_server(tmp_path, limits=NoLimits(), times=SocketTimes(drain_s=0.5)) as server:
        browser = Browser(server)
        await browser.open()
        conversation = (await browser.post("hello")).json()["conversation"]
        async with server.database.unit_of_work() as session:
            drafts = [MessageDraft(author=BOT, content=Content("汉" * 4000)) for _ in range(400)]
            await server.record.append(session, conversation, drafts)

        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", int(server.host.split(":")[1])))
        slow.setblocking(False)
        connection = raw_socket(server)
        connection.connection_kwargs |= {"sock": slow}
        async with raw_socket(server) as quick, connection as stuck:
            await send(stuck, t="auth", access_token=browser.tokens["access_token"])
            stuck.transport.pause_reading()
            await send(quick, t="auth", access_token=browser.tokens["access_token"])
            n_events = 0
            while n_events < 401:
                n_events += (await receive(quick))["t"] == "ev"
            await asyncio.sleep(1.5)
            stuck.transport.resume_reading()
            seen = 0
            with pytest.raises(ConnectionClosed):
                while True:
                    seen += orjson.loads(await stuck.recv())["t"] == "ev"

    assert seen < 401


async def test_a_message_whose_answer_was_lost_is_stored_once(browser: Browser) -> None:
    message = {"t": "msg", "client_msg_id": new_id(), "text": "hello"}
    async with browser.socket() as connection:
        await send(connection, **message)

    async with browser.socket() as connection:
        await send(connection, **message)
        ack = await receive(connection, "ack")

    events = (await browser.events()).json()["events"]
    assert [event["data"]["message_id"] for event in events] == [ack["msg_id"]]
