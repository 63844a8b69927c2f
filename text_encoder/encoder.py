"""The encoder's interface, and how to load one by its profile."""

from __future__ import annotations

import importlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from text_encoder.cleaning import clean_text
from text_encoder.errors import EncoderError
from text_encoder.unigram_tokenizer import UnigramTokenizer
from text_encoder.use_files import PROFILE, encoder_name, read_files
from text_encoder.use_network import DIMENSION, UseNetwork

_CACHE_SIZE = 2048
_BLAS_THREADS = 1


class Encoder(Protocol):
    """Turns texts into vectors. Equal names mean equal vectors for equal texts."""

    @property
    def name(self) -> str:
        """Name with a checksum of weights, tokenizer and cleaning rules."""

    @property
    def dimension(self) -> int:
        """Length of each vector."""

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Encode texts.

        Returns: array of shape (n, dimension), float32, rows of L2 norm 1, in the order of `texts`.
        """

    def warm_up(self) -> None:
        """Touch every weight once, so that the first customer does not wait for it."""


class UseEncoder:
    """USE-multilingual v3 with a small cache of recent texts. Safe to share between threads."""

    name = encoder_name()
    dimension = DIMENSION

    def __init__(self, tokenizer: UnigramTokenizer, network: UseNetwork, *, cache_size: int = _CACHE_SIZE) -> None:
        self._tokenizer = tokenizer
        self._network = network
        self._cache: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()
        self._cache_size = cache_size
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Encode texts; any string is accepted, and the empty one has a vector of its own.

        Returns: array of shape (n, dimension), float32, rows of L2 norm 1, in the order of `texts`.
        """
        if isinstance(texts, str):
            raise TypeError("encode takes a list of texts, not one text.")
        cleaned = [clean_text(text) for text in texts]
        vectors = np.empty((len(cleaned), self.dimension), dtype=np.float32)
        missing: dict[str, list[int]] = {}
        with self._lock:
            for row, text in enumerate(cleaned):
                known = self._cache.get(text)
                if known is None:
                    missing.setdefault(text, []).append(row)
                else:
                    self._cache.move_to_end(text)
                    vectors[row] = known
        if missing:
            fresh = self._network.encode([self._tokenizer.encode(text) for text in missing])
            for vector, rows in zip(fresh, missing.values(), strict=True):
                vectors[rows] = vector
            self._remember(list(missing), fresh)
        return vectors

    def warm_up(self) -> None:
        """Encode one Chinese and one English text past the cache."""
        self._network.encode([self._tokenizer.encode(text) for text in ("订单什么时候发货？", "Where is my parcel?")])

    def _remember(self, texts: list[str], vectors: npt.NDArray[np.float32]) -> None:
        with self._lock:
            for text, vector in zip(texts[-self._cache_size :], vectors[-self._cache_size :], strict=True):
                self._cache[text] = vector.copy()
            while len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)


def load(profile: str = PROFILE, dir: Path | str = Path("var/encoders"), *, threads: int = _BLAS_THREADS) -> Encoder:  # noqa: A002 - the word of the interface
    """Load an encoder from the files that `python -m text_encoder.prepare` made.

    Args:
        profile: `use` is the only profile so far.
        dir: the folder given to prepare as `--out`.
        threads: how many threads this process's BLAS may use from now on, where `threadpoolctl` is
            installed. A message is too short to gain from more, and waiting threads spin on busy cores.

    Raises:
        EncoderError: the profile is unknown, or the files are missing or damaged.
    """
    if profile != PROFILE:
        raise EncoderError(f"There is no encoder profile {profile!r}; known: {PROFILE!r}.", code="encoder_unknown")
    files = read_files(Path(dir))
    _limit_blas_threads(threads)
    return UseEncoder(UnigramTokenizer(files.tokenizer), UseNetwork(files.table, files.network))


def _limit_blas_threads(threads: int) -> None:
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        return
    threadpoolctl.threadpool_limits(limits=threads, user_api="blas")
