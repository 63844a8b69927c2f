"""Reading articles: a broken one names its line, the others go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import ConfigError
from knowledge_index.articles import BrokenArticleError, fingerprint_folder, parse_article, read_folder

HEAD = "---\nid: a\ntitle: T\nlanguage: en\ncategory: shop\n"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("no front matter", 1, "Does not start with a line '---'"),
        ("---\nid: a\n", 1, "not closed"),
        (HEAD + "title: [\n---\ntext", 6, "not YAML"),
        (HEAD + "colour: red\n---\ntext", 6, "colour: Extra inputs are not permitted"),
        (HEAD.replace("id: a", "id: Not An Id") + "---\ntext", 2, "id: String should match"),
        (HEAD.replace("language: en", "language: fr") + "---\ntext", 4, "language: Input should be 'zh' or 'en'"),
        (HEAD + "valid_from: 2026-05-01\nvalid_until: 2026-04-01\n---\ntext", 7, "valid_until is before valid_from"),
        (HEAD + "---\n\n \n", 6, "no text"),
        ("---\n- a list\n---\ntext", 2, "not a list of `key: value`"),
    ],
)
def test_a_broken_article_says_where_and_what(content: str, line: int, message: str) -> None:
    with pytest.raises(BrokenArticleError) as caught:
        parse_article(content)

    assert message in caught.value.message
    assert caught.value.line == line


def test_one_broken_file_does_not_stop_the_others(articles: Path, write_article: Callable[..., Path]) -> None:
    (articles / "en" / "broken.md").write_text("---\nid: [\n---\nx", encoding="utf-8")
    (articles / "en" / "bytes.md").write_bytes(b"---\nid: \xff\xfe\n---\nx")
    write_article(articles / "more", "shipping")

    folder = read_folder(articles)

    found = sorted((article.head.id, article.head.language) for article in folder.articles)
    assert found == [("shipping", "en"), ("shipping", "zh"), ("warranty", "en")]
    problems = {problem.file: problem for problem in folder.problems}
    assert set(problems) == {"en/broken.md", "en/bytes.md", "more/en/shipping.md"}
    assert problems["en/bytes.md"].line == 2
    assert "already has id 'shipping'" in problems["more/en/shipping.md"].message


def test_an_article_holds_on_both_its_dates() -> None:
    article = parse_article(HEAD + "valid_from: 2026-02-01\nvalid_until: 2026-02-28\n---\ntext")

    held = [
        article.is_valid_at(datetime(2026, month, day, 12, tzinfo=UTC))
        for month, day in [(1, 31), (2, 1), (2, 28), (3, 1)]
    ]

    assert held == [False, True, True, False]


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "en" / "a.md"
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + "---\none\n\ntwo\n").replace("\n", "\r\n").encode())

    (article,) = read_folder(tmp_path).articles

    assert article.body == "one\n\ntwo"


def test_the_fingerprint_follows_content_and_names(articles: Path) -> None:
    before = fingerprint_folder(articles)
    path = articles / "en" / "warranty.md"
    content = path.read_bytes()

    path.write_bytes(content + b"\n")
    edited = fingerprint_folder(articles)
    path.write_bytes(content)

    assert edited != before
    assert fingerprint_folder(articles) == before
    path.rename(path.with_name("other.md"))
    assert fingerprint_folder(articles) != before


def test_a_missing_folder_and_bad_categories_are_named(articles: Path) -> None:
    with pytest.raises(ConfigError, match="no folder of articles"):
        read_folder(articles / "nowhere")
    (articles / "categories.yml").write_text("shop: 店铺", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"categories\.yml is not a list of"):
        read_folder(articles)
