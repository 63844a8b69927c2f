"""Asks the Rasa engine: the record's `Assistant` and the desk's `AssistantMemory` over HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

import httpx
from circuitbreaker import CircuitBreaker
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conversations.messages import Choice, Content, MessageKind
from conversations.protocols import (
    AssistantReply,
    AssistantRequest,
    Effect,
    Intent,
    Sentiment,
    Understanding,
)
from core.errors import EngineError
from core.ids import ConversationId
from core.logs import get_logger
from core.metrics import Metrics
from handoff.models import Outcome

log = get_logger(__name__)

TURN_PATH = "/webhooks/gateway/webhook"
EVENTS_PATH = "/events"
FRESH_START: tuple[Mapping[str, Any], ...] = (
    {"event": "active_loop", "name": None},
    {"event": "slot", "name": "requested_slot", "value": None},
    {"event": "slot", "name": "n_failures", "value": 0},
)
FAILURES_TO_OPEN = 5
OPEN_S = 10


class EngineHandle(Protocol):
    """Where the engine is and whether it can be asked."""

    @property
    def url(self) -> str:
        """Return the engine's address."""
        ...

    async def wait_until_ready(self, timeout_s: float) -> None:
        """Wait while the engine is starting; raise EngineError when it is down."""
        ...

    def report_failure(self) -> None:
        """Be told that a request found nobody listening."""
        ...


class RemoteEngine:
    """An engine that somebody else starts and watches; it is asked without waiting."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @property
    def url(self) -> str:
        """The engine's address."""
        return self._url

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
    label: str
    score: float = Field(ge=-1.0, le=1.0)


class _Understanding(_Loose):
    text: str = ""
    intent: _Scored = _Scored()
    ranking: tuple[_Scored, ...] = ()
    entities: tuple[_Entity, ...] = ()
    sentiment: _Sentiment | None = None
    language: str = "other"
    parse_ms: float | None = None


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
        self,
        engine: EngineHandle,
        secret: str,
        metrics: Metrics,
        *,
        timeout_s: float,
        start_timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._start_timeout_s = start_timeout_s
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, connect=2.0),
            headers={"Authorization": f"Bearer {secret}"},
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
            transport=transport,
        )
        self._breaker = CircuitBreaker(
            failure_threshold=FAILURES_TO_OPEN, recovery_timeout=OPEN_S, expected_exception=_is_engine_s, name="engine"
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

    async def reset_after_handoff(self, conversation_id: ConversationId, outcome: Outcome, *, event_id: str) -> None:
        """Leave open forms and forget counted failures; the same event_id again changes nothing.

        Raises:
            EngineError: the engine could not be told now.
        """
        body = {"conversation_id": conversation_id, "event_id": event_id, "events": list(FRESH_START)}
        await self._call(EVENTS_PATH, body)
        log.info("engine.reset_after_handoff", conversation_id=conversation_id, outcome=outcome.value)

    async def check(self) -> str:
        """Return "ready", or what state the engine says it is in; "unreachable" when it says nothing."""
        if not self._engine.url:
            return "starting"
        try:
            answer = await self._client.get(f"{self._engine.url}/status", timeout=2.0)
            state: str = answer.json()["state"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return "unreachable"
        self._metrics.engine_up.set(state == "ready")
        return state

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _call(self, path: str, body: Mapping[str, Any]) -> Any:
        await self._engine.wait_until_ready(self._start_timeout_s)
        began = time.perf_counter()
        outcome = "failed"
        try:
            if self._breaker.opened:  # call_async does not look
                outcome = "refused"
                raise EngineError(
                    "The engine failed too often; it is left alone for a while.", code="engine_unavailable"
                )
            document = await self._breaker.call_async(self._post, path, body)
            outcome = "answered"
            return document
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


def _is_engine_s(_kind: type[BaseException], error: BaseException) -> bool:
    """Tell a failure of the engine from one of a single turn: those must not close it to everybody else."""
    return isinstance(error, EngineError) and error.code in {"engine_timeout", "engine_unavailable"}


def _to_reply(reply: _Reply) -> AssistantReply:
    effects = [_to_effect(message.custom) for message in reply.messages if _is_effect(message)]
    messages = [_to_content(message) for message in reply.messages if not _is_effect(message)]
    return AssistantReply(
        messages=[message for message in messages if message is not None],
        understanding=_to_understanding(reply.understanding),
        effects=effects,
        model_id=reply.model_id,
    )


def _is_effect(message: _Message) -> bool:
    return "effect" in (message.custom or {})


def _to_effect(custom: Mapping[str, Any] | None) -> Effect:
    asked = dict(custom or {})
    return Effect(kind=str(asked.pop("effect")), data=asked)


def _to_content(message: _Message) -> Content | None:
    custom = message.custom or {}
    text = message.text or str(custom.get("text") or "")
    choices = tuple(Choice(title=button.title, payload=button.payload) for button in message.buttons)
    if not text and not choices:
        return None
    match custom.get("kind"):
        case "answer":
            return Content(text, MessageKind.ANSWER, choices, source=custom.get("source"), quote=custom.get("quote"))
        case "card":
            return Content(text, MessageKind.CARD, choices, card=custom)
        case _:
            return Content(text, MessageKind.CHOICES if choices else MessageKind.TEXT, choices)


def _to_understanding(read: _Understanding) -> Understanding:
    return Understanding(
        text=read.text,
        intent=Intent(read.intent.name, read.intent.confidence) if read.intent.name else None,
        ranking=tuple(Intent(score.name, score.confidence) for score in read.ranking if score.name),
        entities=tuple(entity.model_dump() for entity in read.entities),
        sentiment=Sentiment(read.sentiment.label, read.sentiment.score) if read.sentiment else None,
        language=read.language,
        parse_ms=read.parse_ms,
    )
