"""Finds the products that a customer's words mention."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from actions.orders import Product


@dataclass(frozen=True, slots=True)
class NamedProduct:
    """A product and the words customers use for it."""

    product: Product
    aliases: tuple[str, ...]


def rank_products(text: str, named: Iterable[NamedProduct], limit: int) -> list[Product]:
    """Return the products that the text names, the longest name found first.

    A product named in full, or by a longer word than the others ("机械键盘" beside "键盘"), leaves the others out.
    """
    folded = _fold(text)
    lengths = [(_longest_name(folded, entry), entry.product) for entry in named]
    found = sorted(((length, product) for length, product in lengths if length), key=lambda pair: -pair[0])
    if not found:
        return []
    best = found[0][0]
    return [product for length, product in found if length == best][:limit]


def _longest_name(folded: str, entry: NamedProduct) -> int:
    names = (entry.product.name.zh, entry.product.name.en, entry.product.sku, *entry.aliases)
    return max((len(name) for name in map(_fold, names) if name and _mentions(folded, name)), default=0)


def _mentions(folded: str, name: str) -> bool:
    if not name.isascii():
        return name in folded
    start = folded.find(name)
    while start >= 0:
        before, after = folded[start - 1 : start], folded[start + len(name) : start + len(name) + 1]
        if not _is_latin(before) and (not _is_latin(after) or after == "s"):
            return True
        start = folded.find(name, start + 1)
    return False


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
