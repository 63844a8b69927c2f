"""What every order gateway promises, on the demo shop, the HTTP client and the shop in memory.

Each has the same shop: c-1001 with one shipped, one delivered and one unpaid order and two coupons.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from pydantic import SecretStr

from actions.order_gateways.demo import DemoShop
from actions.order_gateways.http import HttpShop
from actions.orders import CaseState, Coupon, LocalText, OrderState, ServiceKind
from actions.ports import OrderGateway, ProductCatalog
from core.clock import FrozenClock
from core.errors import ConflictError, NotFoundError
from tests.contract.actions.merchant import TOKEN, Merchant
from tests.unit.actions.in_memory_shop import NOW, InMemoryShop, make_order

SHIPPED, DELIVERED, PAID = "AB-100001", "AB-100002", "AB-100003"


class Shop(OrderGateway, ProductCatalog, Protocol):
    """Both of what a shop offers."""


def _in_memory() -> InMemoryShop:
    coupons = [
        Coupon("LATER", LocalText("满减", "Off"), date(2026, 4, 1)),
        Coupon("SOON", LocalText("免运费", "Free delivery"), date(2026, 3, 12)),
    ]
    orders = [
        make_order(SHIPPED, customer="c-1001"),
        make_order(DELIVERED, OrderState.DELIVERED, customer="c-1001"),
        make_order(PAID, OrderState.PAID, customer="c-1001"),
        make_order("CD-100004", customer="c-1002"),
    ]
    return InMemoryShop(orders, {"c-1001": coupons})


_DEMO_FILES = {
    "customers": [
        "shop_customer_id,name,language,tier,phone,email",
        "c-1001,李雷,zh,gold,+8613800005678,lilei@example.com",
        "c-1002,Emma,en,gold,+447700900123,emma@example.com",
    ],
    "products": [
        "sku,name_zh,name_en,aliases,price,stock,description_zh,description_en",
        "YH-A01,云雀降噪耳机,Lark headphones,耳机|headphones,599.00,86,主动降噪,Active noise cancelling",
    ],
    "orders": [
        "order_number,shop_customer_id,state,placed_at,estimated_on,delivered_at,items,address,carrier,tracking_number,"
        "case,invoice_title",
        f"{SHIPPED},c-1001,shipped,-5d 10:00,+2d,,YH-A01*1,杭州,sf,SF1086420135790,,",
        f"{DELIVERED},c-1001,delivered,-6d 10:00,-3d,-2d 10:00,YH-A01*1,杭州,sf,SF1086420135791,,",
        f"{PAID},c-1001,paid,-1d 10:00,+4d,,YH-A01*1,杭州,,,,",
        "CD-100004,c-1002,shipped,-5d 10:00,+2d,,YH-A01*1,London,dhl,JD1,,",
    ],
    "scans": [
        "order_number,at,place_zh,place_en,text_zh,text_en",
        f"{SHIPPED},-1d 06:00,杭州转运中心,Hangzhou hub,已到达,Arrived",
    ],
    "coupons": [
        "code,shop_customer_id,title_zh,title_en,valid_until",
        "LATER,c-1001,满减,Off,+22d",
        "SOON,c-1001,免运费,Free delivery,+2d",
        "GONE,c-1001,过期,Expired,-1d",
    ],
}


@pytest_asyncio.fixture(params=["memory", "demo", "http"])
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    if request.param == "memory":
        yield _in_memory()
    elif request.param == "demo":
        for name, lines in _DEMO_FILES.items():
            (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield await DemoShop.open(tmp_path / "shop.db", tmp_path, FrozenClock(NOW))
    else:
        async with Merchant(_in_memory()).running() as merchant:
            client = HttpShop(merchant.url, SecretStr(TOKEN))
            yield client
            await client.close()


async def test_an_order_is_whole(shop: Shop) -> None:
    order = await shop.get_order(SHIPPED)

    assert (order.shop_customer_id, order.phone_last4, order.state) == ("c-1001", "5678", OrderState.SHIPPED)
    assert (order.total.minor, order.total.currency) == (59900, "CNY")
    assert order.items[0].name == LocalText("云雀降噪耳机", "Lark headphones")
    assert order.carrier == LocalText("顺丰速运", "SF Express")
    assert order.estimated_on == date(2026, 3, 12)
    assert order.placed_at.tzinfo is not None
    assert (order.delivered_at, order.case, order.invoice) == (None, None, None)


async def test_an_unknown_order_is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        await shop.get_order("ZZ-999999")
    with pytest.raises(NotFoundError):
        await shop.cancel_order("ZZ-999999", idempotency_key="k")


async def test_a_customer_has_only_their_own_orders_newest_first(shop: Shop) -> None:
    orders = await shop.list_orders("c-1001")

    assert {order.order_number for order in orders} == {SHIPPED, DELIVERED, PAID}
    assert [order.placed_at for order in orders] == sorted((order.placed_at for order in orders), reverse=True)
    assert await shop.list_orders("nobody") == []


async def test_a_parcel_has_scans_and_an_unshipped_order_has_none(shop: Shop) -> None:
    parcel = await shop.track_parcel(SHIPPED)

    assert parcel.tracking_number == "SF1086420135790"
    assert parcel.scans[-1].place == LocalText("杭州转运中心", "Hangzhou hub")
    with pytest.raises(NotFoundError):
        await shop.track_parcel(PAID)


async def test_a_return_is_opened_once_per_key(shop: Shop) -> None:
    first = await shop.request_return(DELIVERED, ServiceKind.RETURN, "质量问题", idempotency_key="m-1")
    again = await shop.request_return(DELIVERED, ServiceKind.RETURN, "质量问题", idempotency_key="m-1")

    assert first == again
    assert (first.kind, first.state, first.reason) == (ServiceKind.RETURN, CaseState.SUBMITTED, "质量问题")
    assert (await shop.get_order(DELIVERED)).case == first
    with pytest.raises(ConflictError):
        await shop.request_return(DELIVERED, ServiceKind.RETURN, "质量问题", idempotency_key="m-2")


async def test_an_order_that_was_shipped_can_be_neither_cancelled_nor_sent_elsewhere(shop: Shop) -> None:
    with pytest.raises(ConflictError):
        await shop.cancel_order(SHIPPED, idempotency_key="m-1")
    with pytest.raises(ConflictError):
        await shop.change_address(SHIPPED, "武汉", idempotency_key="m-2")
    with pytest.raises(ConflictError):
        await shop.request_return(SHIPPED, ServiceKind.REFUND, "x", idempotency_key="m-3")

    assert (await shop.get_order(SHIPPED)).state is OrderState.SHIPPED


async def test_an_order_not_shipped_changes_address_and_is_cancelled(shop: Shop) -> None:
    moved = await shop.change_address(PAID, "武汉市江汉区解放大道 690 号", idempotency_key="m-1")
    cancelled = await shop.cancel_order(PAID, idempotency_key="m-2")
    again = await shop.cancel_order(PAID, idempotency_key="m-2")

    assert moved.address == "武汉市江汉区解放大道 690 号"
    assert (cancelled.state, again.state) == (OrderState.CANCELLED, OrderState.CANCELLED)
    with pytest.raises(ConflictError):
        await shop.cancel_order(PAID, idempotency_key="m-3")


async def test_an_invoice_goes_to_the_orders_address_once(shop: Shop) -> None:
    invoice = await shop.request_invoice(DELIVERED, "个人", idempotency_key="m-1")
    again = await shop.request_invoice(DELIVERED, "个人", idempotency_key="m-1")

    assert (invoice.title, invoice.email, again) == ("个人", "lilei@example.com", invoice)
    with pytest.raises(ConflictError):
        await shop.request_invoice(DELIVERED, "公司", idempotency_key="m-2")


async def test_usable_coupons_come_in_the_order_they_expire(shop: Shop) -> None:
    assert [coupon.code for coupon in await shop.list_coupons("c-1001")] == ["SOON", "LATER"]
    assert await shop.list_coupons("nobody") == []


async def test_a_product_is_found_by_its_name(shop: Shop) -> None:
    (found,) = await shop.find_products("云雀降噪耳机有货吗", limit=3)

    assert (found.sku, found.n_in_stock) == ("YH-A01", 86)
    assert await shop.find_products("冰箱", limit=3) == []


def test_the_demo_shops_data_is_as_large_as_promised() -> None:
    folder = Path(__file__).resolve().parents[3] / "data" / "demo_shop"
    counts = {}
    for name in ("customers", "orders", "products"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
            counts[name] = len(list(csv.DictReader(handle)))

    assert counts["customers"] >= 12
    assert counts["orders"] >= 40
    assert counts["products"] >= 25
