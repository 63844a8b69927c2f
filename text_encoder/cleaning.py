"""Cleaning of text before it is encoded: surrogates, control characters, blanks, length."""

from __future__ import annotations

import re

#: Part of the encoder's name, so that vectors made under other rules are never compared with these.
CLEANING_VERSION = 1

MAX_CHARS = 512
_RAW_LIMIT = 8 * MAX_CHARS

_SURROGATES = re.compile("[\ud800-\udfff]")
_BLANKS = re.compile("[\\s\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff]+")


def clean_text(text: str) -> str:
    """Make `text` safe for a tokenizer.

    Pairs of surrogates become the character they stand for and lone ones vanish; control characters,
    zero-width marks and runs of blanks become one blank; at most `MAX_CHARS` characters remain.
    """
    text = text[:_RAW_LIMIT]
    if _SURROGATES.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return _BLANKS.sub(" ", text).strip()[:MAX_CHARS].rstrip()
