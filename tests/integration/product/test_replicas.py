"""Two server replicas on one PostgreSQL, one Redis and one engine are one product."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx
import psycopg
import pytest
from sqlalchemy.engine import make_url
from websockets.asyncio.client import ClientConnection, connect

from core.ids import new_id
from tests.conftest import RedisServer, free_port
from tests.customer import Customer, is_answer_to
from tests.integration.product.desk import Desk, Frame, open_accounts, receive, send
from tests.postgres import PostgresServer
from tests.product import EngineProcess, Product, make_home

pytestmark = pytest.mark.engine

LEASE_WAIT_S = 20.0
RACES = 5


@dataclass
class Replicas:
    """Two servers, and what they share; the engine's actions run in `b`."""

    a: Product
    b: Product
    engine: EngineProcess
    database_url: str

    def lease_holder(self, conversation_id: str) -> str | None:
        """Return who runs the conversation's turn now."""
        return self._value("SELECT lease_holder FROM conversations WHERE id = %s", conversation_id)

    def n_attempts(self, message_id: str) -> int:
        """Return how many turns were begun for a message."""
        return int(self._value("SELECT n_attempts FROM inbound_messages WHERE id = %s", message_id) or 0)

    def _value(self, query: str, *parameters: str) -> str | None:
        url = make_url(self.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url) as connection:
            row = connection.execute(query, parameters).fetchone()  # type: ignore[arg-type]
        return None if row is None else row[0]


@pytest.fixture(scope="module")
def replicas(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, redis_server: RedisServer
) -> Iterator[Replicas]:
    """Two ready replicas, each with a home of its own, and two agents."""
    database_url, tracker_url = postgres_server.create_database(), postgres_server.create_database()
    settings = {
        "YITI_DATABASE_URL": database_url,
        "YITI_REDIS_URL": redis_server.url,
        "YITI_SECRET_KEY": "the-installation-key-of-both-replicas",
    }
    homes = [make_home(tmp_path_factory.mktemp("replica") / name) for name in ("a", "b")]
    ports = [free_port(), free_port()]
    with ExitStack() as running:
        engine = EngineProcess.start(homes[1], ports[1], homes[1] / "engine.log", tracker_url)
        running.callback(engine.stop)
        a, b = (Product(home, port, engine, settings) for home, port in zip(homes, ports, strict=True))
        a.migrate()
        for product in (a, b):
            running.callback(product.stop)
            product.start()
        open_accounts(b.url, a.first_password(), {"mei": "Mei", "tom": "Tom"})
        yield Replicas(a, b, engine, database_url)


@asynccontextmanager
async def _widget_socket(product: Product, customer: Customer) -> AsyncIterator[ClientConnection]:
    """Open a customer's live connection, from the newest event read."""
    address = f"{product.url.replace('http', 'ws', 1)}/web/v1/socket"
    async with connect(address, origin=product.url, proxy=None) as connection:  # type: ignore[arg-type]
        await send(connection, t="auth", access_token=customer.access_token, after=customer.last_seq)
        await receive(connection, lambda frame: frame["t"] == "snapshot" and not frame["more"])
        yield connection


def _is_row(frame: Frame, conversation_id: str, owner: str) -> bool:
    return frame["t"] == "row" and frame["row"]["id"] == conversation_id and frame["row"]["owner"]["kind"] == owner


def _is_message(frame: Frame, kind: str, text: str) -> bool:
    event = frame["ev"] if frame["t"] == "ev" else {"type": ""}
    return event["type"] == "message" and event["data"]["author"]["kind"] == kind and event["data"]["text"] == text


