"""Known words in a message."""

from __future__ import annotations

import pytest

from bot.nlu.keywords import KeywordFinder

FINDER = KeywordFinder({"product": ["耳机", "无线耳机", "air fryer", "headphone", "灯"], "reason": ["坏了", "faulty"]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我买的无线耳机坏了", [("product", "无线耳机"), ("reason", "坏了")]),
        ("两个Headphones, faulty", [("product", "Headphones"), ("reason", "faulty")]),
        ("the air   fryer", [("product", "air   fryer")]),
        ("headphonejack", []),
        ("灯不亮", []),
        ("", []),
    ],
)
def test_finds_whole_words_and_the_longest(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(found.entity, text[found.start : found.end]) for found in FINDER.find(text)] == expected


def test_finds_nothing_without_words() -> None:
    assert KeywordFinder({}).find("耳机") == []
