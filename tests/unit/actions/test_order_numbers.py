from __future__ import annotations

import pytest

from actions.order_numbers import find_order_number, find_phone_last4


@pytest.mark.parametrize(
    "written", ["AB-123456", "ab123456", "AB 123456", "ＡＢ－１２３４５６", "我的订单ab_123456到哪了", "AB—123456。"]
)
def test_an_order_number_is_read_however_it_is_written(written: str) -> None:
    assert find_order_number(written) == "AB-123456"


@pytest.mark.parametrize("written", ["", "AB-12345", "AB-1234567", "CAB-123456", "123456", "订单号忘了"])
def test_what_is_no_order_number_is_not_read(written: str) -> None:
    assert find_order_number(written) is None


@pytest.mark.parametrize(
    ("written", "last4"),
    [("尾号5678", "5678"), ("１２３４", "1234"), ("13800005678", "5678"), ("AB-123456 尾号 0123", "0123")],
)
def test_a_phone_ending_is_read(written: str, last4: str) -> None:
    assert find_phone_last4(written) == last4


@pytest.mark.parametrize("written", ["567", "56789", "1234 or 5678", "AB-123456"])
def test_what_is_no_phone_ending_is_not_read(written: str) -> None:
    assert find_phone_last4(written) is None
