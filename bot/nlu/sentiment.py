"""Judges how a customer feels: negative, neutral or positive, from sentence vector and character n-grams."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, hstack

from bot.nlu.char_ngrams import CharNgrams

LABELS = ("negative", "neutral", "positive")
_COLUMNS = ["text", "label", "lang"]
_VECTOR_WEIGHT = 4.0
_NGRAM_WEIGHT = 2.0


class SentimentDataError(ValueError):
    """A file of sentiment examples is missing, or a line of it is not an example."""


@dataclass(frozen=True)
class SentimentReading:
    """The likeliest label, and P(positive) - P(negative), from -1 to 1."""

    label: str
    score: float


def read_examples(files: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Read texts and labels from CSV files with the columns text, label, lang.

    Raises:
        SentimentDataError: names the file and the line.
    """
    texts: list[str] = []
    labels: list[str] = []
    for path in files:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.DictReader(handle)
            if rows.fieldnames is None or not {"text", "label"} <= set(rows.fieldnames):
                raise SentimentDataError(f"{path}:1: the first line must name the columns {','.join(_COLUMNS)}.")
            for row in rows:
                text, label = (row["text"] or "").strip(), (row["label"] or "").strip()
                if not text or label not in LABELS:
                    raise SentimentDataError(
                        f"{path}:{rows.line_num}: label {label!r} of a text; it must be one of {', '.join(LABELS)}, "
                        "beside a text that is not empty."
                    )
                texts.append(text)
                labels.append(label)
    if set(labels) != set(LABELS):
        raise SentimentDataError(f"The sentiment examples need all three labels; found {sorted(set(labels))}.")
    return texts, labels


class SentimentModel:
    """A logistic head over a sentence vector and character n-grams."""

    def __init__(self, ngrams: CharNgrams, weights: np.ndarray, bias: np.ndarray) -> None:
        self._ngrams = ngrams
        self._weights = weights
        self._bias = bias

    @classmethod
    def fit(cls, texts: Sequence[str], labels: Sequence[str], vectors: np.ndarray) -> SentimentModel:
        """Learn from examples; `vectors` is float32 of shape (n_texts, dimension), rows of L2 norm 1."""
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (slow to import; training alone needs it)

        ngrams = CharNgrams.fit(texts, shortest=1, longest=4, least_texts=2, most=20_000)
        classes = [LABELS.index(label) for label in labels]
        head = LogisticRegression(C=1.0, class_weight="balanced", max_iter=300, random_state=7)
        head.fit(_features(ngrams, texts, vectors), classes)
        return cls(ngrams, head.coef_.astype(np.float32), head.intercept_.astype(np.float32))

    def read(self, texts: Sequence[str], vectors: np.ndarray) -> list[SentimentReading]:
        """Judge texts; `vectors` as in `fit`, in the order of `texts`."""
        logits = np.asarray(_features(self._ngrams, texts, vectors) @ self._weights.T) + self._bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = odds / odds.sum(axis=1, keepdims=True)
        return [SentimentReading(LABELS[int(row.argmax())], round(float(row[2] - row[0]), 4)) for row in shares]

    def save(self, folder: Path) -> None:
        """Write the model into a folder."""
        (folder / "ngrams.json").write_text(json.dumps(self._ngrams.to_document()), encoding="utf-8")
        np.savez_compressed(folder / "head.npz", weights=self._weights, bias=self._bias)

    @classmethod
    def load(cls, folder: Path) -> SentimentModel:
        """Read what `save` wrote."""
        ngrams = CharNgrams.from_document(json.loads((folder / "ngrams.json").read_text(encoding="utf-8")))
        with np.load(folder / "head.npz", allow_pickle=False) as head:
            return cls(ngrams, head["weights"], head["bias"])


def _features(ngrams: CharNgrams, texts: Sequence[str], vectors: np.ndarray) -> csr_matrix:
    return hstack(
        [ngrams.transform(texts) * _NGRAM_WEIGHT, csr_matrix(vectors * _VECTOR_WEIGHT)], format="csr", dtype=np.float32
    )
