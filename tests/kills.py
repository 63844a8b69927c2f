"""Kills the server at random moments of turns, and counts what became of each customer's message."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import httpx

from core.ids import new_id
from tests.customer import Customer
from tests.product import Product

LATEST_KILL_S = 0.6
ANSWER_TIMEOUT_S = 90.0
RESENDS = 200


@dataclass
class KillCount:
    """What became of the messages; `lost`, `doubled`, `unanswered` and `answered_twice` must stay 0."""

    kills: int = 0
    sent: int = 0
    resent: int = 0
    stored: int = 0
    answered: int = 0
    lost: int = 0
    doubled: int = 0
    unanswered: int = 0
    answered_twice: int = 0
    doubled_turns: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Say whether nothing was lost and nothing doubled."""
        return not (self.lost or self.doubled or self.unanswered or self.answered_twice or self.doubled_turns)


async def kill_at_random(
    product: Product, kills: int, seed: int, texts: list[str], show: Callable[[str], None] = lambda _line: None
) -> KillCount:
    """Send one message per kill, kill the server 0 to 0.6 s after it set out, start it again, and go on.

    The customer behaves as the widget does: a message without an acknowledgement is sent again with the same
    client_msg_id. Each message is its own conversation's next one; four customers take turns.
    """
    dice = random.Random(seed)
    count = KillCount()
    async with Customer(product.url) as a, Customer(product.url, "en") as b, Customer(product.url) as c:
        customers = [a, b, c]
        sent: dict[Customer, list[str]] = {customer: [] for customer in customers}
        for customer in customers:
            await customer.open()
        for number in range(kills):
            customer = customers[number % len(customers)]
            client_id, text = new_id(), texts[number % len(texts)]
            sent[customer].append(client_id)
            count.sent += 1
            sending = asyncio.create_task(_send_until_acknowledged(customer, text, client_id, count))
            await asyncio.sleep(dice.uniform(0, LATEST_KILL_S))
            product.kill()
            count.kills += 1
            await asyncio.to_thread(product.start)
            await sending
            show(f"kill {number + 1} of {kills}")
        for customer in customers:
            await _check(customer, sent[customer], count)
    count.doubled_turns = count_doubled_turns(product)
    return count


def count_doubled_turns(product: Product) -> int:
    """Count the messages whose turn was written more than once, in the record itself."""
    with closing(sqlite3.connect(product.home / "yiti.db")) as record:
        rows = record.execute(
            "SELECT count(*) FROM conversation_events WHERE type = 'understood' "
            "GROUP BY json_extract(data, '$.message_id') HAVING count(*) > 1"
        ).fetchall()
    return len(rows)


async def _send_until_acknowledged(customer: Customer, text: str, client_id: str, count: KillCount) -> None:
    for attempt in range(RESENDS):
        try:
            answer = await customer.post(text, client_id)
            if answer.status_code in (httpx.codes.OK, httpx.codes.CREATED):
                return
        except httpx.TransportError:
            pass
        count.resent += attempt > 0
        await asyncio.sleep(0.5)
    raise AssertionError(f"A message was not acknowledged after {RESENDS} tries.")


async def _check(customer: Customer, client_ids: list[str], count: KillCount) -> None:
    deadline = asyncio.get_running_loop().time() + ANSWER_TIMEOUT_S
    while asyncio.get_running_loop().time() < deadline:
        await customer.read(wait_s=2.0)
        stored = _stored(customer)
        turns = _turns_answered(customer)
        if all(turns[stored[client_id][0]] for client_id in client_ids if client_id in stored):
            break
    await customer.read(wait_s=1.0)
    stored, turns = _stored(customer), _turns_answered(customer)
    for client_id in client_ids:
        ids = stored.get(client_id, [])
        count.stored += bool(ids)
        count.lost += not ids
        count.doubled += len(ids) > 1
        n_turns = sum(turns[message_id] for message_id in ids)
        count.answered += n_turns >= 1
        count.unanswered += n_turns == 0
        count.answered_twice += _is_answered_twice(customer, ids)


def _stored(customer: Customer) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for event in customer.events:
        data = event["data"]
        if event["type"] == "message" and data["author"]["kind"] == "customer":
            found.setdefault(data["client_msg_id"], []).append(data["message_id"])
    return found


def _turns_answered(customer: Customer) -> Counter[str]:
    return Counter({event["data"]["in_reply_to"]: 1 for event in customer.events if _is_reply(event)})


def _is_answered_twice(customer: Customer, message_ids: list[str]) -> bool:
    """Say whether some answer to a message was given twice: the same words, in reply to the same message."""
    said = Counter(
        (event["data"]["in_reply_to"], event["data"]["text"])
        for event in customer.events
        if _is_reply(event) and event["data"]["in_reply_to"] in message_ids
    )
    return any(n > 1 for n in said.values())


def _is_reply(event: dict[str, object]) -> bool:
    data = event["data"]
    return (
        event["type"] == "message"
        and isinstance(data, dict)
        and data["author"]["kind"] != "customer"
        and bool(data.get("in_reply_to"))
    )
