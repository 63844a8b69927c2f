"""Reads order numbers and phone endings out of what a customer wrote."""

from __future__ import annotations

import re
import unicodedata

_ORDER_NUMBER = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2})[\s_\-‐-―−]{0,3}(\d{6})(?!\d)")
_FOUR_DIGITS = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_MOBILE = re.compile(r"(?<!\d)1[3-9]\d[\s-]?\d{4}[\s-]?(\d{4})(?!\d)")
_N_DIGITS_OF_AN_ATTEMPT = 4


def find_order_number(text: str) -> str | None:
    """Find the first order number, in any letter case, width or spacing; the result reads `AB-123456`."""
    match = _ORDER_NUMBER.search(unicodedata.normalize("NFKC", text))
    return f"{match[1].upper()}-{match[2]}" if match else None


def find_phone_last4(text: str) -> str | None:
    """Find the last four digits of a phone number: four digits alone, or the end of a whole mobile number."""
    folded = unicodedata.normalize("NFKC", text)
    mobile = _MOBILE.search(folded)
    if mobile:
        return mobile[1]
    groups = _FOUR_DIGITS.findall(_ORDER_NUMBER.sub(" ", folded))
    return groups[0] if len(groups) == 1 else None


def looks_like_a_number(text: str) -> bool:
    """Say whether the customer tried to give a number: it has at least four digits."""
    return sum(character.isdigit() for character in text) >= _N_DIGITS_OF_AN_ATTEMPT
