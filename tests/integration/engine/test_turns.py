"""Turns over HTTP with a real model: replies, effects, failures, repetitions."""

from __future__ import annotations

import base64
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.engine.action_server import ActionServer, answer_normally
from tests.integration.engine.engine_process import SECRET, Engine

pytestmark = pytest.mark.engine


def texts(answer: httpx.Response) -> list[str]:
    return [message["text"] for message in answer.json()["messages"] if "text" in message]


def test_a_reply_carries_the_understanding(engine: Engine) -> None:
    answer = engine.say("understanding", "m1", "我的订单ab123456还没到，气死我了")

    assert answer.status_code == 200
    reply = answer.json()
    read = reply["understanding"]
    assert read["intent"]["name"] == "ask_order_status"
    assert 0 < read["intent"]["confidence"] <= 1
    assert read["ranking"][0] == read["intent"]
    assert {"entity": "order_number", "value": "AB-123456", "start": 4, "end": 12} in read["entities"]
    assert read["sentiment"]["label"] == "negative"
    assert -1 <= read["sentiment"]["score"] < 0
    assert read["language"] == "zh"
    assert read["text"] == "我的订单ab123456还没到，气死我了"
    assert read["parse_ms"] > 0
    assert reply["model_id"] == engine.get("/status").json()["model_id"]
    assert reply["repeated"] is False


def test_the_language_of_the_message_chooses_the_response(engine: Engine) -> None:
    assert texts(engine.say("language", "m1", "你好")) == ["您好！"]
    english = engine.say("language", "m2", "hello there").json()
    assert english["messages"] == [
        {"text": "Hello!", "buttons": [{"title": "Where is my order?", "payload": "/ask_order_status"}]}
    ]
    assert english["slots"]["language"] == "en"


def test_a_profile_fills_slots_and_a_hint_decides_for_short_messages(engine: Engine) -> None:
    reply = engine.say("profile", "m1", "hi", profile={"name": "林", "language": "zh"}, verified=True).json()

    assert reply["slots"]["customer_name"] == "林"
    assert reply["slots"]["verified"] is True
    assert reply["messages"][0]["text"] == "您好！"


def test_a_form_asks_and_its_action_gets_metadata_and_vector(engine: Engine, actions: ActionServer) -> None:
    asked = engine.say("form", "m1", "where is my order", profile={"name": "Ann"}, verified=False)
    answered = engine.say("form", "m2", "it is ＡＢ－１２３４５６", profile={"name": "Ann"}, verified=False)

    assert texts(asked) == ["What is the order number?"]
    assert answered.json()["messages"] == [
        {"text": "action_show_order for AB-123456"},
        {"custom": {"effect": "handoff", "reason": "policy"}},
    ]
    (call,) = actions.calls
    assert actions.authorizations == [f"Bearer {SECRET}"]
    latest = call["tracker"]["latest_message"]
    assert latest["metadata"]["profile"] == {"name": "Ann"}
    assert latest["metadata"]["message_id"] == "m2"
    assert latest["metadata"]["language"] == "en"
    assert set(latest["metadata"]["sentiment"]) == {"label", "score"}
    assert len(struct.unpack("<512f", base64.b64decode(latest["vector"]))) == 512
    assert latest["vector_encoder"]
    assert "responses" not in call["domain"]


def test_the_same_message_gets_the_same_reply_without_a_second_turn(engine: Engine, actions: ActionServer) -> None:
    first = engine.say("repeat", "m1", "今天天气怎么样").json()
    engine.say("repeat", "m2", "谢谢")
    second = engine.say("repeat", "m1", "今天天气怎么样").json()

    assert first["messages"]
    assert second["messages"] == first["messages"]
    assert second["understanding"] == first["understanding"]
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert len(actions.calls) == 1


def test_one_message_sent_many_times_at_once_runs_once(engine: Engine, actions: ActionServer) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: engine.say("at-once", "m1", "明天会下雨吗"), range(6)))

    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["repeated"] for answer in answers) == [False] + [True] * 5
    assert len(actions.calls) == 1


def test_conversations_do_not_see_each_other(engine: Engine) -> None:
    engine.say("alone-1", "m1", "it is AB-111111")

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: engine.say(f"alone-{n}", "m2", "你好").json(), range(2, 10)))

    assert {reply["slots"]["order_number"] for reply in replies} == {None}


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"error": "boom"}),
        (401, {"code": "unauthorized"}),
        (200, b"not json"),
        (200, {"events": "none"}),
        (200, {"events": [{"event": "nonsense"}], "responses": []}),
        (200, {"events": [], "responses": [{"response": "utter_unknown"}]}),
    ],
    ids=["500", "401", "no json", "wrong shape", "unknown event", "unknown response"],
)
def test_a_failing_action_is_502_and_leaves_no_trace(engine: Engine, actions: ActionServer, answer: Any) -> None:
    conversation = f"failing-{answer[0]}-{len(str(answer[1]))}"
    actions.behave = lambda _call: answer

    failed = engine.say(conversation, "m1", "今天天气怎么样")
    actions.behave = answer_normally
    again = engine.say(conversation, "m1", "今天天气怎么样")

    assert failed.status_code == 502
    assert failed.json()["code"] == "action_failed"
    assert again.status_code == 200
    assert again.json()["repeated"] is False
    users = [event for event in actions.calls[-1]["tracker"]["events"] if event["event"] == "user"]
    assert len(users) == 1


