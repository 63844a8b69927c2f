"""Cleans and folds a message's text, with a map back to the offsets of what the customer wrote."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MODEL_TEXT_CAP = 512

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")


@dataclass(frozen=True)
class FoldedText:
    """A text in NFKC and lower case; `origins[i]` is the offset in the original of folded character i.

    `origins` has one entry more than `text` has characters: the length of the original.
    """

    text: str
    origins: tuple[int, ...]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Translate a non-empty span of the folded text into one of the original."""
        last = self.origins[end - 1]
        following = next((origin for origin in self.origins[end:] if origin > last), self.origins[-1])
        return self.origins[start], following


def clean(text: str) -> str:
    """Replace lone surrogates and control characters, one for one, so that offsets stay."""
    return _CONTROL.sub(" ", _SURROGATE.sub("\ufffd", text))


def fold(text: str) -> FoldedText:
    """Fold full-width forms, compatibility characters and letter case."""
    characters: list[str] = []
    origins: list[int] = []
    for offset, character in enumerate(clean(text)):
        if character.isascii():
            characters.append(character.lower())
            origins.append(offset)
            continue
        for folded in unicodedata.normalize("NFKC", character).lower():
            characters.append(folded)
            origins.append(offset)
    origins.append(len(text))
    return FoldedText("".join(characters), tuple(origins))


def for_models(text: str) -> str:
    """Fold a text, squeeze its white space, and cap its length for the models."""
    return " ".join(fold(text[: 2 * MODEL_TEXT_CAP]).text.split())[:MODEL_TEXT_CAP]
