"""Asks the Rasa engine: the record's `Assistant` and the desk's `AssistantMemory` over HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import httpx
from circuitbreaker import CircuitBreaker, CircuitBreakerError
from conversations.protocols import (
    AssistantReply,
    AssistantRequest,
    BotMessage,
    Choice,
    Effect,
    Entity,
    IntentScore,
    Sentiment,
    Understanding,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import EngineError
from core.ids import ConversationId
from core.metrics import Metrics

TURN_PATH = "/webhooks/gateway/webhook"
EVENTS_PATH = "/events"
FAILURES_TO_OPEN = 5
OPEN_S = 10


class EngineHandle(Protocol):
    """Where the engine is and whether it can be asked."""

    url: str

    async def wait_until_ready(self, timeout_s: float) -> None:
        """Wait while the engine is starting; raise EngineError when it is down."""
        ...

    def report_failure(self) -> None:
        """Be told that a request found nobody listening."""
        ...


class RemoteEngine:
    """An engine that somebody else starts and watches; it is asked without waiting."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    async def wait_until_ready(self, timeout_s: float) -> None:
        """Return at once: the request itself will tell."""

    def report_failure(self) -> None:
        """Do nothing; the circuit breaker counts failures."""


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Button(_Loose):
    title: str
    payload: str


class _Message(_Loose):
    text: str | None = None
    buttons: tuple[_Button, ...] = ()
    custom: dict[str, Any] | None = None


class _Scored(_Loose):
    name: str | None = None
    confidence: float = 0.0


class _Entity(_Loose):
    entity: str
    value: Any
    start: int = 0
    end: int = 0


class _Sentiment(_Loose):
    label: str = "neutral"
    score: float = Field(default=0.0, ge=-1.0, le=1.0)


class _Understanding(_Loose):
    intent: _Scored = _Scored()
    ranking: tuple[_Scored, ...] = ()
    entities: tuple[_Entity, ...] = ()
    sentiment: _Sentiment = _Sentiment()
    language: str = "other"


class _Reply(_Loose):
    messages: tuple[_Message, ...]
    understanding: _Understanding
    slots: dict[str, Any] = Field(default_factory=dict)
    model_id: str


class EngineClient:
    """One conversation turn or one tracker change per call, behind a circuit breaker.

    Implements `conversations.protocols.Assistant` and `handoff.protocols.AssistantMemory`.
    """

    def __init__(
        self, engine: EngineHandle, secret: str, metrics: Metrics, *, timeout_s: float, start_timeout_s: float
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._start_timeout_s = start_timeout_s
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, connect=2.0),
            headers={"Authorization": f"Bearer {secret}"},
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
        )
        self._breaker = CircuitBreaker(
            failure_threshold=FAILURES_TO_OPEN, recovery_timeout=OPEN_S, expected_exception=EngineError, name="engine"
        )

    async def answer(self, request: AssistantRequest) -> AssistantReply:
        """Ask for the assistant's answer to one message.

        Asking twice with one message id gives one answer; see bot/gateway_channel.py.

        Raises:
            EngineError: `engine_timeout`, `engine_unavailable` (down, or asked too often in vain) or `engine_failed`.
        """
        document = await self._call(TURN_PATH, asdict(request))
        try:
            return _to_reply(_Reply.model_validate(document))
        except ValidationError as error:
            raise EngineError("The engine's answer is not of the agreed shape.", code="engine_failed") from error

    async def append_events(
        self, conversation_id: ConversationId, event_id: str, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """Add events to the assistant's memory of a conversation; the same event_id again changes nothing."""
        body = {"conversation_id": conversation_id, "event_id": event_id, "events": [dict(event) for event in events]}
        await self._call(EVENTS_PATH, body)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _call(self, path: str, body: Mapping[str, Any]) -> Any:
        await self._engine.wait_until_ready(self._start_timeout_s)
        began = time.perf_counter()
        outcome = "failed"
        try:
            document = await self._breaker.call_async(self._post, path, body)
            outcome = "answered"
            return document
        except CircuitBreakerError as error:
            outcome = "refused"
            raise EngineError(
                "The engine failed too often; it is left alone for a while.", code="engine_unavailable"
            ) from error
        finally:
            self._metrics.engine_seconds.labels(outcome=outcome).observe(time.perf_counter() - began)

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        try:
            answer = await self._client.post(self._engine.url + path, json=dict(body))
        except httpx.TimeoutException as error:
            raise EngineError("The engine took too long.", code="engine_timeout") from error
        except httpx.TransportError as error:
            self._engine.report_failure()
            raise EngineError("The engine cannot be reached.", code="engine_unavailable") from error
        try:
            document = answer.json()
        except ValueError as error:
            raise EngineError("The engine's answer is not JSON.", code="engine_failed") from error
        if answer.status_code != httpx.codes.OK:
            reason = document.get("code", "unknown") if isinstance(document, dict) else "unknown"
            code = "engine_unavailable" if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else "engine_failed"
            raise EngineError(
                f"The engine answered {answer.status_code} ({reason}).", code=code, status=answer.status_code
            )
        return document


def _to_reply(reply: _Reply) -> AssistantReply:
    messages: list[BotMessage] = []
    effects: list[Effect] = []
    for message in reply.messages:
        custom = message.custom or {}
        if "effect" in custom:
            effects.append(
                Effect(kind=str(custom["effect"]), reason=str(custom.get("reason", "")), evidence=_text_of(custom))
            )
        elif (parsed := _to_message(message, custom)) is not None:
            messages.append(parsed)
    return AssistantReply(
        messages=tuple(messages),
        understanding=_to_understanding(reply.understanding),
        effects=tuple(effects),
        model_id=reply.model_id,
    )


def _text_of(custom: Mapping[str, Any]) -> str:
    return str(custom.get("evidence") or "")


def _to_message(message: _Message, custom: Mapping[str, Any]) -> BotMessage | None:
    text = message.text or str(custom.get("text") or "")
    choices = tuple(Choice(title=button.title, payload=button.payload) for button in message.buttons)
    if not text and not choices:
        return None
    source = custom.get("source") if isinstance(custom.get("source"), dict) else None
    kind = "answer" if source else "choices" if choices else "text"
    return BotMessage(kind=kind, text=text, choices=choices, source=source, data=dict(custom) if custom else None)


def _to_understanding(read: _Understanding) -> Understanding:
    return Understanding(
        intent=IntentScore(read.intent.name or "", read.intent.confidence),
        ranking=tuple(IntentScore(score.name or "", score.confidence) for score in read.ranking[:3]),
        entities=tuple(Entity(e.entity, e.value, e.start, e.end) for e in read.entities),
        sentiment=Sentiment(read.sentiment.label, read.sentiment.score),
        language=read.language,
    )
