"""People at the desk, as programs: their accounts, what they do, and their live connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect

from core.ids import new_id

ADMINISTRATOR = "admin"
PASSWORD = "correct horse battery 7"
PATIENCE_S = 30.0
Frame = dict[str, Any]


def open_accounts(url: str, first_password: str, agents: dict[str, str]) -> None:
    """Change the administrator's first password and make agents (login to name), all with `PASSWORD`."""
    administrator = _change_password(url, ADMINISTRATOR, first_password)
    for login, name in agents.items():
        answer = administrator.post("/api/accounts", json={"login": login, "name": name, "roles": ["agent"]})
        answer.raise_for_status()
        _change_password(url, login, answer.json()["one_time_password"])


def _change_password(url: str, login: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=url, timeout=PATIENCE_S)
    for path, document in (
        ("/api/session", {"login": login, "password": password}),
        ("/api/session/password", {"current": password, "new": PASSWORD}),
    ):
        answer = client.post(path, json=document)
        answer.raise_for_status()
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client


class Desk:
    """One person's desk at one server; signed in as long as it is open."""

    def __init__(self, url: str, login: str) -> None:
        self._url = url
        self._login = login
        self._http = httpx.AsyncClient(base_url=url, timeout=PATIENCE_S)

    async def __aenter__(self) -> Self:
        answer = await self._http.post("/api/session", json={"login": self._login, "password": PASSWORD})
        answer.raise_for_status()
        self._http.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._http.aclose()

    async def get(self, conversation_id: str) -> dict[str, Any]:
        """Return a conversation with its handoff and customer."""
        answer = await self._http.get(f"/desk/conversations/{conversation_id}")
        answer.raise_for_status()
        case: dict[str, Any] = answer.json()
        return case

    async def take(self, conversation_id: str, token: int) -> httpx.Response:
        """Try to take a conversation."""
        return await self._http.post(f"/desk/conversations/{conversation_id}/assignment", json={"token": token})

    async def say(self, conversation_id: str, token: int, text: str) -> httpx.Response:
        """Try to answer the customer."""
        document = {"token": token, "client_msg_id": new_id(), "text": text}
        return await self._http.post(f"/desk/conversations/{conversation_id}/messages", json=document)

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[ClientConnection]:
        """Open the live connection and prove the session."""
        async with connect(
            f"{self._url.replace('http', 'ws', 1)}/desk/socket",
            origin=self._url,  # type: ignore[arg-type]
            additional_headers={"Cookie": f"yiti_session={self._http.cookies['yiti_session']}"},
            proxy=None,
        ) as connection:
            await send(connection, t="hello", csrf_token=self._http.headers["x-csrf-token"])
            await receive(connection, lambda frame: frame["t"] == "ready")
            yield connection


async def send(connection: ClientConnection, **frame: Any) -> None:
    """Send one frame."""
    await connection.send(orjson.dumps(frame).decode())


async def receive(connection: ClientConnection, wanted: Callable[[Frame], bool]) -> Frame:
    """Return the next frame that fits."""
    seen: list[Frame] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame: Frame = orjson.loads(await connection.recv())
                if wanted(frame):
                    return frame
                seen.append(frame)
    except TimeoutError as error:
        shown = "\n".join(str(frame) for frame in seen[-8:])
        raise AssertionError(f"The frame did not come; the last ones were\n{shown}") from error
