"""The engine's client against an engine that misbehaves in each way it can."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from conversations.messages import MessageKind
from conversations.protocols import AssistantRequest
from core.errors import EngineError
from core.ids import ConversationId, MessageId
from core.metrics import Metrics
from handoff.models import Outcome
from server.engine_client import EngineClient, RemoteEngine

SECRET = "shared-with-the-engine"
REQUEST = AssistantRequest(MessageId("m1"), ConversationId("c1"), "你好", {"language_hint": "zh"})
GOOD: dict[str, Any] = {
    "messages": [
        {"text": "您好", "buttons": [{"title": "查订单", "payload": "/ask_order_status"}]},
        {"custom": {"kind": "answer", "text": "满 99 元包邮", "quote": "满 99 元包邮", "source": {"article_id": "a"}}},
        {"custom": {"effect": "handoff", "reason": "complaint", "evidence": "气死了"}},
        {"text": ""},
    ],
    "understanding": {
        "text": "你好",
        "intent": {"name": "greet", "confidence": 0.9},
        "ranking": [{"name": "greet", "confidence": 0.9}],
        "entities": [{"entity": "product", "value": "耳机", "start": 0, "end": 2}],
        "sentiment": {"label": "negative", "score": -0.5},
        "language": "zh",
        "parse_ms": 3.2,
    },
    "slots": {},
    "model_id": "m-1",
    "repeated": False,
}


class FakeEngine(ThreadingHTTPServer):
    """Answers what it is told to and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body, self.delay_s = 200, json.dumps(GOOD), 0.0
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeEngine

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers["authorization"], body))
        time.sleep(self.server.delay_s)
        answer = self.server.body.encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    server = FakeEngine()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
async def client(engine: FakeEngine) -> AsyncIterator[EngineClient]:
    client = EngineClient(RemoteEngine(engine.url), SECRET, Metrics(), timeout_s=0.5, start_timeout_s=1)
    yield client
    await client.close()


async def test_a_reply_becomes_messages_effects_and_understanding(engine: FakeEngine, client: EngineClient) -> None:
    reply = await client.answer(REQUEST)

    assert [(message.kind, message.text) for message in reply.messages] == [
        (MessageKind.CHOICES, "您好"),
        (MessageKind.ANSWER, "满 99 元包邮"),
    ]
    assert [(effect.kind, effect.data) for effect in reply.effects] == [
        ("handoff", {"reason": "complaint", "evidence": "气死了"})
    ]
    assert reply.understanding.intent is not None
    assert (reply.understanding.intent.name, reply.understanding.language, reply.model_id) == ("greet", "zh", "m-1")
    path, authorization, body = engine.asked[0]
    assert (path, authorization) == ("/webhooks/gateway/webhook", f"Bearer {SECRET}")
    assert body == {
        "message_id": "m1",
        "conversation_id": "c1",
        "text": "你好",
        "metadata": {"language_hint": "zh"},
    }


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (500, '{"code": "turn_failed", "message": "x"}', "engine_failed"),
        (502, '{"code": "action_failed", "message": "x"}', "engine_failed"),
        (503, '{"code": "not_ready", "message": "x"}', "engine_unavailable"),
        (200, "[]", "engine_failed"),
        (200, "<html>", "engine_failed"),
        (200, '{"messages": []}', "engine_failed"),
        (
            200,
            '{"messages": [], "understanding": {"sentiment": {"label": "x", "score": 7}}, "model_id": "m"}',
            "engine_failed",
        ),
    ],
)
async def test_every_failure_is_an_engine_error_and_never_an_empty_reply(
    engine: FakeEngine, client: EngineClient, status: int, body: str, code: str
) -> None:
    engine.status, engine.body = status, body

    with pytest.raises(EngineError) as caught:
        await client.answer(REQUEST)

    assert caught.value.code == code


async def test_a_slow_engine_is_not_waited_for(engine: FakeEngine, client: EngineClient) -> None:
    engine.delay_s = 2

    with pytest.raises(EngineError, match="took too long") as caught:
        await client.answer(REQUEST)

    assert caught.value.code == "engine_timeout"


async def test_nobody_listening_is_unavailable() -> None:
    client = EngineClient(RemoteEngine("http://127.0.0.1:9"), SECRET, Metrics(), timeout_s=1, start_timeout_s=1)

    with pytest.raises(EngineError) as caught:
        await client.answer(REQUEST)

    assert caught.value.code == "engine_unavailable"
    assert await client.check() == "unreachable"
    await client.close()


async def test_a_hand_back_leaves_forms_and_forgets_failures(engine: FakeEngine, client: EngineClient) -> None:
    engine.body = "{}"

    await client.reset_after_handoff(ConversationId("c1"), Outcome.HANDED_BACK, event_id="h1")

    path, _, body = engine.asked[0]
    assert (path, body["event_id"]) == ("/events", "h1")
    assert {"event": "active_loop", "name": None} in body["events"]
