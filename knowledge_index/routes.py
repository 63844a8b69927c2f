"""The public help centre: lists, search without script, and articles."""

from __future__ import annotations

from importlib import resources

from sanic import Blueprint, HTTPResponse, Request
from sanic.response import html, raw, redirect

from core.access import public
from knowledge_index.models import LANGUAGES, Language
from knowledge_index.pages import article_page, index_page, missing_page, results_page
from knowledge_index.service import KnowledgeService

MAX_QUERY_CHARS = 200
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "vary": "accept-language",
}
_WHY = "The help centre shows what every customer may read."


def help_routes(knowledge: KnowledgeService) -> Blueprint:
    """Build the help centre's routes on one service."""
    blueprint = Blueprint("help", url_prefix="/help")
    stylesheet = resources.files("knowledge_index").joinpath("assets/help.css").read_bytes()

    @blueprint.get("/")
    @public(_WHY)
    async def help_start(request: Request) -> HTTPResponse:
        """Send the reader to their language's list."""
        return redirect(f"/help/{preferred_language(request.headers.get('accept-language', ''))}", headers=_HEADERS)

    @blueprint.get("/assets/help.css")
    @public(_WHY)
    async def help_stylesheet(_request: Request) -> HTTPResponse:
        """Serve the pages' stylesheet."""
        headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
        return raw(stylesheet, content_type="text/css; charset=utf-8", headers=headers)

    @blueprint.get("/<language:zh|en>")
    @public(_WHY)
    async def help_list(request: Request, language: Language) -> HTTPResponse:
        """List all articles, or what the query `q` finds."""
        query = " ".join((request.args.get("q") or "").split())[:MAX_QUERY_CHARS]
        if query:
            found = await knowledge.search(query, language=language)
            return html(results_page(language, query, found), headers=_HEADERS)
        articles = await knowledge.list_articles(language=language)
        categories = knowledge.manifest.categories if knowledge.manifest else {}
        return html(index_page(language, articles, categories), headers=_HEADERS)

    @blueprint.get("/<language:zh|en>/<article_id:slug>")
    @public(_WHY)
    async def help_article(_request: Request, language: Language, article_id: str) -> HTTPResponse:
        """Show an article, in the other language if it exists only there. 404: none holds today."""
        others = [other for other in LANGUAGES if other != language]
        for wanted in (language, *others):
            article = await knowledge.find_article(article_id, language=wanted)
            if article is not None:
                return html(article_page(language, article), headers=_HEADERS)
        return html(missing_page(language), status=404, headers=_HEADERS)

    return blueprint


def preferred_language(accept_language: str) -> Language:
    """Return the language a browser names first; Chinese if it names neither."""
    for part in accept_language.lower().split(","):
        tag = part.split(";")[0].strip()
        for language in LANGUAGES:
            if tag == language or tag.startswith(f"{language}-"):
                return language
    return "zh"
