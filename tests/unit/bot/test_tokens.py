"""Tokens of mixed scripts."""

from __future__ import annotations

import pytest

from bot.nlu.tokens import split_tokens


def words(text: str, cuts: tuple[int, ...] = ()) -> list[str]:
    return [text[start:end] for start, end in split_tokens(text, cuts)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我的订单A1024到哪了", ["我", "的", "订", "单", "A", "1024", "到", "哪", "了"]),
        ("don't ship it", ["don't", "ship", "it"]),
        ("AB-123456!", ["AB", "-", "123456", "!"]),
        ("  ", []),
        ("ありがとう您", ["ありがとう", "您"]),
    ],
)
def test_splits_between_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_no_token_crosses_a_label() -> None:
    assert words("iphones", cuts=(0, 6)) == ["iphone", "s"]
