"""BM25 over words of Latin script and one and two characters of Chinese, in arrays without pickle."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

K1 = 2.0
B = 0.75

_TOKEN = re.compile(r"[a-z0-9]+(?:[.'’-][a-z0-9]+)*|[\u3400-\u9fff\uf900-\ufaff]+")
_STOP_WORDS_EN = """a an the is are was were be am i me my you your we our it its this that these those to of in on
at for from with and or if do does did can could will would should have has had not what how when where which who
there any please so"""
_STOP_WORDS_ZH = "的 了 吗 呢 啊 吧 么 我 你 您 是 在 就 都 也 还 请 问 请问 什么 怎么 可以 能 有 没 不 要 想 会 一 个"
_STOP_WORDS = frozenset(f"{_STOP_WORDS_EN} {_STOP_WORDS_ZH}".split())


def lexical_terms(text: str) -> list[str]:
    """Return the terms of a text: stemmed words, numbers and model names, Chinese 1- and 2-grams."""
    terms: list[str] = []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", text).lower()):
        if token[0] > "\u3000":
            terms.extend(char for char in token if char not in _STOP_WORDS)
            terms.extend(pair for pair in map("".join, pairwise(token)) if pair not in _STOP_WORDS)
        elif token not in _STOP_WORDS:
            terms.append(_stem(token.replace("’", "'")))
            if "-" in token or "." in token:
                terms.extend(_stem(part) for part in re.split(r"[-.]", token) if part)
    return terms


def _stem(word: str) -> str:
    """Cut English inflection roughly; both sides are cut alike, so only likeness matters."""
    word = word.removesuffix("'s")
    for suffix, least in (("ing", 6), ("ies", 5), ("ed", 5), ("es", 5), ("s", 4), ("e", 4), ("y", 4)):
        if word.endswith(suffix) and len(word) >= least and not word.endswith("ss"):
            return word[: -len(suffix)]
    return word


@dataclass(frozen=True)
class LexicalIndex:
    """Postings by term: rows `rows[starts[t]:starts[t+1]]` with the weights beside them."""

    terms: dict[str, int]
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    idf: npt.NDArray[np.float32]
    n_texts: int
    mean_length: float

    def scores(self, query: str) -> npt.NDArray[np.float32]:
        """Score all texts: BM25 as a share of the most the query could get, so between 0 and 1.

        A word the index has never seen counts as the rarest, so a foreign question scores low.
        """
        scores = np.zeros(self.n_texts, dtype=np.float32)
        terms = set(lexical_terms(query))
        for term in terms:
            number = self.terms.get(term)
            if number is not None:
                span = slice(self.starts[number], self.starts[number + 1])
                scores[self.rows[span]] += self.weights[span]
        most = self._weight(terms) * (K1 + 1)
        return scores / np.float32(most) if most else scores

    def score_text(self, query: str, text: str) -> float:
        """Score a text as `scores` would if it were one of the index's, with the index's term weights."""
        counts = Counter(lexical_terms(text))
        length = sum(counts.values())
        terms = set(lexical_terms(query))
        most = self._weight(terms) * (K1 + 1)
        held = (
            float(self.idf[self.terms[term]]) * _saturation(counts[term], length, self.mean_length)
            for term in terms & counts.keys()
            if term in self.terms
        )
        return sum(held) / most if most else 0.0

    def share(self, query: str, text: str) -> float:
        """Return the part of the query's terms, by their weight, that a text holds."""
        terms = set(lexical_terms(query))
        most = self._weight(terms)
        return self._weight(terms & set(lexical_terms(text))) / most if most else 0.0

    def _weight(self, terms: set[str]) -> float:
        unseen = float(np.log(1 + (self.n_texts + 0.5) / 0.5))
        numbers = (self.terms.get(term) for term in terms)
        return sum(unseen if number is None else float(self.idf[number]) for number in numbers)


def build_lexical(texts: Sequence[str]) -> LexicalIndex:
    """Count the texts' terms.

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), 3.1.
    """
    counts = [Counter(lexical_terms(text)) for text in texts]
    lengths = np.array([sum(count.values()) for count in counts], dtype=np.float64)
    mean_length = float(lengths.mean()) if len(texts) else 1.0
    postings: dict[str, list[tuple[int, int]]] = {}
    for row, count in enumerate(counts):
        for term, times in count.items():
            postings.setdefault(term, []).append((row, times))
    terms = {term: number for number, term in enumerate(sorted(postings))}
    sizes = np.array([len(postings[term]) for term in terms], dtype=np.int64)
    pairs = np.array([pair for term in terms for pair in postings[term]], dtype=np.int64).reshape(-1, 2)
    rows, frequencies = pairs[:, 0], pairs[:, 1].astype(np.float64)
    idf = np.log(1 + (len(texts) - sizes + 0.5) / (sizes + 0.5))
    weights = np.repeat(idf, sizes) * _saturation(frequencies, lengths[rows], mean_length)
    return LexicalIndex(
        terms,
        np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        rows.astype(np.int32),
        weights.astype(np.float32),
        idf.astype(np.float32),
        len(texts),
        mean_length,
    )


def _saturation(frequency: Any, length: Any, mean_length: float) -> Any:
    """Return BM25's weight of a term that a text of this length holds so often; numbers or arrays."""
    return frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * length / max(mean_length, 1e-9)))
