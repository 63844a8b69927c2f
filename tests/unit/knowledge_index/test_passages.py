"""Passages are verbatim slices that together hold the article; sentences end where they end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_index.models import Article, ArticleHead
from knowledge_index.passages import MAX_CHARS, cut_passages, plain_text, split_sentences

BLOCKS = st.one_of(
    st.text(alphabet="abc xyz。，！？.!\n退货运费", min_size=1, max_size=400).filter(lambda text: bool(text.strip())),
    st.sampled_from(["## 标题", "# Heading", "- one\n- two", "| a | b |\n|---|---|\n| 1 | 2 |", "1. first\n2. second"]),
)


def article(body: str, language: str = "zh") -> Article:
    return Article(head=ArticleHead(id="a", title="T", language=language, category="c"), body=body)  # type: ignore[arg-type]


@given(st.lists(BLOCKS, min_size=1, max_size=8).map("\n\n".join))
@settings(max_examples=150, deadline=None)
def test_passages_are_in_order_apart_and_hold_every_word_but_headings(body: str) -> None:
    passages = cut_passages(article(body), 0)

    left: list[str | None] = list(body)
    for passage in passages:
        assert 0 <= passage.start < passage.end <= len(body)
        for place in range(passage.start, passage.end):
            assert left[place] is not None
            left[place] = None
    assert [passage.start for passage in passages] == sorted(passage.start for passage in passages)
    rest = "".join(char or "\n" for char in left)
    assert not re.search(r"\w", re.sub(r"(?m)^ {0,3}#.*$", "", rest)), rest


def test_a_long_paragraph_is_cut_at_sentence_ends() -> None:
    sentences = [f"这是第{number}句话，说明退货和换货的一些规则。" for number in range(40)]
    body = "".join(sentences)

    passages = cut_passages(article(body), 0)

    assert len(passages) > 2
    for passage in passages:
        assert passage.end - passage.start <= MAX_CHARS["zh"]
        assert body[passage.start : passage.end].endswith("。")
    assert "".join(body[passage.start : passage.end] for passage in passages) == body


def test_headings_are_a_path_and_not_part_of_a_passage() -> None:
    body = "Intro.\n\n# One\n\nFirst.\n\n## Deep\n\nSecond.\n\n# Two\n\nThird."

    passages = cut_passages(article(body, "en"), 0)

    found = [(passage.headings, body[passage.start : passage.end]) for passage in passages]
    assert found == [
        ((), "Intro."),
        (("One",), "First."),
        (("One", "Deep"), "Second."),
        (("Two",), "Third."),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Use it. Approx. 3 days, e.g. Monday. Done!", ["Use it.", "Approx. 3 days, e.g. Monday.", "Done!"]),
        ("It costs 3.5 yuan. Fine.", ["It costs 3.5 yuan.", "Fine."]),
        ("可以吗？可以！“好的。”下一句", ["可以吗？", "可以！", "“好的。”", "下一句"]),
        ("一行\n两行", ["一行", "两行"]),
        ("", []),
    ],
)
def test_sentences_end_where_they_end(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in split_sentences(text)] == expected


def test_plain_text_keeps_every_word() -> None:
    markdown = "See **this** [page](x).\n\n1. one\n2. two\n   - deep\n\n| Tier | Spent |\n|---|---|\n| Gold | 5,000 |"

    assert plain_text(markdown) == "See this page.\n1. one\n2. two\n  • deep\nTier | Spent\nGold | 5,000"
