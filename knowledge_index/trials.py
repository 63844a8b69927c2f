"""Questions with known outcome, asked of an index: its own similar questions held out, and foreign ones."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError
from knowledge_index.calibration import Trial, TrialKind, cross_predict, features_of, fit_domain, log_odds
from knowledge_index.index_folder import IndexData
from knowledge_index.models import Article, Calibration, Figures, Logistic, RetrievalFigures
from knowledge_index.passages import plain_text
from knowledge_index.retrieval import EntryKind, LeftOut, TopicHit
from text_encoder import Encoder

MAX_HELD_OUT = 2000
#: Entries of the same topic this near a held-out question say the same in other words or the other language.
_NEAR_COPY = 0.85
_N_DOMAIN_FOLDS = 4
_ASKED_KINDS = (EntryKind.TITLE, EntryKind.QUESTION)


@dataclass(frozen=True, slots=True)
class ForeignQuestion:
    """A question that the knowledge cannot answer."""

    text: str


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A question with the articles of which any answers it."""

    text: str
    article_ids: frozenset[str]


def read_foreign_questions(extra: Path | None = None) -> tuple[ForeignQuestion, ...]:
    """Read the questions that ship with the package, and the operator's own CSV `language,question`.

    Raises:
        ConfigError: the operator's file is not of that form.
    """
    shipped = resources.files("knowledge_index").joinpath("foreign_questions.csv").read_text(encoding="utf-8")
    sources = [("foreign_questions.csv", shipped)]
    if extra is not None and extra.is_file():
        sources.append((str(extra), extra.read_text(encoding="utf-8-sig")))
    return tuple(
        ForeignQuestion(text)
        for name, content in sources
        for _, (_language, text) in _rows(content, name, "language", "question")
    )


def read_golden_questions(path: Path) -> tuple[GoldenQuestion, ...]:
    """Read a CSV `language,question,article_ids` with ids apart by blanks; () without a file.

    Raises:
        ConfigError: the file is not of that form.
    """
    if not path.is_file():
        return ()
    content = path.read_text(encoding="utf-8-sig")
    return tuple(
        GoldenQuestion(text, frozenset(ids.split()))
        for _, (text, ids) in _rows(content, str(path), "question", "article_ids")
    )


def article_words(article: Article, without: Collection[str] = ()) -> str:
    """Return the text whose words stand for an article; its title counts twice."""
    head = article.head
    questions = (question for question in head.similar_questions if question not in without)
    return "\n".join((head.title, head.title, *questions, plain_text(article.body)))


