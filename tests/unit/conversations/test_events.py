from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from conversations.events import Audience, ConversationEvent, EventType, customer_view
from core.ids import ConversationId

AT = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)


def event(kind: EventType, data: dict[str, Any], audience: Audience = Audience.EVERYONE) -> ConversationEvent:
    return ConversationEvent(ConversationId("c"), 7, kind, AT, data, audience)


def seen(kind: EventType, /, **data: Any) -> dict[str, Any] | None:
    view = customer_view(event(kind, data))
    return view["data"] if view else None


def test_the_wire_form_has_number_type_moment_and_data() -> None:
    elsewhere = ConversationEvent(
        ConversationId("c"), 7, EventType.CLOSED, AT.astimezone(timezone(timedelta(hours=8))), {}
    )

    assert elsewhere.as_json() == {"seq": 7, "type": "closed", "at": "2026-01-02T03:04:05.678Z", "data": {}}


@pytest.mark.parametrize("kind", [EventType.UNDERSTOOD, EventType.NOTE, EventType.CUSTOMER_LINKED])
def test_customers_never_see_the_desks_types_whatever_their_audience(kind: EventType) -> None:
    assert customer_view(event(kind, {"text": "难缠", "author": {"kind": "agent"}})) is None


@pytest.mark.parametrize("kind", list(EventType))
def test_customers_never_see_what_is_for_the_desk(kind: EventType) -> None:
    assert customer_view(event(kind, {"message_id": "m"}, Audience.DESK)) is None


def test_customers_see_an_agents_name_and_no_id() -> None:
    author = {"kind": "agent", "id": "a" * 32, "name": "小林"}

    data = seen(EventType.MESSAGE, message_id="m", author=author, kind="text", text="你好", state="sent")

    assert data == {
        "message_id": "m",
        "author": {"kind": "agent", "name": "小林"},
        "kind": "text",
        "text": "你好",
        "state": "sent",
    }


def test_customers_see_no_message_dropped_as_late_and_no_word_of_it() -> None:
    assert seen(EventType.MESSAGE, author={"kind": "bot"}, state="dropped_late") is None
    assert seen(EventType.STATUS, message_id="m", state="dropped_late") is None


def test_customers_see_that_a_message_failed_and_not_why() -> None:
    assert seen(EventType.STATUS, message_id="m", state="failed", reason="blocked by user") == {
        "message_id": "m",
        "state": "failed",
    }


def test_customers_see_only_the_kind_of_an_owner() -> None:
    agent = {"id": "lin", "name": "Lin Internal"}

    data = seen(EventType.OWNER_CHANGED, **{"from": "queue", "to": "agent:lin"}, token=3, cause="taken", agent=agent)

    assert data == {"from": "queue", "to": "agent"}


def test_customers_see_their_place_and_not_the_reason_of_a_handoff() -> None:
    reason = {"code": "negative_mood", "evidence": "very angry"}

    assert seen(EventType.HANDOFF_OPENED, handoff_id="h", reason=reason, position=2) == {"position": 2}
    assert seen(EventType.HANDOFF_ENDED, handoff_id="h", outcome="abusive") == {}
    assert seen(EventType.AGENT_JOINED, agent={"id": "lin", "name": "小林"}) == {"agent": {"name": "小林"}}
