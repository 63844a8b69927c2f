"""The few sentences the product itself says to customers, in Chinese and English."""

from __future__ import annotations

from enum import StrEnum

DEFAULT_LANGUAGE = "zh"
LANGUAGES = ("zh", "en")
_MIN_LATIN_LETTERS = 2
_PUNCTUATION = ".,;:!?'\"()-"


class Notice(StrEnum):
    """What a system message is about; its event carries it as `notice`."""

    HANDED_OVER = "handed_over"
    ASSISTANT_UNAVAILABLE = "assistant_unavailable"
    AGENT_JOINED = "agent_joined"
    HANDED_BACK = "handed_back"
    CLOSED = "closed"
    UNREADABLE = "unreadable"


_TEXTS: dict[Notice, dict[str, str]] = {
    Notice.HANDED_OVER: {
        "zh": "已为您转接人工客服，您不用重复刚才说过的内容。",
        "en": "I am passing you to a colleague, who can read everything you wrote here.",
    },
    Notice.ASSISTANT_UNAVAILABLE: {
        "zh": "抱歉，智能助手暂时无法回答。您的消息已保存，已为您转接人工客服。",
        "en": "Sorry, the assistant cannot answer just now. Your message is kept and I am passing you to a colleague.",
    },
    Notice.AGENT_JOINED: {
        "zh": "客服 {name} 已接入，为您服务。",
        "en": "{name} has joined and will help you.",
    },
    Notice.HANDED_BACK: {
        "zh": "人工服务已结束，接下来由智能助手继续为您服务。",
        "en": "Our colleague has left the conversation; the assistant is here for you again.",
    },
    Notice.CLOSED: {
        "zh": "本次会话已结束。如有需要，随时再发消息给我们。",
        "en": "This conversation is closed. Write to us again whenever you need us.",
    },
    Notice.UNREADABLE: {
        "zh": "抱歉，我暂时只能看懂文字，请用文字告诉我您的问题。",
        "en": "Sorry, I can only read text so far. Please tell me in words what you need.",
    },
}
_POSITION = {"zh": "当前排在第 {position} 位。", "en": " You are number {position} in line."}


def system_text(notice: Notice, language: str, *, position: int | None = None, name: str | None = None) -> str:
    """Return the sentence in the customer's language; with a place in the queue when one is given."""
    language = language if language in LANGUAGES else DEFAULT_LANGUAGE
    sentence = _TEXTS[notice][language].replace("{name}", name or "")
    if position is not None:
        sentence += _POSITION[language].format(position=position)
    return sentence


def language_of(text: str, *, n_words: int = 1) -> str | None:
    """Return zh when the text has a Han character, en when it has `n_words` Latin words, None when it tells nothing."""
    if any("\u4e00" <= character <= "\u9fff" for character in text):
        return "zh"
    stripped = (word.strip(_PUNCTUATION) for word in text.split())
    words = [word for word in stripped if len(word) >= _MIN_LATIN_LETTERS and word.isascii() and word.isalpha()]
    return "en" if len(words) >= n_words else None


def known_language(tag: str | None) -> str | None:
    """Return zh or en for a language tag such as zh-CN, None for any other."""
    primary = (tag or "").replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else None
