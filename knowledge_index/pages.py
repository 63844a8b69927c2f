"""The help centre's pages as HTML: an index, search results, an article. No script, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from markdown_it import MarkdownIt

from knowledge_index.models import Article, Choice, Language

STYLESHEET_PATH = "/help/assets/help.css"

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_WORDS: dict[Language, dict[str, str]] = {
    "zh": {
        "lang": "zh-CN",
        "home": "帮助中心",
        "search": "搜索",
        "placeholder": "输入您的问题",
        "results": "“{query}”的搜索结果",
        "nothing": "没有找到相关文章。可以换个说法，或联系在线客服。",
        "other": "English",
        "skip": "跳到正文",
        "meta": "第 {version} 版",
        "from": "自 {date} 起有效",
        "until": "有效期至 {date}",
        "back": "返回帮助中心",
        "missing": "没有这篇文章",
        "missing_text": "文章可能已经更名或过期，请用上面的搜索框查找。",
    },
    "en": {
        "lang": "en",
        "home": "Help centre",
        "search": "Search",
        "placeholder": "Type your question",
        "results": "Results for “{query}”",
        "nothing": "Nothing found. Try other words, or ask us in the chat.",
        "other": "中文",
        "skip": "Skip to content",
        "meta": "Version {version}",
        "from": "valid from {date}",
        "until": "valid until {date}",
        "back": "Back to the help centre",
        "missing": "There is no such article",
        "missing_text": "It may have been renamed or be out of date. Please use the search above.",
    },
}


def index_page(
    language: Language, articles: Sequence[Article], categories: Mapping[str, Mapping[Language, str]]
) -> str:
    """Render the list of all articles by category."""
    groups: dict[str, list[Article]] = {key: [] for key in categories}
    for article in articles:
        groups.setdefault(article.head.category, []).append(article)
    cards = []
    for key, members in groups.items():
        if not members:
            continue
        title = categories.get(key, {}).get(language, key)
        items = "".join(
            f'<li><a href="{escape(article.link)}">{escape(article.head.title)}</a></li>' for article in members
        )
        cards.append(f'<section class="card"><h2>{escape(title)}</h2><ul>{items}</ul></section>')
    words = _WORDS[language]
    return _page(language, words["home"], f'<h1>{words["home"]}</h1><div class="groups">{"".join(cards)}</div>')


def results_page(language: Language, query: str, results: Sequence[Choice]) -> str:
    """Render what a search found."""
    words = _WORDS[language]
    heading = words["results"].format(query=query)
    if results:
        items = "".join(f'<li><a href="{escape(found.url)}">{escape(found.title)}</a></li>' for found in results)
        content = f'<ol class="results">{items}</ol>'
    else:
        content = f"<p>{words['nothing']}</p>"
    return _page(language, heading, f"<h1>{escape(heading)}</h1>{content}", query=query)


def article_page(language: Language, article: Article) -> str:
    """Render an article. Its language may differ from the page's."""
    head, words = article.head, _WORDS[language]
    facts = [words["meta"].format(version=head.version)]
    if head.valid_from:
        facts.append(words["from"].format(date=head.valid_from.isoformat()))
    if head.valid_until:
        facts.append(words["until"].format(date=head.valid_until.isoformat()))
    body = _MARKDOWN.render(article.body).replace("<table>", '<div class="table"><table>')
    body = body.replace("</table>", "</table></div>")
    content = (
        f'<article lang="{_WORDS[head.language]["lang"]}"><h1>{escape(head.title)}</h1>{body}'
        f'<p class="meta">{escape(" · ".join(facts))}</p></article>'
        f'<p><a href="/help/{language}">{words["back"]}</a></p>'
    )
    return _page(language, head.title, content, article_id=head.id)


def missing_page(language: Language) -> str:
    """Render the answer to an unknown address."""
    words = _WORDS[language]
    return _page(language, words["missing"], f"<h1>{words['missing']}</h1><p>{words['missing_text']}</p>")


def _page(language: Language, title: str, content: str, *, query: str = "", article_id: str = "") -> str:
    words = _WORDS[language]
    other: Language = "en" if language == "zh" else "zh"
    switch = f"/help/{other}" + (f"/{article_id}" if article_id else f"?q={quote(query)}" if query else "")
    return (
        f'<!doctype html><html lang="{words["lang"]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} · 一和 Yihe</title><link rel="stylesheet" href="{STYLESHEET_PATH}"></head><body>'
        f'<a class="skip" href="#content">{words["skip"]}</a>'
        f'<header><a class="home" href="/help/{language}">一和 Yihe · {words["home"]}</a>'
        f'<form role="search" action="/help/{language}" method="get">'
        f'<input type="search" name="q" maxlength="200" aria-label="{words["search"]}" value="{escape(query)}"'
        f' placeholder="{words["placeholder"]}"><button>{words["search"]}</button></form>'
        f'<nav><a href="{escape(switch)}" lang="{_WORDS[other]["lang"]}" hreflang="{other}">{words["other"]}</a></nav>'
        f'</header><main id="content">{content}</main></body></html>\n'
    )
