"""Order numbers and phone digits, as customers write them."""

from __future__ import annotations

import pytest

from bot.nlu.identifiers import find_order_numbers, find_phone_last4


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("我的订单AB-123456到哪了", "AB-123456"),
        ("order ab-123456 please", "ab-123456"),
        ("ab123456", "ab123456"),
        ("ＡＢ－１２３４５６", "ＡＢ－１２３４５６"),
        ("单号是ab 123456呢", "ab 123456"),
        ("AB - 123456", "AB - 123456"),
        ("AB–123456", "AB–123456"),
        ("ab-123 456", "ab-123 456"),
        ("(AB-123456)", "AB-123456"),
        ("订单ab_123456，谢谢", "ab_123456"),
    ],
)
def test_finds_an_order_number_where_it_stands(text: str, piece: str) -> None:
    (found,) = find_order_numbers(text)

    assert found.value == "AB-123456"
    assert text[found.start : found.end] == piece


@pytest.mark.parametrize(
    "text", ["ABC-123456", "AB-12345", "AB-1234567", "my order is 123456", "AB123456x", "1AB123456"]
)
def test_finds_no_order_number_in_other_things(text: str) -> None:
    assert find_order_numbers(text) == []


def test_finds_each_of_several_order_numbers() -> None:
    assert [found.value for found in find_order_numbers("AB-123456和cd654321")] == ["AB-123456", "CD-654321"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234", "1234"),
        ("是1234", "1234"),
        ("手机尾号1234", "1234"),
        ("后四位是 12 34".replace("12 34", "1234"), "1234"),
        ("the last four digits are 0099", "0099"),
        ("my number ends in 4321.", "4321"),
        ("13812345678", "5678"),
        ("我的电话是138 1234 5678", "5678"),
        ("+86 138-1234-5678", "5678"),
        ("１２３４", "1234"),
        ("订单AB-123456，尾号8890", "8890"),
    ],
)
def test_finds_the_last_four_digits(text: str, value: str) -> None:
    (found,) = find_phone_last4(text)

    assert found.value == value


@pytest.mark.parametrize(
    "text",
    [
        "2024年买的",
        "价格1999元",
        "AB-123456",
        "I paid 1234 dollars for this machine",
        "12345",
        "今天下午3点",
        "12.3456",
    ],
)
def test_finds_no_phone_in_other_numbers(text: str) -> None:
    assert find_phone_last4(text) == []
