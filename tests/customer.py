"""A customer on the web, as a program: opens a session, says things, reads the conversation's events."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

import httpx

from core.ids import new_id

DEMO_WIDGET = "demo"
WAIT_S = 60.0
PATIENCE_S = 90.0
Event = dict[str, Any]
_numbers = itertools.count(1)


class Customer:
    """One browser's worth of a customer.

    `events` holds everything read so far, in order; sending again with the same client_msg_id is the caller's
    choice, as it is a widget's after a lost connection. Each customer comes from an address of their own, which a
    server that trusts one proxy believes.
    """

    def __init__(
        self, url: str, language: str = "zh", *, widget: str = DEMO_WIDGET, address: str | None = None
    ) -> None:
        self._language = language
        self._widget = widget
        headers = {"Origin": url, "X-Forwarded-For": address or _next_address()}
        self._client = httpx.AsyncClient(base_url=url, timeout=30.0, headers=headers)
        self._tokens: dict[str, Any] = {}
        self.events: list[Event] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._client.aclose()

    @property
    def last_seq(self) -> int:
        """The number of the newest event read."""
        return int(self.events[-1]["seq"]) if self.events else 0

    async def open(self, user_jwt: str | None = None) -> dict[str, Any]:
        """Open or renew the session; with a user's token as the shop signs it, as that user."""
        body = {"widget": self._widget, "language": self._language}
        if "visitor_token" in self._tokens:
            body["visitor_token"] = self._tokens["visitor_token"]
        if user_jwt is not None:
            body["user_jwt"] = user_jwt
        answer = await _patiently(lambda: self._client.post("/web/v1/session", json=body))
        answer.raise_for_status()
        self._tokens = answer.json()
        return self._tokens

    def go_to(self, url: str) -> None:
        """Go on at another replica, as a browser does whose server is gone."""
        self._client.base_url = url
        self._client.headers["Origin"] = url

    async def sign_in_as(self, customer_id: str) -> dict[str, Any]:
        """Sign in as one of the demo shop's customers."""
        answer = await self._client.post("/demo/sign-in", json={"customer_id": customer_id})
        answer.raise_for_status()
        return await self.open(answer.json()["user_jwt"])

    async def post(self, text: str, client_msg_id: str | None = None, **more: Any) -> httpx.Response:
        """Send a message and return the server's answer, whatever it is."""
        body = {"client_msg_id": client_msg_id or new_id(), "text": text, **more}
        return await self._client.post("/web/v1/messages", json=body, headers=self._authorization())

    async def say(self, text: str, client_msg_id: str | None = None, **more: Any) -> dict[str, Any]:
        """Send a message that must be accepted; told to wait, the customer waits and sends it again."""
        client_msg_id = client_msg_id or new_id()
        answer = await _patiently(lambda: self.post(text, client_msg_id, **more))
        answer.raise_for_status()
        accepted: dict[str, Any] = answer.json()
        return accepted

    async def choose(self, title: str, payload: str) -> dict[str, Any]:
        """Press a button."""
        return await self.say(title, type="choice", payload=payload)

    async def read(self, wait_s: float = 0.0) -> list[Event]:
        """Read the events after the newest one known."""
        answer = await self._client.get(
            "/web/v1/events", params={"after": self.last_seq, "wait": wait_s}, headers=self._authorization()
        )
        answer.raise_for_status()
        fresh: list[Event] = answer.json()["events"]
        self.events += fresh
        return fresh

    async def wait_for(self, wanted: Callable[[Event], bool], timeout_s: float = WAIT_S) -> Event:
        """Read until an event fits; also one read before counts."""
        deadline = time.monotonic() + timeout_s
        looked_at = 0
        while True:
            for event in self.events[looked_at:]:
                if wanted(event):
                    return event
            looked_at = len(self.events)
            if time.monotonic() > deadline:
                shown = "\n".join(str(event) for event in self.events[-8:])
                raise AssertionError(f"The event did not come; the last ones were\n{shown}")
            await self.read(wait_s=2.0)

    async def ask(self, text: str, timeout_s: float = WAIT_S) -> str:
        """Say something and return all that is answered to it, joined by line ends."""
        accepted = await self.say(text)
        return await self.answer_to(accepted["msg_id"], timeout_s)

    async def answer_to(self, message_id: str, timeout_s: float = WAIT_S) -> str:
        """Return what was answered to a message."""
        return "\n".join(event["data"]["text"] for event in await self.answers_to(message_id, timeout_s))

    async def answers_to(self, message_id: str, timeout_s: float = WAIT_S) -> list[Event]:
        """Return the messages that answer a message; a turn's are committed together, so they are read together."""
        await self.wait_for(lambda event: is_answer_to(event, message_id), timeout_s)
        return [event for event in self.events if is_answer_to(event, message_id)]

    @property
    def access_token(self) -> str:
        """The session's token."""
        return str(self._tokens["access_token"])

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}


def _next_address() -> str:
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def _patiently(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Send until the answer is not 429, or waiting as told would take too long."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = await send()
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            return answer
        wait_s = float(answer.headers["Retry-After"])
        if time.monotonic() + wait_s > deadline:
            return answer
        await asyncio.sleep(wait_s)


def is_answer_to(event: Event, message_id: str) -> bool:
    """Say whether an event is something of ours said in reply to a message."""
    data = event["data"]
    return event["type"] == "message" and data["author"]["kind"] != "customer" and data.get("in_reply_to") == message_id