def test_an_action_that_declines_is_no_failure(engine: Engine, actions: ActionServer) -> None:
    actions.behave = lambda call: (400, {"action_name": call["next_action"], "error": "not now"})

    answer = engine.say("declining", "m1", "今天天气怎么样")

    assert answer.status_code == 200
    assert texts(answer) == ["Sorry, I did not get that."]


def test_a_response_without_a_fitting_variation_is_an_error_not_silence(engine: Engine) -> None:
    answer = engine.say("no-variation", "m1", "thank you so much")

    assert answer.status_code == 500
    assert answer.json() == {
        "code": "turn_failed",
        "message": "Response 'utter_thank' has no variation for the present slots.",
    }


def test_silence_that_the_rules_ask_for_is_an_answer(engine: Engine) -> None:
    answer = engine.say("silence", "m1", "请安静")

    assert answer.status_code == 200
    assert answer.json()["messages"] == []


def test_a_button_s_payload_is_an_intent_and_keeps_the_language(engine: Engine) -> None:
    engine.say("payload", "m1", "你好")

    reply = engine.say("payload", "m2", '/inform{"order_number": "CD-222222"}').json()

    assert reply["understanding"]["intent"]["name"] == "inform"
    assert reply["slots"]["order_number"] == "CD-222222"
    assert reply["slots"]["language"] == "zh"


@pytest.mark.parametrize(
    "text", ["/restart", "/no_such_intent", "/", "/inform{broken", "\ud800", "\u0000", "😀" * 200, "a" * 4000]
)
def test_hostile_text_is_answered(engine: Engine, text: str) -> None:
    body = f'{{"message_id": "m-{hash(text)}", "conversation_id": "hostile", "text": {_ascii_json(text)}}}'.encode()

    answer = engine.post("/webhooks/gateway/webhook", body)

    assert answer.status_code == 200
    assert answer.json()["messages"] or answer.json()["understanding"]["intent"]["name"] == "stay_silent"


def test_events_are_appended_once(engine: Engine) -> None:
    engine.say("events", "m1", "where is my order")
    body = {
        "conversation_id": "events",
        "event_id": "e1",
        "events": [
            {"event": "slot", "name": "order_number", "value": "EF-333333"},
            {"event": "slot", "name": "requested_slot", "value": None},
            {"event": "active_loop", "name": None},
        ],
    }

    assert engine.post("/events", body).json() == {"appended": 3, "repeated": False}
    assert engine.post("/events", body).json() == {"appended": 0, "repeated": True}
    reply = engine.say("events", "m2", "hello there").json()
    assert reply["slots"]["order_number"] == "EF-333333"
    assert [message["text"] for message in reply["messages"]] == ["Hello!"]


@pytest.mark.parametrize("event", [{"event": "bot", "text": "x"}, {"event": "nonsense"}, {"event": "slot"}])
def test_events_that_do_not_come_from_outside_are_refused(engine: Engine, event: dict[str, Any]) -> None:
    answer = engine.post("/events", {"conversation_id": "c", "event_id": "e", "events": [event]})

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("path", ["/status", "/metrics"])
@pytest.mark.parametrize("secret", ["x", "wrong", SECRET + "x", "ünïcode"])
def test_reading_needs_the_secret(engine: Engine, path: str, secret: str) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{engine.port}{path}", headers={"Authorization": f"Bearer {secret}".encode()}, timeout=5
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("path", ["/webhooks/gateway/webhook", "/events"])
def test_writing_needs_the_secret(engine: Engine, path: str) -> None:
    answer = engine.post(path, {}, secret="wrong")

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"message_id": "m", "conversation_id": "c", "text": ""}', 400),
        (b'{"message_id": "m", "conversation_id": "c", "text": "%s"}' % (b"a" * 4001), 400),
        (b'{"message_id": "m", "conversation_id": "c", "text": "a", "metadata": 1}', 400),
        (b'{"message_id": "m", "conversation_id": "c", "text": "a", "more": 1}', 400),
        (b"x" * 300_000, 413),
    ],
)
def test_a_bad_body_is_refused_with_a_code(engine: Engine, body: bytes, status: int) -> None:
    answer = engine.post("/webhooks/gateway/webhook", body)

    assert (answer.status_code, answer.json()["code"]) == (status, "bad_request")


def test_an_unknown_path_or_method_is_refused_with_a_code(engine: Engine) -> None:
    assert (engine.get("/model").status_code, engine.get("/model").json()["code"]) == (404, "bad_request")
    assert engine.get("/webhooks/gateway/webhook").status_code == 405


def test_metrics_count_turns_by_outcome(engine: Engine) -> None:
    engine.say("metrics", "m1", "你好")

    lines = engine.get("/metrics").text.splitlines()

    assert any(line.startswith('yiti_engine_turns_total{outcome="answered"} ') for line in lines)
    assert "yiti_engine_ready 1" in lines


def test_nothing_a_customer_says_is_logged(engine: Engine, actions: ActionServer) -> None:
    actions.behave = lambda _call: (500, {})

    engine.say("private", "m1", "今天天气怎么样 zanzibar-private")
    engine.say("private", "m2", "/zanzibar-private{")
    engine.say("private", "m3", "thank you so much zanzibar-private")

    assert "zanzibar" not in engine.log.read_text()


def _ascii_json(text: str) -> str:
    return '"' + "".join(f"\\u{unit:04x}" for unit in _utf16(text)) + '"'


def _utf16(text: str) -> list[int]:
    raw = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(raw[at : at + 2], "little") for at in range(0, len(raw), 2)]
