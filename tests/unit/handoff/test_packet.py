from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import handoff
from conversations.conversation import Conversation
from conversations.events import ConversationEvent, EventType
from conversations.inbound import Channel, Sender
from conversations.owner import Owner
from conversations.protocols import HandoffRequest
from core.ids import ConversationId
from handoff.packet import Packet, make_packet, packet_schema

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SCHEMA_FILE = Path(handoff.__file__).parent / "packet.schema.json"
CONVERSATION = Conversation(
    id=ConversationId("c-1"),
    channel=Channel.WEB,
    account="shop",
    conversation_key="v-1",
    sender=Sender("visitor", "v-1"),
    owner=Owner.QUEUE,
    token=2,
    agent_name=None,
    customer_id=None,
    customer_name=None,
    customer_verified=False,
    customer_tier=None,
    customer_language=None,
    language="zh",
    reason_code=None,
    reason_evidence=None,
    waiting_since=NOW,
    last_message=None,
    last_seq=0,
    n_unread=0,
    mood=None,
    created_at=NOW,
    updated_at=NOW,
)


class Log:
    """Builds a conversation's events."""

    def __init__(self) -> None:
        self.events: list[ConversationEvent] = []

    def add(self, kind: EventType, **data: Any) -> Log:
        self.events.append(ConversationEvent(ConversationId("c-1"), len(self.events) + 1, kind, NOW, data))
        return self

    def customer(self, text: str, intent: str | None = "greet", *, score: float | None = None, **more: Any) -> Log:
        message_id = f"m-{len(self.events) + 1}"
        self.add(EventType.MESSAGE, message_id=message_id, author={"kind": "customer"}, text=text, state="received")
        reading = {"name": intent, "confidence": 0.8} if intent else None
        sentiment = None if score is None else {"label": "negative", "score": score}
        return self.add(
            EventType.UNDERSTOOD,
            **{
                "message_id": message_id,
                "intent": reading,
                "ranking": [reading] if reading else [],
                "entities": [],
                "sentiment": sentiment,
                "language": "zh",
                "model_id": "model-1",
                **more,
            },
        )

    def bot(self, text: str, **more: Any) -> Log:
        author = {"kind": "bot"}
        return self.add(
            EventType.MESSAGE, message_id=f"m-{len(self.events) + 1}", author=author, text=text, state="sent", **more
        )


def packet_of(log: Log) -> Packet:
    return make_packet(
        handoff_id="h-1",
        conversation=CONVERSATION,
        request=HandoffRequest("customer_asked", "customer", "转人工"),
        events=log.events,
        profile=None,
        follows=None,
        at=NOW,
    )


def test_the_published_schema_is_the_models() -> None:
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == packet_schema()


def test_the_published_schema_refuses_what_it_does_not_name() -> None:
    schema = packet_schema()

    assert schema["properties"]["version"]["const"] == 1
    assert all(
        part["additionalProperties"] is False for part in [schema, *schema["$defs"].values()] if "properties" in part
    )


def test_a_stored_packet_is_read_again_as_it_was() -> None:
    packet = packet_of(Log().customer("你好").bot("您好"))

    assert Packet.model_validate(json.loads(packet.model_dump_json())) == packet


def test_an_empty_conversation_has_a_packet_too() -> None:
    packet = packet_of(Log())

    assert (packet.known, packet.tried, packet.mood, packet.understanding) == ([], [], [], [])
    assert (packet.mood_trend, packet.model_id, packet.n_customer_messages) == ("unknown", None, 0)
    assert packet.goal.en == "The customer has not yet said what they need."


def test_a_fact_given_twice_counts_as_it_was_given_last() -> None:
    def order(number: str) -> list[dict[str, Any]]:
        return [{"entity": "order_number", "value": number}]

    log = Log().customer("a", entities=order("AB-1")).customer("b", entities=order("AB-2"))

    (fact,) = packet_of(log).known

    assert (fact.slot, fact.value, fact.message_id) == ("order_number", "AB-2", "m-3")


@pytest.mark.parametrize(
    ("reaction", "received"),
    [
        (lambda log: log, "unanswered"),
        (lambda log: log.customer("谢谢", "thank"), "accepted"),
        (lambda log: log.customer("不对", "deny"), "rejected"),
        (lambda log: log.customer("人工", "talk_to_human"), "rejected"),
        (lambda log: log.customer("垃圾", "greet", score=-0.8), "rejected"),
        (lambda log: log.customer("发票呢", "request_invoice"), "ignored"),
        (lambda log: log.customer("？？", None), "ignored"),
    ],
)
def test_how_an_answer_was_received_is_read_from_what_came_next(reaction: Any, received: str) -> None:
    log = reaction(Log().customer("怎么退货").bot("请看这里", source={"article_id": "a", "title": "退货"}))

    tried = packet_of(log).tried

    assert tried[0].received == received
    assert tried[0].article is not None
    assert tried[0].article.title == "退货"


def test_what_was_never_sent_was_not_tried() -> None:
    log = Log().customer("你好")
    log.add(EventType.MESSAGE, message_id="m-9", author={"kind": "bot"}, text="late", state="dropped_late")

    assert packet_of(log).tried == []


@pytest.mark.parametrize(
    ("scores", "trend"),
    [
        ([], "unknown"),
        ([-0.5], "unknown"),
        ([0.2, -0.6], "falling"),
        ([-0.6, 0.2], "rising"),
        ([0.0, 0.1, 0.0, 0.1, 0.0], "steady"),
        ([0.5, 0.4, -0.3, -0.5, -0.6], "falling"),
    ],
)
def test_the_trend_of_the_mood(scores: list[float], trend: str) -> None:
    log = Log()
    for score in scores:
        log.customer("…", score=score)

    packet = packet_of(log)

    assert packet.mood_trend == trend
    assert [point.score for point in packet.mood] == scores


def test_a_packet_takes_nothing_unknown() -> None:
    document = json.loads(packet_of(Log()).model_dump_json())

    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Packet.model_validate({**document, "secret": 1})
