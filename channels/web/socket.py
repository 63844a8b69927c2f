"""One browser's WebSocket: proves itself in its first frame, then sends messages and gets events.

Source: specs/channels.md section 5.4. Close codes: 4001 not proved, 4002 too many bad frames,
4003 not allowed, 4008 too slow, 4010 silent, 1009 frame too large.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from channels.web.customer_events import Page
from channels.web.outgoing import Outgoing, SlowConsumerError
from channels.web.payloads import (
    MAX_FRAME_BYTES,
    AuthFrame,
    MessageFrame,
    PingFrame,
    ReadFrame,
    TypingFrame,
    frame_client_id,
    parse_frame,
)
from channels.web.service import READ_TOPIC, TYPING_TOPIC, WebChannel
from channels.web.tokens import Visitor
from channels.web.widgets import Widget
from core.bus import Bus
from core.clock import Clock
from core.errors import InvalidInputError, NotAllowedError, TooManyRequestsError, YitiError
from core.logs import get_logger

log = get_logger(__name__)

MAX_BAD_FRAMES = 20
PAGE = 500
CLOSE_NOT_PROVED = 4001
CLOSE_BAD_FRAMES = 4002
CLOSE_NOT_ALLOWED = 4003
CLOSE_TOO_SLOW = 4008
CLOSE_SILENT = 4010
CLOSE_TOO_LARGE = 1009
CLOSE_SERVER_ERROR = 1011


class Socket(Protocol):
    """The part of Sanic's WebSocket that is used here."""

    async def recv(self, timeout: float | None = None) -> str | bytes | None:  # noqa: ASYNC109 - Sanic's signature
        """Return the next frame, or None when none came in time."""
        ...

    async def send(self, message: str) -> None:
        """Send one text frame."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with a code."""
        ...


@dataclass(frozen=True, slots=True)
class SocketTimes:
    """How long a socket may take for what, in seconds."""

    auth_s: float = 5.0
    silent_s: float = 40.0
    renew_s: float = 30.0
    drain_s: float = 20.0
    wait_s: float = 25.0


