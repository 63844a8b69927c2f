"""Building an index from a folder of articles: only when out of date, only new texts encoded anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from core.clock import Clock, SystemClock
from core.errors import ConfigError
from core.logs import get_logger
from knowledge_index import calibration, lexical, retrieval
from knowledge_index.articles import GOLDEN_FILE, UNANSWERABLE_FILE, ArticleFolder, fingerprint_folder, read_folder
from knowledge_index.index_folder import (
    FORMAT,
    ArticleTexts,
    IndexData,
    live_version,
    read_manifest,
    read_version,
    write_version,
)
from knowledge_index.models import Article, ArticleRecord, Language, Manifest, Passage
from knowledge_index.passages import MAX_CHARS, cut_passages, plain_text, split_sentences
from knowledge_index.retrieval import Entries, EntryKind
from knowledge_index.trials import (
    Examiner,
    article_words,
    figures,
    read_foreign_questions,
    read_golden_questions,
)
from text_encoder import Encoder

Progress = Callable[[str, int, int], None]

#: Raise it when a change of the code changes what an index of the same articles holds.
BUILD_VERSION = 1
_BATCH = 64

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: EntryKind
    article: int
    passage: int
    text: str


def build_index(
    articles_dir: Path,
    out_dir: Path,
    encoder: Encoder,
    progress: Progress = lambda _step, _done, _total: None,
    *,
    clock: Clock | None = None,
    force: bool = False,
) -> Manifest:
    """Build the index of `articles_dir` under `out_dir` and make it live, unless it is up to date.

    Args:
        articles_dir: folder with Markdown files in subfolders.
        out_dir: folder of the index's versions and its pointer.
        encoder: makes the vectors; its name is stored.
        progress: is told a step's name, how much of it is done, and of how much.
        clock: tells when the index was built.
        force: build also when nothing changed.

    Returns:
        The live version's manifest; its `problems` list files that could not become articles.

    Raises:
        ConfigError: no folder, no article in it that can be used, or `out_dir` cannot be written.
    """
    fingerprint = _fingerprint(articles_dir, encoder)
    if not force and (manifest := _up_to_date(out_dir, fingerprint)):
        progress("up to date", 1, 1)
        return manifest
    progress("read articles", 0, 1)
    folder = read_folder(articles_dir)
    for problem in folder.problems:
        log.warning("knowledge.article_broken", file=problem.file, line=problem.line, problem=problem.message)
    if not folder.articles:
        raise ConfigError(f"{articles_dir} holds no usable article.", code="articles_missing", problems=folder.problems)
    data, entries = _make_data(folder, encoder, _known_vectors(out_dir, encoder), progress)
    progress("calibrate", 0, 1)
    questions = {row: entry.text for row, entry in enumerate(entries) if entry.kind is EntryKind.QUESTION}
    examiner = Examiner(data, encoder, read_foreign_questions(articles_dir / UNANSWERABLE_FILE))
    golden = read_golden_questions(articles_dir / GOLDEN_FILE)
    trials = [*examiner.hold_out(questions), *examiner.ask_golden(golden), *examiner.ask_foreign()]
    calibrated = calibration.calibrate(trials, examiner.domain)
    built_at = (clock or SystemClock()).now()
    manifest = Manifest(
        format=FORMAT,
        version=f"{built_at:%Y%m%dT%H%M%S%f}Z-{fingerprint[:8]}-{uuid4().hex[:4]}",
        built_at=built_at,
        fingerprint=fingerprint,
        encoder=encoder.name,
        dimension=encoder.dimension,
        n_entries=len(entries),
        n_passages=len(data.texts.passages),
        articles=tuple(_record(article) for article in folder.articles),
        problems=folder.problems,
        categories=folder.categories,
        calibration=calibrated,
        figures=figures(trials, calibrated),
    )
    progress("write", 0, 1)
    manifest = write_version(out_dir, manifest, data)
    progress("done", 1, 1)
    return manifest


def _fingerprint(articles_dir: Path, encoder: Encoder) -> str:
    settings = (
        FORMAT,
        BUILD_VERSION,
        encoder.name,
        MAX_CHARS,
        (lexical.K1, lexical.B, retrieval.NEAREST_WEIGHT, retrieval.CENTRE_WEIGHT, retrieval.LEXICAL_WEIGHT),
        calibration.WRONG_ANSWER_BUDGET,
        [question.text for question in read_foreign_questions()],
        fingerprint_folder(articles_dir),
    )
    return hashlib.sha256(repr(settings).encode()).hexdigest()


def _up_to_date(out_dir: Path, fingerprint: str) -> Manifest | None:
    version = live_version(out_dir)
    if version is None:
        return None
    try:
        manifest = read_manifest(out_dir, version)
    except ConfigError as error:
        log.warning("knowledge.index_refused", version=version, reason=error.message)
        return None
    return manifest if manifest.fingerprint == fingerprint else None


def _known_vectors(out_dir: Path, encoder: Encoder) -> dict[bytes, npt.NDArray[np.float32]]:
    """Return the live version's vectors by the hash of their text, to spare encoding them again."""
    version = live_version(out_dir)
    if version is None:
        return {}
    try:
        _, data = read_version(out_dir, version, encoder_name=encoder.name)
    except ConfigError:
        return {}
    return {digest.tobytes(): vector for digest, vector in zip(data.text_hashes, data.vectors, strict=True)}


