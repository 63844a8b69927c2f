"""The HTTP gateway against a merchant that misbehaves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr

from actions.order_gateways.http import ATTEMPTS, HttpShop
from actions.orders import OrderState
from core.errors import ConflictError, NotFoundError, ProviderError
from tests.contract.actions.merchant import TOKEN, Merchant
from tests.unit.actions.in_memory_shop import InMemoryShop, make_order


@pytest_asyncio.fixture
async def merchant() -> AsyncIterator[Merchant]:
    orders = [make_order("AB-123456"), make_order("AB-222222", OrderState.PAID)]
    async with Merchant(InMemoryShop(orders)).running() as running:
        yield running


@pytest_asyncio.fixture
async def shop(merchant: Merchant) -> AsyncIterator[HttpShop]:
    client = HttpShop(merchant.url, SecretStr(TOKEN), timeout_s=0.3, wait_initial_s=0.01)
    yield client
    await client.close()


@pytest.mark.parametrize("trouble", [500, 503, 429, "slow"])
async def test_a_passing_trouble_is_tried_again(merchant: Merchant, shop: HttpShop, trouble: int | str) -> None:
    merchant.next_answers = [trouble]

    order = await shop.get_order("AB-123456")

    assert order.order_number == "AB-123456"
    assert len(merchant.seen) == 2


@pytest.mark.parametrize("trouble", [500, "slow"])
async def test_a_lasting_trouble_is_a_provider_error(merchant: Merchant, shop: HttpShop, trouble: int | str) -> None:
    merchant.next_answers = [trouble] * 10

    with pytest.raises(ProviderError, match="shop's system"):
        await shop.get_order("AB-123456")

    assert len(merchant.seen) == ATTEMPTS


async def test_the_merchants_retry_after_is_passed_on(merchant: Merchant, shop: HttpShop) -> None:
    merchant.next_answers = [429] * 10

    with pytest.raises(ProviderError, match="answers 429") as caught:
        await shop.get_order("AB-123456")

    assert caught.value.retry_after_s == 30.0


@pytest.mark.parametrize("trouble", ["broken", "wrong"])
async def test_an_answer_against_the_contract_is_named_and_not_tried_again(
    merchant: Merchant, shop: HttpShop, trouble: str
) -> None:
    merchant.next_answers = [trouble]

    with pytest.raises(ProviderError, match="not what its contract says") as caught:
        await shop.get_order("AB-123456")

    assert caught.value.code == "shop_bad_answer"
    assert len(merchant.seen) == 1


async def test_a_refusal_is_no_missing_order(merchant: Merchant) -> None:
    shop = HttpShop(merchant.url, SecretStr("wrong"), wait_initial_s=0.01)

    with pytest.raises(ProviderError, match="refuses our call with 401"):
        await shop.get_order("AB-123456")

    await shop.close()


async def test_404_and_409_are_said_at_once(merchant: Merchant, shop: HttpShop) -> None:
    with pytest.raises(NotFoundError):
        await shop.get_order("ZZ-999999")
    with pytest.raises(ConflictError):
        await shop.cancel_order("AB-123456", idempotency_key="m-1")

    assert len(merchant.seen) == 2


async def test_a_write_tried_again_carries_the_same_key_and_happens_once(merchant: Merchant, shop: HttpShop) -> None:
    merchant.next_answers = [502]

    order = await shop.cancel_order("AB-222222", idempotency_key="m-7")

    assert order.state is OrderState.CANCELLED
    assert [key for _, _, key in merchant.seen] == ["m-7", "m-7"]


async def test_an_order_number_cannot_climb_to_another_path(merchant: Merchant, shop: HttpShop) -> None:
    with pytest.raises((NotFoundError, ProviderError)):
        await shop.get_order("../customers/c-1/orders")

    assert all(path.startswith("/orders/") for _, path, _ in merchant.seen)


async def test_nobody_listening_is_a_provider_error() -> None:
    shop = HttpShop("http://127.0.0.1:9", SecretStr(TOKEN), timeout_s=0.3, wait_initial_s=0.01)

    with pytest.raises(ProviderError, match="cannot be reached"):
        await shop.get_order("AB-123456")

    await shop.close()
