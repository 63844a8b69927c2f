r"""Finds order numbers and the last four digits of a phone, also with Chinese text right beside them.

`\b` of regular expressions sees no border between 单 and A, so the borders here are spelt out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.nlu.message_text import fold


@dataclass(frozen=True)
class FoundEntity:
    """A piece of a message; `start` and `end` are offsets in what the customer wrote."""

    entity: str
    value: str
    start: int
    end: int


_DASHES = "_\u2010-\u2015\u2212-"  # the plain dash last: it stands inside brackets
_ORDER_NUMBER = re.compile(
    rf"(?<![a-z0-9])([a-z]{{2}})(\s?[{_DASHES}]\s?|\s{{0,2}})(\d(?:[\s{_DASHES}]?\d){{5}})(?![0-9a-z])"
)
_WORDS_OF_TWO_LETTERS = frozenset(
    [
        "am",
        "an",
        "as",
        "at",
        "be",
        "by",
        "do",
        "go",
        "he",
        "hi",
        "id",
        "if",
        "in",
        "is",
        "it",
        "me",
        "my",
        "no",
        "of",
        "oh",
        "ok",
        "on",
        "or",
        "so",
        "to",
        "up",
        "us",
        "we",
    ]
)
_PHONE = re.compile(r"(?<![0-9a-z])(?:\+?86[\s-]?)?(1[3-9]\d)[\s-]?(\d{4})[\s-]?(\d{4})(?![0-9a-z])")
_FOUR_DIGITS = re.compile(
    r"(?<![0-9a-z.])(?<!\d[-/])(\d(?:\s?\d){3})(?![0-9a-z%]|[.,/-]\d|\s?(?:年|月|元|块|号楼|rmb|usd|%))"
)
_CUE = re.compile(
    r"尾号|末四|后四|后4|最后四|最后4|手机|电话|号码|last\s*(?:four|4)|four\s+digits|4\s+digits|ending|ends\s+(?:in|with)|phone|mobile|number"
)
_CUE_DISTANCE = 24
_FILLER = re.compile(r"[\s\W_]|是|的|就|号|为|呢|哦|it'?s|its|is|my|the|are|they|here")
_BESIDE_BARE_DIGITS = 2


def find_order_numbers(text: str) -> list[FoundEntity]:
    """Find two letters and six digits in any case, width or spacing; the value reads `AB-123456`."""
    folded = fold(text)
    found = []
    for match in _ORDER_NUMBER.finditer(folded.text):
        letters, separator, digits = match.groups()
        if separator.isspace() and letters in _WORDS_OF_TWO_LETTERS:
            continue  # "my order is 123456"
        start, end = folded.original_span(*match.span())
        value = f"{letters.upper()}-{re.sub(r'[^0-9]', '', digits)}"
        found.append(FoundEntity("order_number", value, start, end))
    return found


def find_phone_last4(text: str) -> list[FoundEntity]:
    """Find the last four digits of a phone: of a whole mobile number, beside a word for it, or standing alone.

    The span covers the four digits alone.
    """
    folded = fold(text)
    phones = list(_PHONE.finditer(folded.text))
    taken = [match.span() for match in (*_ORDER_NUMBER.finditer(folded.text), *phones)]
    spans = [match.span(3) for match in phones]
    spans += [span for span in _bare_four_digits(folded.text) if not _overlaps(span, taken)]
    found = []
    for start, end in sorted(spans):
        value = re.sub(r"\s", "", folded.text[start:end])
        found.append(FoundEntity("phone_last4", value, *folded.original_span(start, end)))
    return found


def _bare_four_digits(text: str) -> Iterator[tuple[int, int]]:
    for match in _FOUR_DIGITS.finditer(text):
        start, end = match.span(1)
        around = text[max(0, start - _CUE_DISTANCE) : start] + "\n" + text[end : end + _CUE_DISTANCE]
        rest = _FILLER.sub("", text[:start] + text[end:])
        if _CUE.search(around) or len(rest) <= _BESIDE_BARE_DIGITS:
            yield start, end


def _overlaps(span: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)
