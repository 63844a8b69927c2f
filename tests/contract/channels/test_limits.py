"""What every store of limits must do: in this process, and in a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from channels.web.limits import Allowance, InProcessLimits, Limits, RedisLimits, require
from core.errors import TooManyRequestsError
from core.ids import new_id

LONG = (Allowance(3, 60), Allowance(100, 600))


@pytest.fixture(params=["in_process", "redis"])
async def limits(request: pytest.FixtureRequest) -> AsyncIterator[Limits]:
    if request.param == "in_process":
        yield InProcessLimits()
        return
    redis = Redis.from_url(request.getfixturevalue("redis_server").url)
    yield RedisLimits(redis, prefix=new_id())
    await redis.aclose()


async def test_so_many_pass_and_no_more(limits: Limits) -> None:
    waits = [await limits.take("a", LONG) for _ in range(5)]

    assert waits[:3] == [0.0] * 3
    assert all(0 < wait <= 60 for wait in waits[3:])


async def test_keys_do_not_share(limits: Limits) -> None:
    for _ in range(3):
        await limits.take("a", LONG)

    assert await limits.take("b", LONG) == 0.0


async def test_what_was_refused_does_not_count(limits: Limits) -> None:
    short = (Allowance(1, 0.2),)
    assert await limits.take("a", short) == 0.0
    for _ in range(5):
        wait_s = await limits.take("a", short)

    await asyncio.sleep(wait_s + 0.01)

    assert await limits.take("a", short) == 0.0


async def test_many_at_once_never_get_more_than_the_allowance(limits: Limits) -> None:
    waits = await asyncio.gather(*(limits.take("a", LONG) for _ in range(50)))

    assert waits.count(0.0) == 3


async def test_the_error_says_when_to_come_back(limits: Limits) -> None:
    for _ in range(3):
        await require(limits, "a", LONG, "messages")

    with pytest.raises(TooManyRequestsError, match="at most 3 in 60 s and 100 in 600 s") as error:
        await require(limits, "a", LONG, "messages")
    assert 0 < error.value.retry_after_s <= 60


async def test_without_redis_each_replica_counts_for_itself() -> None:
    redis = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    limits = RedisLimits(redis)

    waits = [await limits.take("a", LONG) for _ in range(4)]

    assert waits[:3] == [0.0] * 3
    assert waits[3] > 0
    await redis.aclose()