async def test_a_customer_at_one_replica_and_an_agent_at_the_other_talk_live(replicas: Replicas) -> None:
    async with Customer(replicas.a.url) as customer, Desk(replicas.b.url, "mei") as desk, desk.socket() as at_desk:
        await customer.open()
        accepted = await customer.say("转人工")
        conversation_id = accepted["conversation"]

        row = (await receive(at_desk, lambda frame: _is_row(frame, conversation_id, "queue")))["row"]
        assert row["reason"]["code"] == "customer_asked"
        await customer.answer_to(accepted["msg_id"])

        async with _widget_socket(replicas.a, customer) as at_widget:
            taken = await desk.take(conversation_id, row["token"])
            assert taken.status_code == 200
            token = taken.json()["conversation"]["token"]
            joined = await receive(at_widget, lambda f: f["t"] == "ev" and f["ev"]["type"] == "agent_joined")
            assert joined["ev"]["data"]["agent"]["name"] == "Mei"

            assert (await desk.say(conversation_id, token, "您好，我是小梅")).status_code == 201
            await receive(at_widget, lambda frame: _is_message(frame, "agent", "您好，我是小梅"))

            await send(at_desk, t="watch", conversation_id=conversation_id, after=0)
            await send(at_widget, t="msg", client_msg_id=new_id(), text="请帮我催一下")
            await receive(at_desk, lambda frame: _is_message(frame, "customer", "请帮我催一下"))


async def test_of_two_takes_at_two_replicas_at_once_one_wins(replicas: Replicas) -> None:
    async with Desk(replicas.a.url, "mei") as mei, Desk(replicas.b.url, "tom") as tom:
        for _ in range(RACES):
            async with Customer(replicas.a.url) as customer:
                await customer.open()
                accepted = await customer.say("转人工")
                await customer.answer_to(accepted["msg_id"])
                conversation_id = accepted["conversation"]
                token = (await mei.get(conversation_id))["conversation"]["token"]

                answers = await asyncio.gather(mei.take(conversation_id, token), tom.take(conversation_id, token))

                by_status = {answer.status_code: answer.json() for answer in answers}
                assert sorted(by_status) == [200, 409]
                winner = by_status[200]["conversation"]["owner"]
                assert by_status[409]["code"] == "owner_changed"
                assert (await tom.get(conversation_id))["conversation"]["owner"] == winner
                await customer.read(wait_s=2.0)
                joined = [event for event in customer.events if event["type"] == "agent_joined"]
                assert len(joined) == 1


async def test_a_replica_killed_in_the_middle_of_a_turn_leaves_it_to_the_other(replicas: Replicas) -> None:
    async with Customer(replicas.a.url) as customer:
        await customer.open()
        await customer.ask("你好")
        client_id = new_id()

        with _stopped(replicas.engine.process.pid), _stopped(_pid(replicas.b)):
            accepted = await customer.say("运费怎么算？", client_id)
            await _wait_for_lease(replicas, accepted["conversation"])
            replicas.a.kill()
        customer.go_to(replicas.b.url)
        again = await customer.post("运费怎么算？", client_id)
        await customer.answers_to(accepted["msg_id"])
        await customer.ask("谢谢")

        assert (again.status_code, again.json()["msg_id"]) == (httpx.codes.OK, accepted["msg_id"])
        assert replicas.n_attempts(accepted["msg_id"]) == 2
        own = [event for event in customer.events if event["data"].get("message_id") == accepted["msg_id"]]
        assert [event["data"]["text"] for event in own if event["type"] == "message"] == ["运费怎么算？"]
        said = [event["data"]["text"] for event in customer.events if is_answer_to(event, accepted["msg_id"])]
        assert max(Counter(said).values()) == 1
        assert any("运费" in text for text in said)
        assert not [event for event in customer.events if event["type"] == "handoff_opened"]

        await asyncio.to_thread(replicas.a.start)
        customer.go_to(replicas.a.url)
        assert await customer.ask("你好")


def _pid(product: Product) -> int:
    assert product.process is not None
    return product.process.pid


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """Keep a process from running for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _wait_for_lease(replicas: Replicas, conversation_id: str) -> None:
    async with asyncio.timeout(LEASE_WAIT_S):
        while replicas.lease_holder(conversation_id) is None:
            await asyncio.sleep(0.05)
