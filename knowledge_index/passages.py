"""Cutting an article into passages at headings, blocks and sentence ends, each a verbatim slice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge_index.models import Article, Passage

#: A passage is about what fits a chat bubble; Chinese says the same in about a third of the characters.
MAX_CHARS = {"zh": 260, "en": 700}

_SENTENCE_END = re.compile(r"[。！？；…]+[”’」』）)]*|[.!?]+[\"'”’)]*(?=\s|$)|\n")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|etc|approx|incl|max|min|No|Nr|St|Mr|Ms|Dr|vs)\.$", re.IGNORECASE)
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_Span = tuple[int, int]


def cut_passages(article: Article, number: int) -> list[Passage]:
    """Cut an article's body; together the passages hold all its words except headings.

    Args:
        article: the article.
        number: its row among the articles, stored in each passage.
    """
    limit = MAX_CHARS[article.head.language]
    passages = []
    for headings, blocks in _sections(article.body):
        for start, end in _join_blocks(article.body, blocks, limit):
            passages.append(Passage(article=number, start=start, end=end, headings=headings))
    return passages


def split_sentences(text: str) -> list[_Span]:
    """Return the spans of the sentences of Chinese or English text, blanks around them left out."""
    spans, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        if match.group() != "\n" and _ABBREVIATION.search(text[start : match.end()]):
            continue
        spans.append(_strip(text, start, match.end()))
        start = match.end()
    spans.append(_strip(text, start, len(text)))
    return [(begin, end) for begin, end in spans if begin < end]


def plain_text(markdown: str) -> str:
    """Turn a passage's Markdown into lines for a chat bubble; no word is added or left out.

    List items start with "• " or their number; a table's row becomes its cells joined by " | ".
    """
    writer = _PlainWriter()
    for token in _MARKDOWN.parse(markdown):
        writer.take(token)
    return "\n".join(writer.lines)


class _PlainWriter:
    """Collects the lines of `plain_text` from a flat list of Markdown tokens."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._numbers: list[int | None] = []
        self._marker = ""
        self._row: list[str] | None = None

    def take(self, token: Token) -> None:
        """Add what one token says."""
        match token.type:
            case "bullet_list_open":
                self._numbers.append(None)
            case "ordered_list_open":
                self._numbers.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                self._marker = self._next_marker()
            case "tr_open":
                self._row = []
            case "tr_close":
                self.lines.append(" | ".join(self._row or []))
                self._row = None
            case "inline" if self._row is not None:
                self._row.append(_inline_text(token))
            case "inline":
                self.lines.append(self._marker + _inline_text(token))
                self._marker = ""
            case "fence" | "code_block" | "html_block":
                self.lines.append(token.content.rstrip("\n"))

    def _next_marker(self) -> str:
        number = self._numbers[-1]
        if number is not None:
            self._numbers[-1] = number + 1
        return "  " * (len(self._numbers) - 1) + ("• " if number is None else f"{number}. ")


def _inline_text(token: Token) -> str:
    parts = []
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        else:
            parts.append(child.content)
    return "".join(parts)


def _sections(body: str) -> Iterator[tuple[tuple[str, ...], list[_Span]]]:
    """Yield each section's heading path and the character spans of its top-level blocks."""
    offsets = [0]
    for line in body.split("\n"):
        offsets.append(offsets[-1] + len(line) + 1)
    path: list[tuple[int, str]] = []
    blocks: list[_Span] = []
    tokens = _MARKDOWN.parse(body)
    for index, token in enumerate(tokens):
        if token.level or token.nesting < 0 or token.map is None:
            continue
        if token.type == "heading_open":
            if blocks:
                yield tuple(title for _, title in path), blocks
            blocks = []
            depth = int(token.tag[1:])
            path = [(level, title) for level, title in path if level < depth]
            path.append((depth, _inline_text(tokens[index + 1])))
        else:
            first, last = token.map
            span = _strip(body, offsets[first], min(offsets[last], len(body)))
            if span[0] < span[1]:
                blocks.append(span)
    if blocks:
        yield tuple(title for _, title in path), blocks


def _join_blocks(body: str, blocks: list[_Span], limit: int) -> Iterator[_Span]:
    """Join neighbouring blocks up to the limit; a longer block is cut at its sentences' ends."""
    pieces = [piece for block in blocks for piece in _cut_block(body, block, limit)]
    start, end = pieces[0]
    for piece_start, piece_end in pieces[1:]:
        if piece_end - start <= limit:
            end = piece_end
        else:
            yield start, end
            start, end = piece_start, piece_end
    yield start, end


def _cut_block(body: str, block: _Span, limit: int) -> Iterator[_Span]:
    begin, stop = block
    if stop - begin <= limit or body[begin] == "|":  # a table stays whole: rows need their header
        yield block
        return
    for start, end in split_sentences(body[begin:stop]):
        yield begin + start, begin + end


def _strip(text: str, start: int, end: int) -> _Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
