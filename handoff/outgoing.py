"""Frames on their way to one desk: in order, bounded, and of a state that changes again only the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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
    """A queue of frames with one writer; putting never waits, so one slow desk holds up no other."""

    def __init__(self, max_backlog_bytes: int = MAX_BACKLOG_BYTES) -> None:
        self._frames: dict[str, str] = {}
        self._n_put = 0
        self._max_backlog_bytes = max_backlog_bytes
        self._n_bytes = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self.overflowed = asyncio.Event()

    def put(self, frame: Mapping[str, Any], *, replaces: str | None = None) -> None:
        """Queue one frame; it takes the place of a waiting one with the same `replaces`.

        Over the limit nothing more is queued and `overflowed` is set: what was lost makes the rest worthless.
        """
        text = orjson.dumps(frame, option=orjson.OPT_UTC_Z).decode()
        self._n_put += 1
        key = replaces or f"#{self._n_put}"
        self._n_bytes += len(text) - len(self._frames.get(key, ""))
        if self._n_bytes > self._max_backlog_bytes and self._frames:
            self.overflowed.set()
            return
        self._frames[key] = text
        self._emptied.clear()
        self._filled.set()

    async def drained(self) -> None:
        """Wait until everything has been sent."""
        while self._frames:
            await self._emptied.wait()

    async def write_to(self, socket: Sends) -> None:
        """Send frames as they come, for as long as the socket lives."""
        while True:
            await self._filled.wait()
            while self._frames:
                key = next(iter(self._frames))
                text = self._frames.pop(key)
                await socket.send(text)
                self._n_bytes -= len(text)
            self._filled.clear()
            self._emptied.set()
