"""The values of knowledge: articles, passages, what an index says of itself, and the three kinds of reply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

ARTICLE_ID_PATTERN = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class Audience(StrEnum):
    """Who may read an article."""

    EVERYONE = "everyone"
    AGENTS = "agents"


class ArticleHead(BaseModel):
    """The front matter of an article; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=ARTICLE_ID_PATTERN, max_length=80)]
    title: _Line
    language: Language
    category: Annotated[str, StringConstraints(pattern=ARTICLE_ID_PATTERN, max_length=40)]
    similar_questions: tuple[_Line, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    version: Annotated[int, Field(ge=1)] = 1
    audience: Audience = Audience.EVERYONE
    url: Annotated[str, StringConstraints(pattern=r"^(?:https?://|/)\S+$", max_length=500)] | None = None


class Article(BaseModel):
    """One text in one language. Articles of one topic share their id over the languages.

    `body` is the Markdown after the front matter, exactly as in the file; quotes are slices of it.
    """

    model_config = ConfigDict(frozen=True)

    head: ArticleHead
    body: str

    @property
    def link(self) -> str:
        """Where a customer can read the whole article."""
        return self.head.url or f"/help/{self.head.language}/{self.head.id}"

    def is_valid_at(self, moment: datetime) -> bool:
        """Say whether the article holds on that day (UTC); both dates are days it holds on."""
        day = moment.astimezone(UTC).date()
        head = self.head
        return not (head.valid_from and day < head.valid_from) and not (head.valid_until and day > head.valid_until)


class Passage(BaseModel):
    """A piece of an article that can be quoted: always `body[start:end]` of its article."""

    model_config = ConfigDict(frozen=True)

    article: int
    start: int
    end: int
    headings: tuple[str, ...]


class ArticleRecord(BaseModel):
    """An article as a manifest lists it."""

    id: str
    language: Language
    version: int
    title: str


class ArticleProblem(BaseModel):
    """A file that could not become an article; the others went on."""

    file: str
    line: int
    message: str


class ReliabilityBin(BaseModel):
    """Of `n` held-out questions given about this probability, the share whose first article was right."""

    predicted: float
    observed: float
    n: int


class Logistic(BaseModel):
    """A logistic regression over the features of a ranking."""

    weights: tuple[float, ...]
    bias: float


class Calibration(BaseModel):
    """How a ranking becomes an answer, choices or a refusal.

    `domain` weighs a question's vector: does it sound like the articles or like foreign questions? `known`
    joins that with the ranking; below `known_from` there is no reply.
    `serves` is the probability that the first article answers the question; it is quoted from `answer_from`.
    """

    domain: Logistic
    known: Logistic
    serves: Logistic
    known_from: float
    answer_from: float
    budget: float
    reliability: tuple[ReliabilityBin, ...] = ()


class RetrievalFigures(BaseModel):
    """How well questions find their article, and what the thresholds make of them; shares from 0 to 1."""

    n_questions: int
    recall_at_1: float
    recall_at_5: float
    mrr: float
    refused: float
    answered: float
    wrong_among_answers: float


class Figures(BaseModel):
    """What a build measured, with probabilities from fits that had not seen the question.

    Held-out questions are the articles' own similar questions, each left out of the index while asked.
    """

    held_out: RetrievalFigures
    golden: RetrievalFigures
    n_foreign: int
    foreign_refused: float
    foreign_answered: float


class Manifest(BaseModel):
    """What an index folder says of itself."""

    model_config = ConfigDict(extra="forbid")

    format: int
    version: str
    built_at: datetime
    fingerprint: str
    encoder: str
    dimension: int
    n_entries: int
    n_passages: int
    articles: tuple[ArticleRecord, ...]
    problems: tuple[ArticleProblem, ...]
    categories: dict[str, dict[Language, str]]
    calibration: Calibration
    figures: Figures
    files: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a quotation comes from."""

    article_id: str
    title: str
    section: str
    language: Language
    url: str
    version: int
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of an article.

    Attributes:
        verbatim: the slice `body[start:end]` of the article's Markdown, unchanged.
        text: the same words for a chat bubble: emphasis marks gone, table rows as lines.
    """

    verbatim: str
    text: str
    headings: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Choice:
    """An article that may be meant."""

    article_id: str
    title: str
    language: Language
    url: str
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A quotation that serves with this probability."""

    quotes: tuple[Quote, ...]
    source: Source
    probability: float
    alternatives: tuple[Choice, ...]
    kind: Literal["answer"] = "answer"

    @property
    def text(self) -> str:
        """The quotations for a chat bubble, each under its section's heading.

        Without it a list of exceptions would read as a list of rules.
        """
        return "\n\n".join("\n".join((*quote.headings[-1:], quote.text)) for quote in self.quotes)


@dataclass(frozen=True, slots=True)
class Choices:
    """Two or three articles of which one may be meant; too unsure to quote one."""

    choices: tuple[Choice, ...]
    probability: float
    kind: Literal["choices"] = "choices"


RefusedBecause = Literal["empty_question", "not_in_knowledge", "no_articles", "index_unavailable"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing in the knowledge serves."""

    refused_because: RefusedBecause
    probability: float = 0.0
    kind: Literal["refusal"] = "refusal"


KnowledgeReply = Answer | Choices | Refusal