def _make_data(
    folder: ArticleFolder, encoder: Encoder, known: dict[bytes, npt.NDArray[np.float32]], progress: Progress
) -> tuple[IndexData, list[_Entry]]:
    passages: list[Passage] = []
    entries: list[_Entry] = []
    for number, article in enumerate(folder.articles):
        cut = cut_passages(article, number)
        entries.extend(_article_entries(article, number, cut, first_passage=len(passages)))
        passages.extend(cut)
    topics = {name: number for number, name in enumerate(dict.fromkeys(article.head.id for article in folder.articles))}
    articles = np.array([entry.article for entry in entries], dtype=np.int32)
    topic_of = np.array([topics[article.head.id] for article in folder.articles], dtype=np.int32)
    columns = Entries(
        kinds=np.array([entry.kind for entry in entries], dtype=np.int8),
        articles=articles,
        passages=np.array([entry.passage for entry in entries], dtype=np.int32),
        topics=topic_of[articles],
    )
    texts = [entry.text for entry in entries]
    hashes = np.array([list(_text_hash(text)) for text in texts], dtype=np.uint8)
    data = IndexData(
        ArticleTexts(articles=folder.articles, passages=tuple(passages)),
        columns,
        hashes,
        _encode(texts, hashes, encoder, known, progress),
        lexical.build_lexical([article_words(article) for article in folder.articles]),
    )
    return data, entries


def _article_entries(
    article: Article, number: int, passages: Sequence[Passage], *, first_passage: int
) -> Iterator[_Entry]:
    """List what an article is found by: title, similar questions, and its passages' headings and sentences."""
    head = article.head
    yield _Entry(EntryKind.TITLE, number, -1, head.title)
    for question in head.similar_questions:
        yield _Entry(EntryKind.QUESTION, number, -1, question)
    separator = "：" if head.language == "zh" else ": "
    for row, passage in enumerate(passages, first_passage):
        heading = " ".join((head.title, *passage.headings))
        words = plain_text(article.body[passage.start : passage.end])
        yield _Entry(EntryKind.HEADING, number, row, heading)
        yield _Entry(EntryKind.PASSAGE, number, row, f"{heading}{separator}{words}")
        for start, end in split_sentences(words):
            yield _Entry(EntryKind.SENTENCE, number, row, words[start:end])


def _encode(
    texts: Sequence[str],
    hashes: npt.NDArray[np.uint8],
    encoder: Encoder,
    known: dict[bytes, npt.NDArray[np.float32]],
    progress: Progress,
) -> npt.NDArray[np.float32]:
    vectors = np.empty((len(texts), encoder.dimension), dtype=np.float32)
    missing = []
    for row, digest in enumerate(hashes):
        vector = known.get(digest.tobytes())
        if vector is None:
            missing.append(row)
        else:
            vectors[row] = vector
    for begin in range(0, len(missing), _BATCH):
        progress("encode", begin, len(missing))
        rows = missing[begin : begin + _BATCH]
        vectors[rows] = encoder.encode([texts[row] for row in rows])
    progress("encode", len(missing), len(missing))
    return vectors


def _text_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def _record(article: Article) -> ArticleRecord:
    head = article.head
    language: Language = head.language
    return ArticleRecord(id=head.id, language=language, version=head.version, title=head.title)
