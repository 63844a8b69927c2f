"""The desk's live connection, with a real server and a real client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.access import Role
from core.ids import AccountId, ConversationId
from handoff.socket import DeskSocketTimes
from tests.contract.handoff.desk_server import PATIENCE_S, DeskServer, receive, running, send
from tests.contract.handoff.house import LIN, DeskHouse

LONG = 450


@pytest.fixture
async def server(house: DeskHouse) -> AsyncIterator[DeskServer]:
    async with running(house) as server:
        yield server


async def events_until(connection: ClientConnection, seq: int) -> list[int]:
    """Return the numbers of the events received, up to this one."""
    seqs: list[int] = []
    while not seqs or seqs[-1] < seq:
        seqs.append((await receive(connection, "ev"))["ev"]["seq"])
    return seqs


async def row_of(connection: ClientConnection, conversation_id: str, owner: str) -> dict[str, Any]:
    """Return the conversation's row once this kind of owner has it."""
    while True:
        row: dict[str, Any] = (await receive(connection, "row"))["row"]
        if row["id"] == conversation_id and row["owner"]["kind"] == owner:
            return row


async def closed_with(connection: ClientConnection) -> int | None:
    """Return the code the server closes with."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            while True:
                await connection.recv()
        except ConnectionClosed:
            return connection.close_code


async def test_a_new_handoff_appears_at_every_open_desk_with_the_counts(server: DeskServer) -> None:
    lin, wang = await server.browser("lin"), await server.browser("wang")
    async with lin.socket() as one, wang.socket() as other:
        conversation_id = await server.house.ask_for_human()

        for connection in (one, other):
            row = await row_of(connection, conversation_id, "queue")
            assert row["reason"]["code"] == "customer_asked"
            counts: dict[str, int] = {}
            while counts.get("queue") != 1:
                counts = (await receive(connection, "counts"))["counts"]
            assert counts == {"queue": 1, "mine": 0, "bot": 0, "closed": 0, "all": 1}


async def test_mine_is_counted_for_each_agent_alone(server: DeskServer) -> None:
    lin, wang = await server.browser("lin"), await server.browser("wang")
    conversation_id = await server.house.ask_for_human()
    async with lin.socket() as one, wang.socket() as other:
        await lin.post(f"/{conversation_id}/assignment", token=await server.house.token(conversation_id))

        for connection, n_mine in ((one, 1), (other, 0)):
            counts: dict[str, int] = {"queue": 1}
            while counts["queue"] != 0:
                counts = (await receive(connection, "counts"))["counts"]
            assert counts["mine"] == n_mine


async def test_a_watched_conversation_is_told_from_the_number_named_on(server: DeskServer) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.ask_for_human()
    last_seq = (await server.house.conversations.get(conversation_id)).last_seq
    async with agent.socket() as connection:
        await send(connection, t="watch", conversation_id=conversation_id, after=3)
        before = await events_until(connection, last_seq)
        token = await server.house.take(conversation_id)
        await server.house.handoffs.say(
            conversation_id, seen_token=token, agent=LIN, client_msg_id="c-1", text="<b>您好</b>"
        )
        last = (await server.house.conversations.get(conversation_id)).last_seq
        after = await events_until(connection, last)

    assert before == list(range(4, last_seq + 1))
    assert after == list(range(last_seq + 1, last + 1))


async def test_after_a_cut_a_desk_goes_on_where_it_was(server: DeskServer) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.say("1")
    seen: list[int] = []
    for number in range(4):
        async with agent.socket() as connection:
            await send(connection, t="watch", conversation_id=conversation_id, after=max(seen, default=0))
            last = (await server.house.conversations.get(conversation_id)).last_seq
            seen += await events_until(connection, last)
        await server.house.say(f"during cut {number}")

    assert seen == list(range(1, len(seen) + 1))


async def test_watching_while_much_is_said_leaves_nothing_out_and_repeats_nothing(server: DeskServer) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.say("start")
    async with agent.socket() as connection:
        talking = asyncio.create_task(talk(server.house, conversation_id, 15))
        await send(connection, t="watch", conversation_id=conversation_id, after=0)
        await talking
        last = (await server.house.conversations.get(conversation_id)).last_seq
        seqs = await events_until(connection, last)

    assert seqs == list(range(1, last + 1))


async def test_a_long_log_comes_whole(server: DeskServer) -> None:
    agent = await server.browser("lin")
    conversation_id = await server.house.say("start")
    for _ in range(LONG):
        await server.house.handoffs.note(conversation_id, agent=LIN, text="x")
    async with agent.socket() as connection:
        await send(connection, t="watch", conversation_id=conversation_id, after=0)
        last = (await server.house.conversations.get(conversation_id)).last_seq

        assert await events_until(connection, last) == list(range(1, last + 1))


async def test_hints_that_got_lost_are_made_up_for(house: DeskHouse) -> None:
    async with running(house) as server:
        agent = await server.browser("lin")
        conversation_id = await house.say("hello")
        async with agent.socket() as connection:
            await send(connection, t="watch", conversation_id=conversation_id, after=0)
            last = (await house.conversations.get(conversation_id)).last_seq
            await events_until(connection, last)
            house.bus._subscribers._queues.clear()  # as when Redis was cut off for longer than its stream

            await house.handoffs.note(conversation_id, agent=LIN, text="unheard")

            assert await events_until(connection, last + 1) == [last + 1]


async def test_an_unwatched_conversation_is_told_no_more(server: DeskServer) -> None:
    agent = await server.browser("lin")
    first, second = await server.house.say("1", key="v-1"), await server.house.say("2", key="v-2")
    async with agent.socket() as connection:
        for conversation_id in (first, second):
            await send(connection, t="watch", conversation_id=conversation_id, after=10_000)
        await send(connection, t="unwatch", conversation_id=first)
        await send(connection, t="ping")
        await receive(connection, "pong")
        await server.house.handoffs.note(first, agent=LIN, text="x")
        await send(connection, t="watch", conversation_id=second, after=0)

        assert (await receive(connection, "ev"))["conversation_id"] == second


@pytest.mark.parametrize("cookie", [None, "yiti_session=made-up"])
async def test_without_a_session_there_is_no_socket(server: DeskServer, cookie: str | None) -> None:
    agent = await server.browser("lin")

    with pytest.raises(InvalidStatus) as refused:
        async with agent.raw_socket(cookie=cookie):
            pass

    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_a_page_of_another_origin_gets_no_socket(server: DeskServer, origin: str | None) -> None:
    agent = await server.browser("lin")

    with pytest.raises(InvalidStatus) as refused:
        async with agent.raw_socket(origin=origin):
            pass

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "frame",
    [
        {"t": "hello"},
        {"t": "hello", "csrf_token": "wrong"},
        {"t": "hello", "csrf_token": 7},
        {"t": "watch", "conversation_id": "c", "after": 0},
        ["hello"],
        "not json",
    ],
)
async def test_a_socket_that_does_not_prove_itself_first_is_closed(server: DeskServer, frame: object) -> None:
    agent = await server.browser("lin")
    async with agent.raw_socket() as connection:
        await connection.send(frame if isinstance(frame, str) else orjson.dumps(frame).decode())

        assert await closed_with(connection) == 4403


async def test_a_socket_that_says_nothing_is_closed(house: DeskHouse) -> None:
    async with running(house, DeskSocketTimes(hello_s=0.05)) as server:
        agent = await server.browser("lin")
        async with agent.raw_socket() as connection:
            assert await closed_with(connection) == 4401


async def test_a_desk_that_falls_silent_is_closed(house: DeskHouse) -> None:
    async with running(house, DeskSocketTimes(silent_s=0.05)) as server:
        agent = await server.browser("lin")
        async with agent.socket() as connection:
            assert await closed_with(connection) == 4410


async def test_the_server_asks_whether_the_desk_is_there(house: DeskHouse) -> None:
    async with running(house, DeskSocketTimes(ping_s=0.05)) as server:
        agent = await server.browser("lin")
        async with agent.socket() as connection:
            await receive(connection, "ping")
            await send(connection, t="pong")
            assert (await receive(connection, "ping")) == {"t": "ping"}


async def test_signing_out_closes_the_socket(server: DeskServer) -> None:
    agent = await server.browser("lin")
    async with agent.socket() as connection:
        await agent.http.delete("/api/session")

        assert await closed_with(connection) == 4401


async def test_an_expired_session_closes_the_socket(server: DeskServer) -> None:
    agent = await server.browser("lin")
    async with agent.socket() as connection:
        server.house.clock.advance(12 * 3600)

        assert await closed_with(connection) == 4401


async def test_a_disabled_account_loses_its_socket(server: DeskServer) -> None:
    await server.browser("boss", role=Role.ADMINISTRATOR)
    agent = await server.browser("lin")
    async with agent.socket() as connection:
        await server.accounts.update_account(AccountId(agent.account_id), actor="system", enabled=False)

        assert await closed_with(connection) == 4401


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "bad_frame"),
        ("[1]", "bad_frame"),
        ('{"t": 7}', "bad_frame"),
        ('{"t": "dance"}', "unknown_frame"),
        ('{"t": "watch"}', "bad_frame"),
        ('{"t": "watch", "conversation_id": "nowhere", "after": 0}', "unknown_conversation"),
        ('{"t": "watch", "conversation_id": "c", "after": -1}', "bad_frame"),
        ('{"t": "watch", "conversation_id": "c", "after": true}', "bad_frame"),
        ('{"t": "watch", "conversation_id": "c", "after": "x"}', "bad_frame"),
    ],
)
async def test_a_bad_frame_is_answered_and_the_desk_goes_on(server: DeskServer, frame: str, code: str) -> None:
    agent = await server.browser("lin")
    async with agent.socket() as connection:
        await connection.send(frame)

        assert (await receive(connection, "error"))["code"] == code
        await send(connection, t="ping")
        assert (await receive(connection, "pong")) == {"t": "pong"}


async def test_nothing_but_bad_frames_ends_the_socket(server: DeskServer) -> None:
    agent = await server.browser("lin")
    async with agent.socket() as connection:
        for _ in range(21):
            await connection.send("{")

        assert await closed_with(connection) == 4400


async def test_a_frame_over_64_kb_ends_the_socket(server: DeskServer) -> None:
    agent = await server.browser("lin")
    async with agent.socket() as connection:
        await send(connection, t="ping", more="x" * 65_537)

        assert await closed_with(connection) == 1009


async def test_a_desk_that_does_not_read_is_let_go_and_holds_up_nobody(server: DeskServer) -> None:
    sleeper, agent = await server.browser("sleeper"), await server.browser("lin")
    conversation_id = await server.house.say("start")
    async with sleeper.socket(max_queue=1) as deaf, agent.socket() as connection:
        deaf.transport.pause_reading()
        desk = next(desk for desk in server.feed._desks if desk.agent_id == sleeper.account_id)
        for _ in range(400):  # what fills the network's buffers, then ours
            desk.show_counts({"all": 1})
            desk._outgoing.put({"t": "row", "row": {"text": "x" * 20_000}})  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        await server.house.handoffs.note(conversation_id, agent=LIN, text="x")

        await row_of(connection, conversation_id, "bot")
        async with asyncio.timeout(PATIENCE_S):
            while desk in server.feed._desks:
                await asyncio.sleep(0.01)
        deaf.transport.abort()


async def talk(house: DeskHouse, conversation_id: ConversationId, n: int) -> None:
    for number in range(n):
        await house.handoffs.note(conversation_id, agent=LIN, text=f"note {number}")
        await asyncio.sleep(0)
