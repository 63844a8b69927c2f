from __future__ import annotations

import pytest

from conversations.system_texts import Notice, known_language, language_of, system_text


@pytest.mark.parametrize("notice", list(Notice))
def test_every_notice_is_said_in_both_languages(notice: Notice) -> None:
    chinese, english = (system_text(notice, language, name="Lin") for language in ("zh", "en"))

    assert language_of(chinese) == "zh"
    assert language_of(english) == "en"
    assert "{" not in chinese + english


def test_a_place_in_the_queue_is_added_when_it_is_known() -> None:
    assert system_text(Notice.HANDED_OVER, "zh", position=3).endswith("当前排在第 3 位。")
    assert system_text(Notice.HANDED_OVER, "en", position=3).endswith("You are number 3 in line.")
    assert "line" not in system_text(Notice.HANDED_OVER, "en")


def test_a_name_with_braces_is_only_a_name() -> None:
    assert "{position}" in system_text(Notice.AGENT_JOINED, "en", name="{position}", position=1)


def test_an_unknown_language_is_answered_in_the_default_one() -> None:
    assert system_text(Notice.CLOSED, "fr") == system_text(Notice.CLOSED, "zh")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我的包裹", "zh"),
        ("where is it", "en"),
        ("hello, 我要退货 please", "zh"),
        ("Hello!", "en"),
        ("AB-123456", None),
        ("12345", None),
        ("👍", None),
        ("", None),
    ],
)
def test_a_texts_language_is_told_by_its_script(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_one_latin_word_can_be_asked_not_to_count() -> None:
    assert language_of("ok", n_words=2) is None
    assert language_of("thank you", n_words=2) == "en"


@pytest.mark.parametrize(
    ("tag", "language"), [("zh-CN", "zh"), ("zh_TW", "zh"), ("EN-gb", "en"), ("fr", None), ("", None), (None, None)]
)
def test_a_language_tag_is_reduced_to_ours(tag: str | None, language: str | None) -> None:
    assert known_language(tag) == language
