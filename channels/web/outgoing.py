"""Frames on their way to one browser, bounded: who reads too slowly is let go."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

import orjson

MAX_BACKLOG_BYTES = 1024 * 1024


class SlowConsumerError(Exception):
    """The browser does not read what it is sent."""


class Sends(Protocol):
    """The part of a socket that frames leave by; waits while the network is full."""

    async def send(self, message: str) -> None:
        """Send one text frame."""
        ...


class Outgoing:
    """A queue of frames with one writer; `waiting_bytes` counts what the network has not taken yet."""

    def __init__(self, max_backlog_bytes: int = MAX_BACKLOG_BYTES) -> None:
        self._frames: deque[tuple[str, int]] = deque()
        self._max_backlog_bytes = max_backlog_bytes
        self._changed = asyncio.Condition()
        self.waiting_bytes = 0

    async def put(self, frame: dict[str, Any]) -> None:
        """Queue one frame.

        Raises:
            SlowConsumerError: more than the backlog's limit is already waiting.
        """
        text = orjson.dumps(frame, option=orjson.OPT_UTC_Z).decode()
        size = len(text.encode())
        async with self._changed:
            if self._frames and self.waiting_bytes + size > self._max_backlog_bytes:
                raise SlowConsumerError
            self._frames.append((text, size))
            self.waiting_bytes += size
            self._changed.notify_all()

    async def drained(self, timeout_s: float) -> None:
        """Wait until all is sent.

        Raises:
            SlowConsumerError: it was not within `timeout_s`.
        """
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: not self._frames), timeout_s)
            except TimeoutError as error:
                raise SlowConsumerError from error

    async def write_to(self, socket: Sends) -> None:
        """Send frames as they come, for as long as the socket lives."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._frames))
                text, size = self._frames[0]
            await socket.send(text)
            async with self._changed:
                self._frames.popleft()
                self.waiting_bytes -= size
                self._changed.notify_all()