class Examiner:
    """Asks an index questions of known outcome."""

    def __init__(self, data: IndexData, encoder: Encoder, foreign: Sequence[ForeignQuestion]) -> None:
        """Learn what foreign questions look like from `foreign`, and what own ones do from the index."""
        self._data = data
        self._encoder = encoder
        self._retriever = data.retriever()
        self._foreign = [question.text for question in foreign]
        self._foreign_vectors = encoder.encode(self._foreign)
        self._own_rows = np.flatnonzero(np.isin(data.entries.kinds, _ASKED_KINDS))
        self._allowed = np.ones(len(data.texts.articles), dtype=bool)
        self.domain = fit_domain(data.vectors[self._own_rows], self._foreign_vectors)
        self._left_out_domains = [self._domain_without(fold) for fold in range(_N_DOMAIN_FOLDS)]

    def hold_out(self, questions: Mapping[int, str]) -> list[Trial]:
        """Ask the articles' similar questions (text by entry row), each and its near copies left out."""
        step = max(1, len(questions) // MAX_HELD_OUT)
        return [self._hold_out(row, questions) for row in list(questions)[::step]]

    def ask_golden(self, questions: Sequence[GoldenQuestion]) -> list[Trial]:
        """Ask the questions that people wrote to test the articles; those about missing articles are left out."""
        topic_ids: dict[int, str] = {}
        entries = self._data.entries
        for article, topic in zip(entries.articles.tolist(), entries.topics.tolist(), strict=True):
            topic_ids[topic] = self._data.texts.articles[article].head.id
        kept = [question for question in questions if question.article_ids & set(topic_ids.values())]
        trials = []
        for question, vector in zip(kept, self._encoder.encode([golden.text for golden in kept]), strict=True):
            hits = self._retriever.rank_topics(question.text, vector, allowed=self._allowed)
            right = {topic for topic, name in topic_ids.items() if name in question.article_ids}
            features = features_of(hits, log_odds(self.domain, vector))
            trials.append(Trial(TrialKind.GOLDEN, features, _rank(hits, right)))
        return trials

    def ask_foreign(self) -> list[Trial]:
        """Ask the foreign questions, each judged by a domain that was learned without it."""
        trials = []
        for number, (text, vector) in enumerate(zip(self._foreign, self._foreign_vectors, strict=True)):
            hits = self._retriever.rank_topics(text, vector, allowed=self._allowed)
            domain = self._left_out_domains[number % _N_DOMAIN_FOLDS]
            trials.append(Trial(TrialKind.FOREIGN, features_of(hits, log_odds(domain, vector)), rank=0))
        return trials

    def _domain_without(self, fold: int) -> Logistic:
        rows = self._own_rows[self._data.entries.topics[self._own_rows] % _N_DOMAIN_FOLDS != fold]
        kept = np.arange(len(self._foreign)) % _N_DOMAIN_FOLDS != fold
        return fit_domain(self._data.vectors[rows], self._foreign_vectors[kept])

    def _hold_out(self, row: int, questions: Mapping[int, str]) -> Trial:
        entries, articles = self._data.entries, self._data.texts.articles
        topic = int(entries.topics[row])
        asked_before = self._own_rows[entries.topics[self._own_rows] == topic]
        likeness = self._retriever.likeness(row, asked_before)
        rows = asked_before[(likeness >= _NEAR_COPY) | (asked_before == row)]
        texts = {questions[int(near)] for near in rows if int(near) in questions}
        owners = {int(article) for article in entries.articles[rows]}
        left_out = LeftOut(rows, {number: article_words(articles[number], texts) for number in owners})
        vector = self._data.vectors[row]
        hits = self._retriever.rank_topics(questions[row], vector, allowed=self._allowed, left_out=left_out)
        domain = self._left_out_domains[topic % _N_DOMAIN_FOLDS]
        return Trial(TrialKind.HELD_OUT, features_of(hits, log_odds(domain, vector)), _rank(hits, {topic}))


def figures(trials: Sequence[Trial], calibration: Calibration) -> Figures:
    """Count what the thresholds would do with the trials."""
    known, serves = cross_predict(trials)
    passed = known >= calibration.known_from
    given = passed & (serves >= calibration.answer_from)
    foreign = np.array([trial.kind is TrialKind.FOREIGN for trial in trials], dtype=bool)
    return Figures(
        held_out=_retrieval_figures(trials, TrialKind.HELD_OUT, passed, given),
        golden=_retrieval_figures(trials, TrialKind.GOLDEN, passed, given),
        n_foreign=int(foreign.sum()),
        foreign_refused=_share(~passed[foreign]),
        foreign_answered=_share(given[foreign]),
    )


def _retrieval_figures(
    trials: Sequence[Trial], kind: TrialKind, passed: npt.NDArray[np.bool_], given: npt.NDArray[np.bool_]
) -> RetrievalFigures:
    chosen = np.array([trial.kind is kind for trial in trials], dtype=bool)
    ranks = np.array([trial.rank for trial in trials], dtype=float)
    own = ranks[chosen]
    return RetrievalFigures(
        n_questions=len(own),
        recall_at_1=_share(own == 1),
        recall_at_5=_share((own > 0) & (own <= 5)),
        mrr=_share(np.divide(1, own, out=np.zeros_like(own), where=own > 0)),
        refused=_share(~passed[chosen]),
        answered=_share(given[chosen]),
        wrong_among_answers=_share(ranks[chosen & given] != 1),
    )


def _rank(hits: list[TopicHit], right: Collection[int]) -> int:
    return next((number for number, hit in enumerate(hits, 1) if hit.topic in right), 0)


def _share(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> float:
    return round(float(np.mean(values)), 4) if len(values) else 0.0


def _rows(content: str, name: str, *columns: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each line's number and its values of the named columns, none of them empty.

    Raises:
        ConfigError: a column is missing or empty in some line.
    """
    for line, row in enumerate(csv.DictReader(content.splitlines()), 2):
        values = [(row.get(column) or "").strip() for column in columns]
        if not all(values):
            raise ConfigError(f"{name}, line {line}: expected the columns {', '.join(columns)}.", code="bad_questions")
        yield line, values
