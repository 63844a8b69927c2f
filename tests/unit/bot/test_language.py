"""Language of a message, and of the answer."""

from __future__ import annotations

import pytest

from bot.nlu.language import choose_language, read_language


@pytest.mark.parametrize(
    ("text", "label", "answer_in", "is_short"),
    [
        ("我的订单还没到", "zh", "zh", False),
        ("where is my order", "en", "en", False),
        ("我的 order 还没 ship 呢", "mixed", "zh", False),
        ("what does 保修 mean for headphones", "mixed", "en", False),
        ("订单AB-123456到哪了", "zh", "zh", False),
        ("AB-123456", "other", "", True),
        ("ok", "en", "en", True),
        ("👍", "other", "", True),
        ("", "other", "", True),
        ("こんにちは、元気ですか", "other", "", True),
        ('/give_reason{"reason": "faulty"}', "other", "", True),
        ("see https://example.org/退货", "en", "en", True),
    ],
)
def test_reads_the_script(text: str, label: str, answer_in: str, is_short: bool) -> None:
    reading = read_language(text)

    assert (reading.label, reading.answer_in, reading.is_short) == (label, answer_in, is_short)


@pytest.mark.parametrize(
    ("text", "current", "hint", "expected"),
    [
        ("where is my order", "zh", "zh", "en"),
        ("ok", "zh", "en", "zh"),
        ("ok", None, "zh-CN", "zh"),
        ("ok", None, None, "en"),
        ("AB-123456", "en", None, "en"),
        ("AB-123456", None, "zh_TW", "zh"),
        ("AB-123456", None, "fr", "en"),
        ("嗯", "en", "en", "zh"),
    ],
)
def test_chooses_the_language_of_the_answer(text: str, current: str | None, hint: str | None, expected: str) -> None:
    assert choose_language(read_language(text), current=current, hint=hint) == expected
