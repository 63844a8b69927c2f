"""What every bus does: in process, and over Redis Streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.bus import BusMessage, InProcessBus, RedisStreamsBus
from tests.conftest import RedisServer

WAIT_S = 10.0


@pytest.fixture(params=["in_process", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[InProcessBus | RedisStreamsBus]:
    bus: InProcessBus | RedisStreamsBus
    if request.param == "in_process":
        bus = InProcessBus()
    else:
        bus = RedisStreamsBus(request.getfixturevalue("redis_server").url)
    await bus.start()
    yield bus
    await bus.close()


async def _next(messages: AsyncIterator[BusMessage]) -> BusMessage:
    return await asyncio.wait_for(anext(messages), WAIT_S)


async def test_a_subscriber_gets_what_is_published_on_its_topic_in_order(bus: InProcessBus) -> None:
    async with bus.subscribe("conversation:1") as messages:
        await bus.publish("conversation:2", {"seq": 1})
        await bus.publish("conversation:1", {"seq": 2})
        await bus.publish("conversation:1", {"seq": 3})

        assert [(await _next(messages)).payload for _ in range(2)] == [{"seq": 2}, {"seq": 3}]


async def test_a_star_matches_every_topic_with_that_beginning(bus: InProcessBus) -> None:
    async with bus.subscribe("conversation:*") as messages:
        await bus.publish("desk", {})
        await bus.publish("conversation:7", {"名": "值"})

        assert await _next(messages) == BusMessage("conversation:7", {"名": "值"})


async def test_every_subscriber_gets_its_own_copy(bus: InProcessBus) -> None:
    async with bus.subscribe("desk") as first, bus.subscribe("desk") as second:
        await bus.publish("desk", {"n": 1})

        assert (await _next(first)).payload == (await _next(second)).payload == {"n": 1}


async def test_a_wait_that_was_given_up_ends_nothing(bus: InProcessBus) -> None:
    async with bus.subscribe("desk") as messages:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 0.05)
        await bus.publish("desk", {"n": 1})

        assert (await _next(messages)).payload == {"n": 1}


async def test_nothing_of_before_the_subscription_is_heard(bus: InProcessBus) -> None:
    await bus.publish("desk", {"n": 1})
    await asyncio.sleep(0.1)

    async with bus.subscribe("desk") as messages:
        await bus.publish("desk", {"n": 2})

        assert (await _next(messages)).payload == {"n": 2}


async def test_two_replicas_hear_each_other_over_redis(redis_server: RedisServer) -> None:
    here, there = RedisStreamsBus(redis_server.url), RedisStreamsBus(redis_server.url)
    await here.start()
    await there.start()

    async with there.subscribe("desk") as messages:
        await here.publish("desk", {"n": 1})
        assert (await _next(messages)).payload == {"n": 1}

    await here.close()
    await there.close()


async def test_a_cut_connection_to_redis_loses_no_hint(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    reader, writer = RedisStreamsBus(server.url), RedisStreamsBus(server.url)
    await reader.start()
    async with reader.subscribe("desk") as messages:
        await writer.publish("desk", {"n": 1})
        assert (await _next(messages)).payload == {"n": 1}

        server.stop()
        server.start()
        for n in (2, 3):
            await writer.publish("desk", {"n": n})

        assert [(await _next(messages)).payload["n"] for _ in range(2)] == [2, 3]
    await reader.close()
    await writer.close()
    server.stop()
