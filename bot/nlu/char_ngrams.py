"""Counts a text's character n-grams, weighs them by rarity, and gives rows of length one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from bot.nlu.message_text import for_models

_DIGITS = str.maketrans("123456789", "000000000")


class CharNgrams:
    """TF-IDF over character n-grams inside a text, learned once; digits count as one sign.

    Source: tf of 1 + log(count) and smoothed idf as in scikit-learn's TfidfTransformer, "Tf-idf term weighting".
    """

    def __init__(self, shortest: int, longest: int, columns: Mapping[str, int], idf: np.ndarray) -> None:
        self.shortest = shortest
        self.longest = longest
        self.columns = dict(columns)
        self.idf = idf

    @classmethod
    def fit(cls, texts: Iterable[str], *, shortest: int, longest: int, least_texts: int, most: int) -> CharNgrams:
        """Learn the n-grams that occur in at least `least_texts` texts; of more than `most`, the commonest."""
        frequency: Counter[str] = Counter()
        n_texts = 0
        for text in texts:
            n_texts += 1
            frequency.update(set(_ngrams(text, shortest, longest)))
        kept = [(ngram, count) for ngram, count in frequency.items() if count >= least_texts]
        kept = sorted(sorted(kept), key=lambda item: -item[1])[:most]
        ordered = sorted(kept)
        idf = np.array([math.log((1 + n_texts) / (1 + count)) + 1 for _, count in ordered], dtype=np.float32)
        return cls(shortest, longest, {ngram: column for column, (ngram, _) in enumerate(ordered)}, idf)

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """Return a float32 matrix of shape (n_texts, n_columns); a row is of L2 norm 1, or empty."""
        data: list[np.ndarray] = []
        indices: list[np.ndarray] = []
        ends = [0]
        for text in texts:
            columns, values = self._row(text)
            indices.append(columns)
            data.append(values)
            ends.append(ends[-1] + len(columns))
        joined = np.concatenate(data) if data else np.zeros(0, dtype=np.float32)
        columns = np.concatenate(indices) if indices else np.zeros(0, dtype=np.int32)
        return csr_matrix((joined, columns, ends), shape=(len(texts), len(self.columns)), dtype=np.float32)

    def _row(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        known = self.columns
        counts = Counter(known[ngram] for ngram in _ngrams(text, self.shortest, self.longest) if ngram in known)
        columns = np.array(sorted(counts), dtype=np.int32)
        values = np.array([1 + math.log(counts[column]) for column in columns], dtype=np.float32)
        values = values * self.idf[columns]
        norm = float(np.linalg.norm(values))
        return columns, values / norm if norm else values

    def to_document(self) -> dict[str, Any]:
        """Return what `from_document` needs, as JSON values."""
        ordered = sorted(self.columns, key=self.columns.__getitem__)
        return {"shortest": self.shortest, "longest": self.longest, "ngrams": ordered, "idf": self.idf.tolist()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> CharNgrams:
        """Build from `to_document`'s value."""
        columns = {ngram: column for column, ngram in enumerate(document["ngrams"])}
        idf = np.array(document["idf"], dtype=np.float32)
        return cls(int(document["shortest"]), int(document["longest"]), columns, idf)


def _ngrams(text: str, shortest: int, longest: int) -> list[str]:
    padded = f" {for_models(text).translate(_DIGITS)} "
    return [
        padded[start : start + length]
        for length in range(shortest, longest + 1)
        for start in range(len(padded) - length + 1)
        if not padded[start : start + length].isspace()
    ]
