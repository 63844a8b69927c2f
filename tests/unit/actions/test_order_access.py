from __future__ import annotations

from typing import Any

import pytest
from rasa_sdk import Tracker

from actions.order_access import MOST_WRONG_PROOFS, WRONG_PROOFS_COUNT_FOR, OrderAccess
from actions.turn import Turn
from core.clock import FrozenClock
from core.errors import NotFoundError
from tests.unit.actions.in_memory_shop import InMemoryShop, make_order


def _turn(**metadata: Any) -> Turn:
    message = {"text": "", "intent": {}, "entities": [], "metadata": {"message_id": "m", **metadata}}
    return Turn.from_tracker(Tracker("c", {}, message, [], False, None, {}, "action_listen"))


def _owner(shop_customer_id: str, *, verified: bool = True) -> Turn:
    return _turn(verified=verified, customer_id="x", profile={"shop_customer_id": shop_customer_id})


async def test_a_profile_that_was_not_proved_opens_nothing() -> None:
    access = OrderAccess(InMemoryShop([make_order("AB-123456")]), FrozenClock())

    with pytest.raises(NotFoundError, match="No order of this customer"):
        await access.get("AB-123456", _owner("c-1", verified=False), None)


async def test_the_phone_does_not_open_anothers_order_to_a_signed_in_customer() -> None:
    access = OrderAccess(InMemoryShop([make_order("AB-123456")]), FrozenClock())

    with pytest.raises(NotFoundError, match="No order of this customer"):
        await access.get("AB-123456", _owner("c-2"), "5678")


async def test_guessing_the_phone_is_stopped_even_for_the_right_guess() -> None:
    clock = FrozenClock()
    access = OrderAccess(InMemoryShop([make_order("AB-123456")]), clock)
    for guess in range(MOST_WRONG_PROOFS):
        with pytest.raises(NotFoundError):
            await access.get("AB-123456", _turn(), f"000{guess}")

    with pytest.raises(NotFoundError):
        await access.get("AB-123456", _turn(), "5678")
    clock.advance(WRONG_PROOFS_COUNT_FOR.total_seconds() + 1)

    assert (await access.get("AB-123456", _turn(), "5678")).order_number == "AB-123456"
