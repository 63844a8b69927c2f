"""One desk's WebSocket: proves itself in its first frame, then sees rows, counts and watched conversations live.

Close codes: 4401 session over or not proved, 4403 not allowed, 4400 too many bad frames, 4408 too slow, 4410
silent, 1009 frame too large.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from sanic import Request

from conversations.conversation import Conversation
from conversations.service import ConversationService
from core.access import Permission, Principal
from core.errors import NotFoundError
from core.ids import AgentId, ConversationId
from core.logs import get_logger
from handoff.feed import DeskFeed
from handoff.outgoing import Outgoing

log = get_logger(__name__)

MAX_FRAME_BYTES = 64 * 1024
MAX_BAD_FRAMES = 20
MAX_WATCHED = 50
PAGE = 200
CLOSE_BAD_FRAMES = 4400
CLOSE_NOT_SIGNED_IN = 4401
CLOSE_NOT_ALLOWED = 4403
CLOSE_TOO_SLOW = 4408
CLOSE_SILENT = 4410
CLOSE_TOO_LARGE = 1009


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


class DeskSessions(Protocol):
    """The sign-in behind a live connection."""

    def session_key(self, request: Request) -> str:
        """Return what names the request's session without being its secret."""
        ...

    def is_csrf_token(self, request: Request, presented: str) -> bool:
        """Tell whether this is the CSRF token of the request's session."""
        ...

    async def find_principal(self, session_key: str) -> Principal | None:
        """Return who the session belongs to now, or None once it is over."""
        ...


@dataclass(frozen=True)
class DeskSocketTimes:
    """How long a connection may take for what, in seconds."""

    hello_s: float = 5.0
    silent_s: float = 75.0
    ping_s: float = 25.0
    session_check_s: float = 15.0
    close_s: float = 2.0


