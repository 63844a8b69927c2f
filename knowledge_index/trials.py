"""Questions with known outcome, asked of an index: its own similar questions held out, and foreign ones."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError
from knowledge_index.calibration import Trial, cross_predict, features_of
from knowledge_index.index_folder import IndexData
from knowledge_index.models import LANGUAGES, Calibration, HeldOutFigures, Language
from knowledge_index.retrieval import EntryKind, Retriever, TopicHit
from text_encoder import Encoder

MAX_HELD_OUT = 2000
#: Entries of the same topic this near a held-out question say the same in other words or the other language.
_NEAR_COPY = 0.7
_CHOICES = 3


@dataclass(frozen=True, slots=True)
class ForeignQuestion:
    """A question that the knowledge cannot answer."""

    language: Language
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One trial with the rank of the right topic (0 for none found)."""

    trial: Trial
    rank: int


def read_foreign_questions(extra: Path | None = None) -> tuple[ForeignQuestion, ...]:
    """Read the questions that ship with the package, and the operator's own CSV `language,question`.

    Raises:
        ConfigError: the operator's file is not of that form.
    """
    shipped = resources.files("knowledge_index").joinpath("foreign_questions.csv").read_text(encoding="utf-8")
    questions = _parse(shipped, "foreign_questions.csv")
    if extra is not None and extra.is_file():
        questions += _parse(extra.read_text(encoding="utf-8-sig"), str(extra))
    return tuple(questions)


def hold_out(data: IndexData, retriever: Retriever, questions: Sequence[tuple[int, str]]) -> list[Asked]:
    """Ask each of the articles' similar questions with itself and its near copies left out of the index.

    Args:
        data: the index.
        retriever: its search.
        questions: entry row and text of the similar questions.
    """
    step = max(1, len(questions) // MAX_HELD_OUT)
    allowed = np.ones(len(data.texts.articles), dtype=bool)
    asked = []
    for row, text in questions[::step]:
        topic = int(data.entries.topics[row])
        asked_before = np.flatnonzero(
            (data.entries.topics == topic) & np.isin(data.entries.kinds, (EntryKind.TITLE, EntryKind.QUESTION))
        )
        left_out = asked_before[(retriever.likeness(row, asked_before) >= _NEAR_COPY) | (asked_before == row)]
        hits = retriever.rank_topics(text, data.vectors[row], allowed=allowed, left_out=left_out)
        asked.append(_judge(hits, topic))
    return asked


def ask_foreign(
    data: IndexData, retriever: Retriever, encoder: Encoder, questions: Sequence[ForeignQuestion]
) -> list[Asked]:
    """Ask the questions that no article answers."""
    allowed = np.ones(len(data.texts.articles), dtype=bool)
    vectors = encoder.encode([question.text for question in questions])
    return [
        _judge(retriever.rank_topics(question.text, vector, allowed=allowed), None)
        for question, vector in zip(questions, vectors, strict=True)
    ]


def figures(held_out: Sequence[Asked], foreign: Sequence[Asked], calibration: Calibration) -> HeldOutFigures:
    """Count what the thresholds would do with the trials, predicted by fits that did not see them."""
    ranks = np.array([asked.rank for asked in held_out], dtype=float)
    found = ranks > 0
    trials = [asked.trial for asked in interleave(held_out, foreign)]
    right = np.array([trial.first_is_right for trial in trials], dtype=bool)
    is_foreign = np.array([trial.is_foreign for trial in trials], dtype=bool)
    features = np.array([trial.features for trial in trials], dtype=float)
    given = cross_predict(features, right) >= calibration.answer_from if trials else np.zeros(0, dtype=bool)
    return HeldOutFigures(
        n_questions=len(held_out),
        n_foreign=len(foreign),
        recall_at_1=_share(ranks == 1),
        recall_at_5=_share(found & (ranks <= 5)),
        mrr=_share(np.divide(1, ranks, out=np.zeros_like(ranks), where=found)),
        answered=_share(given[~is_foreign]),
        wrong_among_answers=_share(~right[given]),
        foreign_refused=_share(~given[is_foreign]),
    )


def interleave(held_out: Sequence[Asked], foreign: Sequence[Asked]) -> list[Asked]:
    """Mix both kinds evenly, so that every fold of a cross-validation holds both."""
    placed = [((number + 0.5) / len(part), asked) for part in (held_out, foreign) for number, asked in enumerate(part)]
    return [asked for _, asked in sorted(placed, key=lambda pair: pair[0])]


def _judge(hits: list[TopicHit], topic: int | None) -> Asked:
    rank = next((number for number, hit in enumerate(hits, 1) if hit.topic == topic), 0)
    trial = Trial(features_of(hits), rank == 1, 0 < rank <= _CHOICES, topic is None)
    return Asked(trial, rank)


def _share(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> float:
    return round(float(np.mean(values)), 4) if len(values) else 0.0


def _parse(content: str, name: str) -> list[ForeignQuestion]:
    questions = []
    for line, row in enumerate(csv.DictReader(content.splitlines()), 2):
        language, text = row.get("language"), (row.get("question") or "").strip()
        if language not in LANGUAGES or not text:
            raise ConfigError(f"{name}, line {line}: expected `language,question` with zh or en.", code="bad_questions")
        questions.append(ForeignQuestion(language, text))
    return questions
