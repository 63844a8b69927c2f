"""Reads a message's language from its script, and chooses the language to answer in."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_LATIN_WORD = re.compile(r"[a-z\u00c0-\u024f]+(?:['\u2019][a-z]+)*", re.IGNORECASE)
_OTHER_SCRIPT = re.compile("[\u0370-\u1fff\u3040-\u30ff\u3131-\u318e\uac00-\ud7af]")
_NOT_A_WORD = re.compile(r"https?://\S+|\S+@\S+|[A-Za-z]*[-_]?\d[\w-]*|/\w+(?:\{.*\})?")

_PURE_SHARE = 0.8
_FEW_LETTERS = 3


@dataclass(frozen=True)
class LanguageReading:
    """What the script of a message says.

    `label` is zh, en, mixed or other. `answer_in` is the stronger of zh and en, or "" when the message does not say;
    `is_short` marks one ("ok", "hi") that tells too little to change the language of a conversation.
    """

    label: str
    answer_in: str
    is_short: bool


def read_language(text: str) -> LanguageReading:
    """Read the language; numbers, links, addresses and button payloads say nothing about it."""
    words = _NOT_A_WORD.sub(" ", text)
    n_han = len(_HAN.findall(words))
    latin = _LATIN_WORD.findall(words)
    n_other = len(_OTHER_SCRIPT.findall(words))
    total = n_han + len(latin)
    if total == 0 or n_other > n_han + sum(map(len, latin)) / 2:
        return LanguageReading("other", "", True)
    han_share = n_han / total
    # Han letters weigh as much as Latin words: "我的 order 还没到" is Chinese, "what does 保修 mean" is English.
    answer_in = "zh" if han_share >= 0.5 else "en"
    if n_han == 0:
        return LanguageReading("en", "en", sum(map(len, latin)) <= _FEW_LETTERS)
    if han_share >= _PURE_SHARE:
        return LanguageReading("zh", "zh", False)
    return LanguageReading("en" if han_share <= 1 - _PURE_SHARE else "mixed", answer_in, False)


def choose_language(reading: LanguageReading, *, current: str | None, hint: str | None) -> str:
    """Choose zh or en for the answer.

    The message decides when it says enough; else the conversation goes on as it was, else the hint (a browser's or a
    profile's language tag), else what little the message says, else English.
    """
    if reading.answer_in and not reading.is_short:
        return reading.answer_in
    if current in ("zh", "en"):
        return current
    hinted = (hint or "").replace("_", "-").split("-")[0].lower()
    if hinted in ("zh", "en"):
        return hinted
    return reading.answer_in or "en"
