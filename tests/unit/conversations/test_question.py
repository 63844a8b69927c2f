from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.message_text import clean
from conversations.question import without_command

UNSEEN = " \t\n\u3000\x1c\x7f\u200b\u200f\u2028\u202e\u2060\ufeff"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/restart", "restart"),
        (" \n/ /  //inform{}", "inform{}"),
        ("1/2", "1/2"),
        ("  你好", "  你好"),
        ("/", "/"),
        ("\u200b/restart", "restart"),
        ("/\ufeff/\u2060/restart", "restart"),
        ("\x7f/affirm{}", "affirm{}"),
        ("\u200b你好", "\u200b你好"),
    ],
)
def test_a_leading_slash_is_taken_away_and_nothing_else(text: str, words: str) -> None:
    assert without_command(text) == words


@given(st.text(alphabet=UNSEEN + "/a{你", min_size=1, max_size=8))
def test_no_text_is_left_a_command_when_the_engine_has_cleaned_it(text: str) -> None:
    words = clean(without_command(text)).strip()

    assert not words.startswith("/") or set(words) <= set("/" + UNSEEN)
