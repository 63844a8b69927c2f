"""Answering from the live index: a quotation with its source, choices between articles, or a refusal."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.clock import Clock, SystemClock
from core.errors import ConfigError, InvalidInputError
from core.logs import get_logger
from knowledge_index.index_folder import list_versions, live_version, read_version
from knowledge_index.live_index import LiveIndex
from knowledge_index.models import (
    LANGUAGES,
    Article,
    Audience,
    Choice,
    KnowledgeReply,
    Language,
    Manifest,
    Refusal,
)
from text_encoder import Encoder

log = get_logger(__name__)

FloatArray = npt.NDArray[np.float32]


class KnowledgeService:
    """Serves the index folder's live version and follows its pointer; a refused version leaves the last good one."""

    def __init__(
        self, index_dir: Path, encoder: Encoder, *, clock: Clock | None = None, check_every_s: float = 1.0
    ) -> None:
        """Take the index's folder; nothing is read before `load` or the first question.

        Args:
            index_dir: the folder that `build_index` wrote.
            encoder: encodes questions that come without a vector.
            clock: says which articles hold today.
            check_every_s: how often the pointer is looked at.
        """
        self._dir = index_dir
        self._encoder = encoder
        self._clock = clock or SystemClock()
        self._check_every_s = check_every_s
        self._live: LiveIndex | None = None
        self._refused: str | None = None
        self._checked_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def manifest(self) -> Manifest | None:
        """The manifest of the version that serves, or None."""
        return self._live.manifest if self._live else None

    async def load(self) -> Manifest:
        """Read the live version, or the newest sound one when it is damaged.

        Raises:
            ConfigError: there is no index, or none that can be used; says what to do.
        """
        async with self._lock:
            self._live = await asyncio.to_thread(self._read_first)
            self._checked_at = time.monotonic()
            return self._live.manifest

    async def answer(
        self,
        question: str,
        *,
        language: str,
        vector: FloatArray | None = None,
        vector_encoder: str | None = None,
        audience: Audience = Audience.EVERYONE,
    ) -> KnowledgeReply:
        """Answer a question in the customer's language, else from the other language's article.

        Args:
            question: the customer's words.
            language: "zh" or "en"; anything else counts as "en" unless the question has Chinese characters.
            vector: the question's vector, if it was made already (float32, length 1).
            vector_encoder: the name of the encoder that made it; another one's vector is not used.
            audience: whose articles may be quoted.

        Raises:
            InvalidInputError: the vector has another length than the index's.
        """
        live = await self._current()
        if live is None:
            return Refusal("index_unavailable")
        if not question.strip():
            return Refusal("empty_question")
        asked_in = choose_language(language, question)
        if vector is not None and vector_encoder not in (None, self._encoder.name):
            log.warning("knowledge.vector_not_used", encoder=self._encoder.name, vector_encoder=vector_encoder)
            vector = None
        return await asyncio.to_thread(self._answer, live, question, asked_in, vector, audience)

    async def search(
        self, question: str, *, language: Language, limit: int = 10, audience: Audience = Audience.EVERYONE
    ) -> list[Choice]:
        """List the articles that fit a search, the best first; articles with no likeness are left out."""
        live = await self._current()
        if live is None or not question.strip():
            return []

        def run() -> list[Choice]:
            vector = self._encoder.encode([question])[0]
            now = self._clock.now()
            return live.search(question, vector, language, limit=limit, now=now, audience=audience)

        return await asyncio.to_thread(run)

    async def list_articles(self, *, language: Language, audience: Audience = Audience.EVERYONE) -> list[Article]:
        """List the articles of a language that hold today."""
        live = await self._current()
        return live.list_articles(language, self._clock.now(), audience) if live else []

    async def find_article(
        self, article_id: str, *, language: Language, audience: Audience = Audience.EVERYONE
    ) -> Article | None:
        """Find the article of this id and language if it holds today."""
        articles = await self.list_articles(language=language, audience=audience)
        return next((article for article in articles if article.head.id == article_id), None)

    def _answer(
        self, live: LiveIndex, question: str, language: Language, vector: FloatArray | None, audience: Audience
    ) -> KnowledgeReply:
        if vector is None:
            vector = self._encoder.encode([question])[0]
        vector = np.asarray(vector, dtype=np.float32)
        if vector.shape != (live.manifest.dimension,) or not np.isfinite(vector).all():
            raise InvalidInputError(
                f"The vector has shape {vector.shape}; the index needs {live.manifest.dimension} finite numbers from"
                f" encoder {live.manifest.encoder!r}.",
                code="vector_mismatch",
            )
        return live.answer(question, vector, language, self._clock.now(), audience)

    async def _current(self) -> LiveIndex | None:
        if time.monotonic() - self._checked_at >= self._check_every_s:
            async with self._lock:
                if time.monotonic() - self._checked_at >= self._check_every_s:
                    await asyncio.to_thread(self._follow_pointer)
                    self._checked_at = time.monotonic()
        return self._live

    def _follow_pointer(self) -> None:
        """Read the version the pointer names, unless it serves already or was refused before."""
        version = live_version(self._dir)
        serving = self._live.manifest.version if self._live else None
        if version is None or version in (serving, self._refused):
            return
        try:
            self._live = self._read_first() if self._live is None else self._read(version)
            log.info("knowledge.index_loaded", version=self._live.manifest.version)
        except ConfigError as error:
            log.warning("knowledge.index_refused", version=version, serving=serving, reason=error.message)
            self._refused = version

    def _read_first(self) -> LiveIndex:
        version = live_version(self._dir)
        if version is None:
            raise ConfigError(f"There is no knowledge index in {self._dir}. Run `./yiti index`.", code="index_missing")
        try:
            return self._read(version)
        except ConfigError as error:
            if error.code == "index_other_encoder":
                raise
            log.warning("knowledge.index_refused", version=version, reason=error.message)
            self._refused = version
            for older in [name for name in list_versions(self._dir) if name != version]:
                try:
                    return self._read(older)
                except ConfigError as refused:
                    log.warning("knowledge.index_refused", version=older, reason=refused.message)
            raise

    def _read(self, version: str) -> LiveIndex:
        manifest, data = read_version(self._dir, version, encoder_name=self._encoder.name)
        return LiveIndex(manifest, data)


def choose_language(language: str, question: str) -> Language:
    """Return a language of the knowledge: the one named, else by the question's script."""
    for known in LANGUAGES:
        if language == known:
            return known
    return "zh" if any("\u3400" <= char <= "\u9fff" for char in question) else "en"
