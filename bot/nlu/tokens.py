"""Splits text of mixed scripts into tokens: each Han character, each run of letters, each run of digits."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3005\u3007\U00020000-\U0003134f"
_TOKEN = re.compile(
    f"[{_HAN}]"
    r"|\d+"
    rf"|[^\W\d_{_HAN}]+(?:['\u2019][^\W\d_{_HAN}]+)*"
    r"|[^\w\s]|_"
)


def split_tokens(text: str, cuts: Collection[int] = ()) -> list[tuple[int, int]]:
    """Return the (start, end) of each token, in order.

    `cuts` are offsets at which no token may go on: the ends of labelled entities, so that a label is never lost
    because a token crosses it.
    """
    spans = [match.span() for match in _TOKEN.finditer(text)]
    if not cuts:
        return spans
    ordered = sorted(set(cuts))
    return [piece for start, end in spans for piece in _cut(start, end, ordered)]


def _cut(start: int, end: int, cuts: list[int]) -> list[tuple[int, int]]:
    edges = [start, *(cut for cut in cuts if start < cut < end), end]
    return list(pairwise(edges))