class CloseSocketError(Exception):
    """This connection must be closed with a code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class BadFrameError(Exception):
    """A frame that cannot be used; `code` says why."""

    def __init__(self, code: str, detail: str, conversation_id: str | None = None) -> None:
        super().__init__(detail)
        self.frame = {"t": "error", "code": code, "detail": detail}
        if conversation_id is not None:
            self.frame["conversation_id"] = conversation_id


@dataclass
class _Watch:
    """How far a watched conversation has been shown; watching again makes a new one."""

    position: int


class DeskConnection:
    """The life of one desk's socket; `run` returns when it is over.

    Events of a watched conversation come in the order of their numbers, none twice and none left out, starting
    above the number the client named: they are read from the log by position, whatever the hints say.
    """

    def __init__(
        self,
        *,
        feed: DeskFeed,
        conversations: ConversationService,
        sessions: DeskSessions,
        request: Request,
        principal: Principal,
        socket: Socket,
        times: DeskSocketTimes | None = None,
        outgoing: Outgoing | None = None,
    ) -> None:
        self._feed = feed
        self._conversations = conversations
        self._sessions = sessions
        self._request = request
        self._principal = principal
        self._socket = socket
        self._times = times or DeskSocketTimes()
        self._outgoing = outgoing or Outgoing()
        self._watched: dict[ConversationId, _Watch] = {}
        self._stale: dict[ConversationId, None] = {}
        self._has_stale = asyncio.Event()

    @property
    def agent_id(self) -> AgentId:
        """Say whose desk it is."""
        return AgentId(self._principal.account_id)

    def show_row(self, conversation: Conversation) -> None:
        """Send the row; have a watched conversation's log read."""
        self._outgoing.put({"t": "row", "row": conversation.as_row()}, replaces=f"row:{conversation.id}")
        if conversation.id in self._watched:
            self._read_on(conversation.id)

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Send the counts."""
        self._outgoing.put({"t": "counts", "counts": dict(counts)}, replaces="counts")

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        writer = asyncio.create_task(self._outgoing.write_to(self._socket), name="desk-socket-write")
        try:
            await self._prove()
            self._outgoing.put({"t": "ready"})
            self._feed.join(self)
            await self._live(writer)
        except CloseSocketError as close:
            await self._end(close.code, close.reason)
        finally:
            self._feed.leave(self)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _end(self, code: int, reason: str) -> None:
        with contextlib.suppress(Exception):  # the other side may be gone already; then it is closed as well
            async with asyncio.timeout(self._times.close_s):
                if code != CLOSE_TOO_SLOW:
                    await self._outgoing.drained()
                await self._socket.close(code, reason)

    async def _prove(self) -> None:
        raw = await self._socket.recv(self._times.hello_s)
        if raw is None:
            raise CloseSocketError(CLOSE_NOT_SIGNED_IN, "no hello in time")
        try:
            frame = _parse(raw)
        except BadFrameError as error:
            raise CloseSocketError(CLOSE_NOT_ALLOWED, "the first frame must be hello") from error
        token = frame.get("csrf_token")
        if frame["t"] != "hello" or not isinstance(token, str):
            raise CloseSocketError(CLOSE_NOT_ALLOWED, "the first frame must be hello")
        if not self._sessions.is_csrf_token(self._request, token):
            raise CloseSocketError(CLOSE_NOT_ALLOWED, "bad csrf token")

    async def _live(self, writer: asyncio.Task[None]) -> None:
        """Run the connection's parts until the first of them ends, and raise what ended it."""
        coroutines = (
            self._read(),
            self._show_events(),
            self._check_session(),
            self._ping(),
            self._watch_backlog(),
        )
        parts = [asyncio.create_task(part, name="desk-socket") for part in coroutines]
        try:
            done, _ = await asyncio.wait([*parts, writer], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            if part is not writer and not part.cancelled() and (error := part.exception()) is not None:
                raise error

    async def _read(self) -> None:
        n_bad = 0
        while True:
            raw = await self._socket.recv(self._times.silent_s)
            if raw is None:
                raise CloseSocketError(CLOSE_SILENT, "nothing heard")
            try:
                await self._handle(_parse(raw))
            except BadFrameError as error:
                n_bad += 1
                if n_bad > MAX_BAD_FRAMES:
                    raise CloseSocketError(CLOSE_BAD_FRAMES, "too many bad frames") from error
                self._outgoing.put(error.frame)

    async def _handle(self, frame: dict[str, Any]) -> None:
        match frame["t"]:
            case "ping":
                self._outgoing.put({"t": "pong"})
            case "pong":
                return
            case "watch":
                await self._watch(_conversation_of(frame), frame.get("after", 0))
            case "unwatch":
                self._watched.pop(_conversation_of(frame), None)
            case unknown:
                raise BadFrameError("unknown_frame", f"There is no frame {str(unknown)[:40]!r}.")

    async def _watch(self, conversation_id: ConversationId, after: object) -> None:
        if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**31:
            raise BadFrameError("bad_frame", "`after` is an event's number, 0 or more.", conversation_id)
        if conversation_id not in self._watched and len(self._watched) >= MAX_WATCHED:
            raise BadFrameError(
                "too_many_watched", f"At most {MAX_WATCHED} conversations can be watched.", conversation_id
            )
        try:
            await self._conversations.get(conversation_id)
        except NotFoundError as error:
            raise BadFrameError(error.code, error.message, conversation_id) from error
        self._watched[conversation_id] = _Watch(after)
        self._read_on(conversation_id)

    def _read_on(self, conversation_id: ConversationId) -> None:
        self._stale[conversation_id] = None
        self._has_stale.set()

    async def _show_events(self) -> None:
        while True:
            await self._has_stale.wait()
            self._has_stale.clear()
            while self._stale:
                conversation_id = next(iter(self._stale))
                del self._stale[conversation_id]
                await self._show_new_events(conversation_id)

    async def _show_new_events(self, conversation_id: ConversationId) -> None:
        watch = self._watched.get(conversation_id)
        while watch is not None and self._watched.get(conversation_id) is watch:
            events = await self._conversations.events_after(conversation_id, watch.position, limit=PAGE)
            if self._watched.get(conversation_id) is not watch:
                return
            for event in events:
                self._outgoing.put({"t": "ev", "conversation_id": conversation_id, "ev": event.as_json()})
                watch.position = event.seq
            if len(events) < PAGE:
                return
            await self._outgoing.drained()

    async def _check_session(self) -> None:
        key = self._sessions.session_key(self._request)
        while True:
            await asyncio.sleep(self._times.session_check_s)
            principal = await self._sessions.find_principal(key)
            if principal is None:
                raise CloseSocketError(CLOSE_NOT_SIGNED_IN, "the session is over")
            if not principal.has(Permission.VIEW_CONVERSATIONS):
                raise CloseSocketError(CLOSE_NOT_ALLOWED, "the permission was taken away")

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._times.ping_s)
            self._outgoing.put({"t": "ping"}, replaces="ping")

    async def _watch_backlog(self) -> None:
        await self._outgoing.overflowed.wait()
        raise CloseSocketError(CLOSE_TOO_SLOW, "too slow")


def _parse(raw: str | bytes) -> dict[str, Any]:
    if len(raw) > MAX_FRAME_BYTES or (isinstance(raw, str) and len(raw.encode()) > MAX_FRAME_BYTES):
        raise CloseSocketError(CLOSE_TOO_LARGE, "frame too large")
    try:
        frame = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadFrameError("bad_frame", "The frame is not valid JSON.") from error
    if not isinstance(frame, dict) or not isinstance(frame.get("t"), str):
        raise BadFrameError("bad_frame", "A frame is an object with a string `t`.")
    return frame


def _conversation_of(frame: Mapping[str, Any]) -> ConversationId:
    conversation_id = frame.get("conversation_id")
    if not isinstance(conversation_id, str) or not 1 <= len(conversation_id) <= 64:
        raise BadFrameError("bad_frame", "`conversation_id` is missing.")
    return ConversationId(conversation_id)
