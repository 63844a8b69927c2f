"""A small shop of three topics, and an encoder that needs no weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from knowledge_index.lexical import lexical_terms

WriteArticle = Callable[..., Path]


class WordEncoder:
    """Hashes words into directions: texts that share words are near."""

    name = "words-1"
    dimension = 64

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.encoded.extend(texts)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for term in lexical_terms(text) or ["nothing"]:
                seed = int.from_bytes(hashlib.sha256(term.encode()).digest()[:4], "big")
                vectors[row] += np.random.default_rng(seed).standard_normal(self.dimension, dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def warm_up(self) -> None:
        """Nothing to touch."""


def _write_article(
    folder: Path,
    article_id: str,
    *,
    language: str = "en",
    title: str = "Title",
    questions: Sequence[str] = (),
    body: str = "Some text.",
    more: str = "",
) -> Path:
    """Write one article file and return its path."""
    path = folder / language / f"{article_id}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = "".join(f"\n  - {question}" for question in questions) or " []"
    path.write_text(
        f"---\nid: {article_id}\ntitle: {title}\nlanguage: {language}\ncategory: shop\n"
        f"similar_questions:{listed}\n{more}---\n{body}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def write_article() -> WriteArticle:
    return _write_article


@pytest.fixture
def make_encoder() -> type[WordEncoder]:
    return WordEncoder


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def articles(tmp_path: Path, write_article: WriteArticle) -> Path:
    folder = tmp_path / "articles"
    write_article(
        folder,
        "warranty",
        title="Warranty of headphones",
        questions=["how long is the warranty", "warranty period headphones", "is the warranty still valid"],
        body="## Period\n\nThe warranty lasts one year.\n\n## Proof\n\nThe order number is enough.",
    )
    write_article(
        folder,
        "shipping",
        title="Shipping to the islands",
        questions=["shipping cost islands", "do you ship to islands", "how much is shipping"],
        body="Shipping to the islands costs ten yuan.",
    )
    write_article(
        folder,
        "shipping",
        language="zh",
        title="海岛配送",
        questions=["海岛运费多少", "海岛能配送吗"],
        body="海岛配送运费十元。",
    )
    return folder
