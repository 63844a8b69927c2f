from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.question import without_command


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/restart", "restart"),
        (" \n/ /  //inform{}", "inform{}"),
        ("1/2", "1/2"),
        ("  你好", "  你好"),
        ("/", "/"),
    ],
)
def test_a_leading_slash_is_taken_away_and_nothing_else(text: str, words: str) -> None:
    assert without_command(text) == words


@given(st.text(alphabet="/ \t\n\u3000\x1ca{你", min_size=1, max_size=8))
def test_no_text_is_left_a_command(text: str) -> None:
    words = without_command(text).strip()

    assert not words.startswith("/") or set(words) <= set("/ \t\n\u3000\x1c")
