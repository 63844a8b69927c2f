"""One loaded version of the index: ranks topics, judges them, and picks the words to quote."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime

import numpy as np
import numpy.typing as npt

from knowledge_index.calibration import features_of, log_odds, probability
from knowledge_index.index_folder import IndexData
from knowledge_index.models import (
    Answer,
    Article,
    Audience,
    Choice,
    Choices,
    KnowledgeReply,
    Language,
    Manifest,
    Quote,
    Refusal,
    Source,
)
from knowledge_index.passages import plain_text
from knowledge_index.retrieval import TopicHit

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

N_CHOICES = 3
#: Another article is offered beside the first only when its score is at most this much lower.
NEAR_SCORE = 0.25
#: An article's first passage says what it is about; between near equals it is quoted.
FIRST_PASSAGE_BONUS = 0.04
#: Within an article, what the words of a passage count beside its vectors.
WORDS_WEIGHT = 0.35
#: A second passage is quoted too when its score is this near; together they must still fit a chat bubble.
SECOND_QUOTE_WITHIN = 0.1
MAX_QUOTED_CHARS = {"zh": 300, "en": 800}
LEAST_SEARCH_SCORE = 0.25
#: A question that an article itself declares as its own is answered by it.
DECLARED_PROBABILITY = 0.99


class LiveIndex:
    """An index in memory. Immutable, so threads share it freely."""

    def __init__(self, manifest: Manifest, data: IndexData) -> None:
        self.manifest = manifest
        self._articles = data.texts.articles
        self._passages = data.texts.passages
        self._retriever = data.retriever()
        self._rows_of_topic: dict[int, list[int]] = {}
        for row, topic in dict(zip(data.entries.articles.tolist(), data.entries.topics.tolist(), strict=True)).items():
            self._rows_of_topic.setdefault(topic, []).append(row)
        self._declared = self._declared_questions()

    def answer(
        self, question: str, vector: FloatArray, language: Language, now: datetime, audience: Audience
    ) -> KnowledgeReply:
        """Quote the best article, offer two or three, or refuse, by the calibrated thresholds."""
        allowed = self._allowed_articles(now, audience)
        hits = self._retriever.rank_topics(question, vector, allowed=allowed)
        if not hits:
            return Refusal("no_articles")
        declared = self._declared.get(_normal(question))
        if declared is not None and any(allowed[row] for row in self._rows_of_topic[declared]):
            return self._give(question, vector, self._version(declared, language, allowed), DECLARED_PROBABILITY, ())
        calibration = self.manifest.calibration
        features = features_of(hits, log_odds(calibration.domain, vector))
        if probability(calibration.known, features) < calibration.known_from:
            return Refusal("not_in_knowledge")
        chance = probability(calibration.serves, features)
        near = [hit for hit in hits[:N_CHOICES] if hit.score >= hits[0].score - NEAR_SCORE]
        choices = tuple(self._choice(hit, language, allowed) for hit in near)
        if chance < calibration.answer_from:
            return Choices(choices, chance)
        return self._give(question, vector, self._version(hits[0].topic, language, allowed), chance, choices[1:])

    def search(
        self,
        question: str,
        vector: FloatArray,
        language: Language,
        *,
        limit: int,
        now: datetime,
        audience: Audience,
    ) -> list[Choice]:
        """List fitting articles, the best first."""
        allowed = self._allowed_articles(now, audience)
        hits = self._retriever.rank_topics(question, vector, allowed=allowed, limit=limit)
        return [self._choice(hit, language, allowed) for hit in hits if hit.score >= LEAST_SEARCH_SCORE]

    def list_articles(self, language: Language, now: datetime, audience: Audience) -> list[Article]:
        """List the articles of a language that hold at that moment."""
        allowed = self._allowed_articles(now, audience)
        return [
            article
            for article, ok in zip(self._articles, allowed, strict=True)
            if ok and article.head.language == language
        ]

    def _allowed_articles(self, now: datetime, audience: Audience) -> BoolArray:
        readable = {Audience.EVERYONE, audience}
        return np.array([a.is_valid_at(now) and a.head.audience in readable for a in self._articles], dtype=bool)

    def _version(self, topic: int, language: Language, allowed: BoolArray) -> int:
        """Return the row of the topic's article in the customer's language, else in the other."""
        rows = [row for row in self._rows_of_topic[topic] if allowed[row]]
        return next((row for row in rows if self._articles[row].head.language == language), rows[0])

    def _quotes(self, question: str, vector: FloatArray, article: int) -> tuple[Quote, ...]:
        """Return the passage that fits best, and the next one when it is nearly as good and both are short."""
        rows, scores = self._retriever.score_passages(vector, article)
        body = self._articles[article].body
        quotes = []
        for number, row in enumerate(rows):
            passage = self._passages[row]
            verbatim = body[passage.start : passage.end]
            quote = Quote(verbatim, plain_text(verbatim), passage.headings, passage.start, passage.end)
            words = " ".join((*quote.headings, quote.text))
            scores[number] += WORDS_WEIGHT * self._retriever.word_share(question, words)
            quotes.append(quote)
        scores[0] += FIRST_PASSAGE_BONUS
        best, *others = np.argsort(-scores, kind="stable").tolist()
        if others and scores[others[0]] >= scores[best] - SECOND_QUOTE_WITHIN:
            limit = MAX_QUOTED_CHARS[self._articles[article].head.language]
            if len(quotes[best].text) + len(quotes[others[0]].text) <= limit:
                return quotes[best], quotes[others[0]]
        return (quotes[best],)

    def _give(
        self, question: str, vector: FloatArray, article: int, chance: float, alternatives: tuple[Choice, ...]
    ) -> Answer:
        quotes = self._quotes(question, vector, article)
        return Answer(quotes, _source(self._articles[article], quotes[0]), chance, alternatives)

    def _declared_questions(self) -> dict[str, int]:
        """Map each title and similar question that only one topic declares to that topic."""
        owners: dict[str, set[int]] = {}
        for topic, rows in self._rows_of_topic.items():
            for row in rows:
                head = self._articles[row].head
                for text in (head.title, *head.similar_questions):
                    owners.setdefault(_normal(text), set()).add(topic)
        return {text: topics.pop() for text, topics in owners.items() if text and len(topics) == 1}

    def _choice(self, hit: TopicHit, language: Language, allowed: BoolArray) -> Choice:
        article = self._articles[self._version(hit.topic, language, allowed)]
        return Choice(article.head.id, article.head.title, article.head.language, article.link, round(hit.score, 4))


def _normal(text: str) -> str:
    """Return a question without case, blanks and punctuation, so that people's spelling of it is equal."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).lower() if char.isalnum())


def _source(article: Article, quote: Quote) -> Source:
    head = article.head
    return Source(
        article_id=head.id,
        title=head.title,
        section=_last(quote.headings),
        language=head.language,
        url=article.link,
        version=head.version,
        valid_from=head.valid_from,
        valid_until=head.valid_until,
    )


def _last(headings: Iterable[str]) -> str:
    return next(reversed(tuple(headings)), "")
