"""Finds known words of an entity (a product's name, a reason) that were seen in the training data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bot.nlu.identifiers import FoundEntity
from bot.nlu.message_text import fold

_SHORTEST_LATIN = 3
_SHORTEST_HAN = 2


class KeywordFinder:
    """Words by entity. The longest word wins where two overlap; a Latin word is found as a whole word only."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        self.words = {entity: sorted(_usable(listed)) for entity, listed in sorted(words.items())}
        self._entity_of = {word: entity for entity, listed in self.words.items() for word in listed}
        ordered = sorted(self._entity_of, key=lambda word: (-len(word), word))
        self._pattern = re.compile("|".join(map(_pattern_of, ordered))) if ordered else None

    def find(self, text: str) -> list[FoundEntity]:
        """Find each known word; the value is the text as the customer wrote it."""
        if self._pattern is None:
            return []
        folded = fold(text)
        found = []
        for match in self._pattern.finditer(folded.text):
            word = next((form for form in _singulars(match.group()) if form in self._entity_of), None)
            if word is not None:
                start, end = folded.original_span(*match.span())
                found.append(FoundEntity(self._entity_of[word], text[start:end], start, end))
        return found


def _usable(words: Iterable[str]) -> set[str]:
    folded = {" ".join(fold(word).text.split()) for word in words}
    return {word for word in folded if len(word) >= (_SHORTEST_LATIN if word.isascii() else _SHORTEST_HAN)}


def _pattern_of(word: str) -> str:
    before = "(?<![a-z0-9])" if _is_latin(word[0]) else ""
    after = "(?:e?s)?(?![a-z0-9])" if _is_latin(word[-1]) else ""
    return before + r"\s+".join(map(re.escape, word.split())) + after


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _singulars(match: str) -> tuple[str, ...]:
    word = " ".join(match.split())
    return word, word.removesuffix("s"), word.removesuffix("es")
