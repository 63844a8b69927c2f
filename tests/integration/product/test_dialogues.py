"""Whole dialogues in both languages, held with the real product over the web channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.customer import Customer, Event
from tests.integration.product.desk import Desk
from tests.integration.product.dialogues import Dialogue, DialogueTurn, read_dialogues
from tests.product import Product


@pytest.mark.engine
@pytest.mark.parametrize("dialogue", read_dialogues(), ids=lambda dialogue: f"{dialogue.language}: {dialogue.name}")
async def test_a_dialogue_goes_as_written(product: Product, agents: list[str], dialogue: Dialogue) -> None:
    heard: list[Event] = []
    async with (
        Customer(product.url, dialogue.language, widget=dialogue.widget) as customer,
        Desk(product.url, agents[0]) as desk,
    ):
        await customer.open(dialogue.user_token())
        for number, turn in enumerate(dialogue.turns, start=1):
            accepted = await _hold(customer, turn, heard)
            heard = await customer.answers_to(accepted["msg_id"])

            reason = await _handed_over_for(customer, desk, accepted["conversation"])
            faults = [*_faults(turn, heard), *_handoff_faults(turn, reason)]
            assert not faults, f"turn {number}: {'; '.join(faults)}\n{_transcript(customer.events)}"


async def _hold(customer: Customer, turn: DialogueTurn, heard: Sequence[Event]) -> dict[str, str]:
    """Say what the turn says, or press one of the buttons last offered."""
    if turn.says is not None:
        return await customer.say(turn.says)
    title, payload = next(
        ((title, payload) for title, payload in _choices(heard) if turn.presses in title),
        (None, None),
    )
    assert title is not None, f"no button {turn.presses!r} in\n{_transcript(customer.events)}"
    return await customer.choose(title, payload)


async def _handed_over_for(customer: Customer, desk: Desk, conversation_id: str) -> str | None:
    """Return the reason of the conversation's handoff; the customer is told of it in the turn's own transaction."""
    if not any(event["type"] == "handoff_opened" for event in customer.events):
        return None
    case = await desk.get(conversation_id)
    assert case["conversation"]["owner"]["kind"] == "queue"
    return str(case["handoff"]["reason"]["code"])


def _faults(turn: DialogueTurn, heard: Sequence[Event]) -> Iterator[str]:
    said = "\n".join(_words(event) for event in heard)
    offered = [title for title, _ in _choices(heard)]
    quoted = [event["data"]["source"]["article_id"] for event in heard if event["data"].get("source")]
    yield from (f"did not hear {part!r}" for part in turn.hears if part not in said)
    yield from (f"heard {part!r}" for part in turn.hears_not if part in said)
    yield from (f"was not offered {part!r}" for part in turn.offers if not any(part in title for title in offered))
    if turn.quotes is not None and not any(turn.quotes in article_id for article_id in quoted):
        yield f"{turn.quotes!r} was not quoted, but {quoted}"


def _handoff_faults(turn: DialogueTurn, reason: str | None) -> Iterator[str]:
    if reason != turn.handoff:
        yield f"handed over for {reason}, not for {turn.handoff}"


def _words(event: Event) -> str:
    return "\n".join(str(event["data"][part]) for part in ("text", "quote", "card") if event["data"].get(part))


def _choices(heard: Sequence[Event]) -> list[tuple[str, str]]:
    return [(choice["title"], choice["payload"]) for event in heard for choice in event["data"].get("choices") or ()]


def _transcript(events: Sequence[Event]) -> str:
    lines = []
    for event in events:
        if event["type"] == "message":
            buttons = "".join(f" [{title}]" for title, _ in _choices([event]))
            source = event["data"].get("source") or {}
            cited = f" <{source['article_id']}>" if source else ""
            lines.append(f"{event['data']['author']['kind']:>9}: {_words(event)}{buttons}{cited}")
        else:
            lines.append(f"{'-':>9}: {event['type']}")
    return "\n".join(lines)
