"""Hints between tasks and replicas that something in the database changed.

A bus message is never the truth, only "look again": whoever misses one loses nothing that lasts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from core.logs import get_logger

log = get_logger(__name__)

BACKLOG = 10_000
STREAM = "yiti:bus"
STREAM_LENGTH = 20_000
BLOCK_MS = 1_000
RECONNECT_S = 0.2
PUBLISH_RETRIES = 3


@dataclass(frozen=True, slots=True)
class BusMessage:
    """One hint."""

    topic: str
    payload: Mapping[str, Any] = field(default_factory=dict)


class Bus(Protocol):
    """Publishes hints and lets others listen for them."""

    async def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Tell every present subscriber of `topic`; never raises for an unreachable bus."""
        ...

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[AsyncIterator[BusMessage]]:
        """Listen from now on; a topic ending in `*` matches every topic with that beginning."""
        ...


class _Subscribers:
    """The listeners of this process; one that stops reading loses its oldest hints, not its newest."""

    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[BusMessage], tuple[str, ...]] = {}

    def hand_out(self, message: BusMessage) -> None:
        for queue, topics in self._queues.items():
            if any(_matches(topic, message.topic) for topic in topics):
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(message)

    @asynccontextmanager
    async def listen(self, topics: tuple[str, ...]) -> AsyncIterator[AsyncIterator[BusMessage]]:
        queue: asyncio.Queue[BusMessage] = asyncio.Queue(BACKLOG)
        self._queues[queue] = topics
        try:
            yield _Hints(queue)
        finally:
            del self._queues[queue]


def _matches(pattern: str, topic: str) -> bool:
    return topic.startswith(pattern[:-1]) if pattern.endswith("*") else topic == pattern


class _Hints:
    """What one subscriber hears; unlike a generator it outlives a wait that was given up."""

    def __init__(self, queue: asyncio.Queue[BusMessage]) -> None:
        self._queue = queue

    def __aiter__(self) -> _Hints:
        return self

    async def __anext__(self) -> BusMessage:
        return await self._queue.get()


class InProcessBus:
    """The bus of a single process."""

    def __init__(self) -> None:
        self._subscribers = _Subscribers()

    async def start(self) -> None:
        """Do nothing; there is no connection to open."""

    async def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Tell every present subscriber of `topic`."""
        self._subscribers.hand_out(BusMessage(topic, payload))

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[AsyncIterator[BusMessage]]:
        """Listen from now on."""
        return self._subscribers.listen(topics)

    async def close(self) -> None:
        """Do nothing; there is no connection to close."""


class RedisStreamsBus:
    """The bus of many replicas: one bounded Redis stream that each replica reads from its own position.

    After a lost connection the reader goes on from the last id it saw, so a cut shorter than the stream loses
    no hint. Source: Redis documentation, "Redis Streams", XREAD.
    """

    def __init__(self, url: str) -> None:
        retry = Retry(ExponentialBackoff(cap=1.0, base=0.05), retries=PUBLISH_RETRIES)
        self._redis: Any = Redis.from_url(  # Any: its stubs mix the answers of sync and async commands
            url, socket_connect_timeout=2.0, retry=retry, retry_on_error=[RedisConnectionError]
        )
        self._subscribers = _Subscribers()
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin reading from the stream's present end."""
        if self._reader is None:
            position = await self._end()
            self._reader = asyncio.create_task(self._read(position), name="bus-reader")

    async def _end(self) -> str:
        newest = await self._redis.xrevrange(STREAM, count=1)
        return str(newest[0][0].decode()) if newest else "0-0"

    async def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Append to the stream; an unreachable Redis is logged, since a hint may be lost."""
        fields: dict[Any, Any] = {b"topic": topic.encode(), b"payload": orjson.dumps(payload)}
        try:
            await self._redis.xadd(STREAM, fields, maxlen=STREAM_LENGTH, approximate=True)
        except RedisError as error:
            log.warning("bus.publish_failed", topic=topic.split(":", maxsplit=1)[0], error=type(error).__name__)
            self._subscribers.hand_out(BusMessage(topic, payload))

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[AsyncIterator[BusMessage]]:
        """Listen from now on."""
        return self._subscribers.listen(topics)

    async def _read(self, position: str) -> None:
        while True:
            try:
                answer = await self._redis.xread({STREAM: position}, block=BLOCK_MS, count=1_000)
            except RedisError as error:
                log.warning("bus.read_failed", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_S)
                continue
            for _stream, entries in answer or ():
                for entry_id, fields in entries:
                    position = entry_id.decode()
                    self._subscribers.hand_out(BusMessage(fields[b"topic"].decode(), orjson.loads(fields[b"payload"])))

    async def close(self) -> None:
        """Stop reading and close the connection."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        await self._redis.aclose()
