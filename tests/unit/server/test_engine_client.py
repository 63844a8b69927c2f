"""The circuit breaker before the engine: what opens it, and what it spares the customer."""

from __future__ import annotations

import httpx
import pytest

from conversations.protocols import AssistantRequest
from core.errors import EngineError
from core.ids import ConversationId, MessageId
from core.metrics import Metrics
from server.engine_client import FAILURES_TO_OPEN, EngineClient, RemoteEngine

REPLY = {"messages": [{"text": "Hello."}], "understanding": {}, "model_id": "m-1"}
REQUEST = AssistantRequest(MessageId("m-1"), ConversationId("c-1"), "hello")


class Engine:
    """Answers with a status, or not at all while `status` is None; counts who asked."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.n_asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.n_asked += 1
        if self.status is None:
            raise httpx.ReadTimeout("nothing came", request=request)
        return httpx.Response(self.status, json=REPLY if self.status == 200 else {"code": "turn_failed"})


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def client(engine: Engine) -> EngineClient:
    return EngineClient(
        RemoteEngine("http://engine"),
        "s" * 32,
        Metrics(),
        timeout_s=1,
        start_timeout_s=1,
        transport=httpx.MockTransport(engine),
    )


async def _code(client: EngineClient) -> str | None:
    try:
        await client.answer(REQUEST)
    except EngineError as error:
        return error.code
    return None


async def test_an_engine_that_does_not_answer_is_left_alone_after_a_while(client: EngineClient, engine: Engine) -> None:
    engine.status = None

    codes = [await _code(client) for _ in range(FAILURES_TO_OPEN + 3)]

    assert codes == ["engine_timeout"] * FAILURES_TO_OPEN + ["engine_unavailable"] * 3
    assert engine.n_asked == FAILURES_TO_OPEN


async def test_one_answer_between_failures_keeps_the_engine_in_use(client: EngineClient, engine: Engine) -> None:
    for _ in range(3):
        engine.status = None
        await _code(client)
        await _code(client)
        engine.status = 200
        assert await _code(client) is None


async def test_messages_that_the_engine_fails_on_close_it_to_nobody_else(client: EngineClient, engine: Engine) -> None:
    engine.status = 500
    codes = [await _code(client) for _ in range(2 * FAILURES_TO_OPEN)]
    engine.status = 200

    assert set(codes) == {"engine_failed"}
    assert await _code(client) is None