class CloseSocketError(Exception):
    """This socket must be closed with a code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class WebSocketSession:
    """The life of one socket; `run` returns when it is over.

    `check_widget` refuses a widget that may not be used from the page that opened the socket.
    """

    def __init__(
        self,
        channel: WebChannel,
        bus: Bus,
        clock: Clock,
        socket: Socket,
        *,
        check_widget: Callable[[Widget], None],
        times: SocketTimes | None = None,
    ) -> None:
        self._channel = channel
        self._bus = bus
        self._clock = clock
        self._socket = socket
        self._check_widget = check_widget
        self._times = times or SocketTimes()
        self._outgoing = Outgoing()
        self._renewed = asyncio.Event()
        self._n_bad_frames = 0

    async def run(self) -> None:
        """Serve the socket until either side ends it."""
        writer = asyncio.create_task(self._outgoing.write_to(self._socket), name="web-socket-write")
        try:
            first = await self._first_frame()
            self._visitor = await self._prove(first)
            await self._live(first.after)
        except CloseSocketError as close:
            await self._end(close.code, close.reason)
        except SlowConsumerError:
            await self._end(CLOSE_TOO_SLOW, "too slow", drain_s=0)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _end(self, code: int, reason: str, drain_s: float = 1.0) -> None:
        if drain_s:
            with contextlib.suppress(SlowConsumerError):
                await self._outgoing.drained(drain_s)
        with contextlib.suppress(Exception):  # the other side may be gone already; then it is closed as well
            await asyncio.wait_for(self._socket.close(code, reason), timeout=1.0)

    async def _first_frame(self) -> AuthFrame:
        raw = await self._socket.recv(self._times.auth_s)
        if raw is None:
            raise CloseSocketError(CLOSE_NOT_PROVED, "no auth frame in time")
        _check_size(raw)
        try:
            frame = parse_frame(raw)
        except InvalidInputError as error:
            await self._refuse(error, CLOSE_NOT_PROVED)
        if not isinstance(frame, AuthFrame):
            await self._refuse(
                NotAllowedError("The first frame must be auth.", code="unauthenticated"), CLOSE_NOT_PROVED
            )
        return frame

    async def _prove(self, frame: AuthFrame) -> Visitor:
        try:
            visitor, widget = self._channel.authenticate(frame.access_token)
        except NotAllowedError as error:
            await self._refuse(error, CLOSE_NOT_PROVED)
        try:
            self._check_widget(widget)
            await self._channel.check_own(visitor, frame.conversation)
        except YitiError as error:
            await self._refuse(error, CLOSE_NOT_ALLOWED)
        return visitor

    async def _refuse(self, error: YitiError, code: int) -> NoReturn:
        await self._outgoing.put(error_frame(error))
        raise CloseSocketError(code, error.code)

    async def _live(self, after: int) -> None:
        """Run the socket's parts until the first of them ends, and raise what ended it."""
        parts = [
            asyncio.create_task(part, name="web-socket")
            for part in (self._read(), self._pump(after), self._relay_typing(), self._watch_expiry())
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            if not part.cancelled() and (error := part.exception()) is not None:
                raise error

    async def _read(self) -> None:
        while True:
            raw = await self._socket.recv(self._times.silent_s)
            if raw is None:
                raise CloseSocketError(CLOSE_SILENT, "nothing heard")
            _check_size(raw)
            try:
                await self._handle(raw)
            except (InvalidInputError, NotAllowedError) as error:
                self._n_bad_frames += 1
                if self._n_bad_frames > MAX_BAD_FRAMES:
                    raise CloseSocketError(CLOSE_BAD_FRAMES, "too many bad frames") from error
                await self._outgoing.put(error_frame(error, frame_client_id(raw)))
            except YitiError as error:
                await self._outgoing.put(error_frame(error, frame_client_id(raw)))

    async def _handle(self, raw: str | bytes) -> None:
        frame = parse_frame(raw)
        if isinstance(frame, AuthFrame):
            await self._renew(frame)
            return
        if isinstance(frame, PingFrame):
            await self._outgoing.put({"t": "pong"})
            return
        if self._visitor.expires_at_s <= self._clock.now().timestamp():
            raise NotAllowedError("The access token has expired; send auth with a new one.", code="token_expired")
        match frame:
            case MessageFrame():
                await self._take_message(frame)
            case TypingFrame():
                await self._channel.signal(self._visitor, TYPING_TOPIC, {"on": frame.on})
            case ReadFrame():
                await self._channel.signal(self._visitor, READ_TOPIC, {"seq": frame.seq})

    async def _take_message(self, frame: MessageFrame) -> None:
        accepted = await self._channel.accept(self._visitor, frame)
        await self._outgoing.put(
            {
                "t": "ack",
                "client_msg_id": frame.client_msg_id,
                "msg_id": accepted.message_id,
                "seq": accepted.seq,
                "conversation": accepted.conversation_id,
                "duplicate": accepted.duplicate,
            }
        )

    async def _renew(self, frame: AuthFrame) -> None:
        visitor = await self._prove(frame)
        if (visitor.id, visitor.conversation_key) != (self._visitor.id, self._visitor.conversation_key):
            raise CloseSocketError(CLOSE_NOT_ALLOWED, "another identity; open a new socket")
        self._visitor = visitor
        self._renewed.set()
        await self._outgoing.put({"t": "authed"})

    async def _pump(self, after: int) -> None:
        """Send the log from `after` on: first what is there, a snapshot frame, then what comes."""
        more = True
        while more:
            page = await self._send_events(after, wait_s=0)
            after, more = page.seq, page.more
            await self._outgoing.put({"t": "snapshot", "seq": after, "more": more})
        while True:
            after = (await self._send_events(after, wait_s=self._times.wait_s)).seq

    async def _send_events(self, after: int, wait_s: float) -> Page:
        page = await self._channel.events(self._visitor, after=after, limit=PAGE, wait_s=wait_s)
        for event in page.events:
            if self._outgoing.waiting_bytes > MAX_FRAME_BYTES:
                await self._outgoing.drained(self._times.drain_s)
            await self._outgoing.put({"t": "ev", "ev": event})
        return page

    async def _relay_typing(self) -> None:
        """Pass on that somebody at the desk is writing; a sign, never stored."""
        conversation_id = await self._channel.started(self._visitor)
        async with self._bus.subscribe(f"{TYPING_TOPIC}:{conversation_id}") as signs:
            async for sign in signs:
                author = sign.payload.get("author") or {}
                if author.get("kind") == "agent":
                    told = {"kind": "agent", "name": author.get("name")}
                    await self._outgoing.put({"t": "typing", "author": told, "on": bool(sign.payload.get("on", True))})

    async def _watch_expiry(self) -> None:
        """Ask for a new access token when the present one ends, and close if none comes."""
        while True:
            left_s = self._visitor.expires_at_s - self._clock.now().timestamp()
            if left_s > 0:
                await asyncio.sleep(left_s)
                continue
            self._renewed.clear()
            expired = NotAllowedError("The access token has expired; send auth with a new one.", code="token_expired")
            await self._outgoing.put(error_frame(expired))
            try:
                await asyncio.wait_for(self._renewed.wait(), self._times.renew_s)
            except TimeoutError as error:
                raise CloseSocketError(CLOSE_NOT_PROVED, "token_expired") from error


def error_frame(error: YitiError, client_msg_id: str | None = None) -> dict[str, Any]:
    """Return the frame that tells a browser what was wrong."""
    frame: dict[str, Any] = {"t": "error", "code": error.code, "detail": error.message}
    if isinstance(error, TooManyRequestsError):
        frame["retry_after"] = max(1, math.ceil(error.retry_after_s))
    if client_msg_id is not None:
        frame["client_msg_id"] = client_msg_id
    return frame


def _check_size(raw: str | bytes) -> None:
    if len(raw) > MAX_FRAME_BYTES or (isinstance(raw, str) and len(raw.encode()) > MAX_FRAME_BYTES):
        raise CloseSocketError(CLOSE_TOO_LARGE, "frame too large")
