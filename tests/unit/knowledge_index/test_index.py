"""Build, reload, swap; a corrupt or foreign index is refused and the last good one serves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sanic import Sanic
from sanic_testing.testing import SanicASGITestClient

from core.access import access_mark
from core.clock import FrozenClock
from core.errors import ConfigError, InvalidInputError
from knowledge_index.build import build_index
from knowledge_index.index_folder import DATA_FILES, live_version, point_to, read_manifest, read_version
from knowledge_index.lexical import build_lexical
from knowledge_index.models import Answer, Audience, Refusal
from knowledge_index.routes import help_routes, preferred_language
from knowledge_index.service import KnowledgeService, choose_language

WriteArticle = Callable[..., Path]
QUESTION = "warranty period headphones"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "index"


def service(out: Path, encoder: Any, at: datetime | None = None) -> KnowledgeService:
    return KnowledgeService(out, encoder, clock=FrozenClock(at), check_every_s=0)


async def test_an_answer_quotes_the_article_and_names_its_source(articles: Path, out: Path, encoder: Any) -> None:
    build_index(articles, out, encoder)
    knowledge = service(out, encoder)

    reply = await knowledge.answer(QUESTION, language="en")

    assert isinstance(reply, Answer)
    source = reply.source
    assert (source.article_id, source.language, source.url) == ("warranty", "en", "/help/en/warranty")
    assert source.section in {"Period", "Proof"}
    article = await knowledge.find_article("warranty", language="en")
    assert article is not None
    for quote in reply.quotes:
        assert article.body[quote.start : quote.end] == quote.verbatim
    assert 0.5 <= reply.probability <= 1


async def test_the_customers_language_is_preferred_and_the_other_one_serves_else(
    articles: Path, out: Path, encoder: Any
) -> None:
    build_index(articles, out, encoder)
    knowledge = service(out, encoder)

    both = await knowledge.search("shipping cost islands", language="zh")
    only_english = await knowledge.search(QUESTION, language="zh")

    assert (both[0].article_id, both[0].language) == ("shipping", "zh")
    assert (only_english[0].article_id, only_english[0].language) == ("warranty", "en")


async def test_an_article_out_of_its_dates_or_audience_is_not_found(
    write_article: WriteArticle, articles: Path, out: Path, encoder: Any
) -> None:
    write_article(articles, "sale", title="Winter sale", body="Winter sale now.", more="valid_until: 2026-01-31\n")
    write_article(articles, "secret", title="Refund desk code", body="Refund desk code.", more="audience: agents\n")
    build_index(articles, out, encoder)

    during = service(out, encoder, datetime(2026, 1, 31, 23, tzinfo=UTC))
    after = service(out, encoder, datetime(2026, 2, 1, tzinfo=UTC))

    assert (await during.search("winter sale", language="en"))[0].article_id == "sale"
    assert "sale" not in [found.article_id for found in await after.search("winter sale", language="en")]
    assert await after.find_article("secret", language="en") is None
    for_agents = await after.search("refund desk code", language="en", audience=Audience.AGENTS)
    assert for_agents[0].article_id == "secret"


def test_a_build_without_changes_does_nothing_and_one_edit_encodes_one_article(
    write_article: WriteArticle, articles: Path, out: Path, encoder: Any
) -> None:
    first = build_index(articles, out, encoder)
    encoder.encoded.clear()

    again = build_index(articles, out, encoder)
    untouched = list(encoder.encoded)
    write_article(articles, "shipping", title="Shipping to the islands", body="It now costs twelve yuan.")
    steps: list[tuple[str, int, int]] = []
    edited = build_index(articles, out, encoder, lambda *step: steps.append(step))

    assert again.version == first.version
    assert untouched == []
    assert edited.version != first.version == again.version
    assert "It now costs twelve yuan." in encoder.encoded
    assert "The warranty lasts one year." not in encoder.encoded
    assert steps[0][0] == "read articles"
    assert steps[-1] == ("done", 1, 1)


def test_broken_articles_are_listed_in_the_manifest_and_none_at_all_is_an_error(
    articles: Path, out: Path, encoder: Any
) -> None:
    (articles / "en" / "broken.md").write_text("nothing", encoding="utf-8")

    manifest = build_index(articles, out, encoder)

    assert [(problem.file, problem.line) for problem in manifest.problems] == [("en/broken.md", 1)]
    assert len(manifest.articles) == 3
    (articles / "empty" / "zh").mkdir(parents=True)
    with pytest.raises(ConfigError, match="holds no usable article"):
        build_index(articles / "empty", out, encoder)


async def test_a_new_version_is_served_without_a_restart(
    write_article: WriteArticle, articles: Path, out: Path, encoder: Any
) -> None:
    build_index(articles, out, encoder)
    knowledge = service(out, encoder)
    before = await knowledge.find_article("gloves", language="en")

    write_article(articles, "gloves", title="Gloves", body="We sell gloves.")
    manifest = build_index(articles, out, encoder)
    after = await knowledge.find_article("gloves", language="en")

    assert before is None
    assert after is not None
    assert knowledge.manifest is not None
    assert knowledge.manifest.version == manifest.version == live_version(out)


@pytest.mark.parametrize("name", [*DATA_FILES, "manifest.json"])
async def test_a_corrupt_version_is_refused_and_the_last_good_one_serves(
    articles: Path, out: Path, encoder: Any, name: str
) -> None:
    good = build_index(articles, out, encoder)
    running = service(out, encoder)
    await running.load()
    bad = build_index(articles, out, encoder, force=True)
    path = out / "versions" / bad.version / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"`\./yiti index`"):
        read_version(out, bad.version, encoder_name=encoder.name)
    started_new = service(out, encoder)
    await started_new.load()

    for knowledge in (running, started_new):
        assert isinstance(await knowledge.answer(QUESTION, language="en"), Answer)
        assert knowledge.manifest is not None
        assert knowledge.manifest.version == good.version


async def test_an_index_of_another_encoder_is_refused_with_what_to_do(
    make_encoder: Callable[[], Any], articles: Path, out: Path, encoder: Any
) -> None:
    build_index(articles, out, encoder)
    other = make_encoder()
    other.name = "words-2"

    with pytest.raises(ConfigError, match=r"built with encoder 'words-1', but 'words-2' is running.*\./yiti index"):
        await service(out, other).load()

    assert build_index(articles, out, other).encoder == "words-2"


async def test_without_an_index_questions_are_refused_and_loading_says_what_to_do(
    articles: Path, out: Path, encoder: Any
) -> None:
    knowledge = service(out, encoder)

    assert await knowledge.answer(QUESTION, language="en") == Refusal("index_unavailable")
    with pytest.raises(ConfigError, match=r"no knowledge index in .* Run `\./yiti index`"):
        await knowledge.load()
    build_index(articles, out, encoder)
    assert isinstance(await knowledge.answer(QUESTION, language="en"), Answer)


async def test_a_pointer_out_of_the_folder_and_a_foreign_format_are_refused(
    articles: Path, out: Path, encoder: Any
) -> None:
    manifest = build_index(articles, out, encoder)
    path = out / "versions" / manifest.version / "manifest.json"
    raw = json.loads(path.read_text())
    path.write_text(json.dumps(raw | {"format": 99}))

    with pytest.raises(ConfigError, match="has index format 99"):
        read_manifest(out, manifest.version)
    point_to(out, "../versions")
    with pytest.raises(ConfigError, match="names no version"):
        read_manifest(out, live_version(out) or "")


def test_old_versions_are_removed_but_for_the_last_ones(articles: Path, out: Path, encoder: Any) -> None:
    versions = [build_index(articles, out, encoder, force=True).version for _ in range(5)]

    assert sorted(path.name for path in (out / "versions").iterdir()) == versions[-3:]


async def test_odd_questions_and_vectors_get_clear_outcomes(articles: Path, out: Path, encoder: Any) -> None:
    build_index(articles, out, encoder)
    knowledge = service(out, encoder)
    vector = encoder.encode([QUESTION])[0]
    asked_before = len(encoder.encoded)

    given = await knowledge.answer(QUESTION, language="en", vector=vector, vector_encoder=encoder.name)

    assert isinstance(given, Answer)
    assert len(encoder.encoded) == asked_before
    assert await knowledge.answer("  \n", language="en") == Refusal("empty_question")
    for odd in ("\ud800", "？？？", "x" * 4000, "' OR 1=1 --", "<script>"):
        assert (await knowledge.answer(odd, language="fr")).kind in {"answer", "choices", "refusal"}
    with pytest.raises(InvalidInputError, match=r"The vector has shape \(3,\); the index needs 64"):
        await knowledge.answer(QUESTION, language="en", vector=np.zeros(3, dtype=np.float32))
    other = await knowledge.answer(QUESTION, language="en", vector=np.zeros(3), vector_encoder="another")
    assert isinstance(other, Answer)


async def test_a_question_that_an_article_declares_is_answered_by_it(
    articles: Path, out: Path, encoder: Any, write_article: WriteArticle
) -> None:
    write_article(articles, "gloves", title="Gloves", questions=["Do you ship to islands?"], body="Gloves are warm.")
    write_article(articles, "hats", title="Hats", questions=["totally unlike the text"], body="Hats are round.")
    build_index(articles, out, encoder)
    knowledge = service(out, encoder)

    declared = await knowledge.answer("Totally unlike the text!", language="en")
    by_title = await knowledge.answer("海岛配送？", language="en")
    shared = await knowledge.answer("do you ship to islands", language="en")

    assert isinstance(declared, Answer)
    assert (declared.source.article_id, declared.text) == ("hats", "Hats are round.")
    assert isinstance(by_title, Answer)
    assert (by_title.source.article_id, by_title.source.language) == ("shipping", "en")
    assert not isinstance(shared, Answer) or shared.probability < 0.99


def test_bm25_scores_are_shares_and_unseen_words_lower_them() -> None:
    lexical = build_lexical(["refund of an order", "shipping of a parcel", "退货运费"])

    hit, foreign = lexical.scores("refund order"), lexical.scores("refund order unicorn")

    assert hit.argmax() == 0
    assert 0 < foreign[0] < hit[0] <= 1
    assert lexical.scores("运费").argmax() == 2
    assert not lexical.scores("the of a").any()
    assert lexical.score_text("refund order", "refund of an order") == pytest.approx(float(hit[0]), rel=1e-5)


@pytest.mark.parametrize(
    ("language", "question", "expected"),
    [("zh", "hello", "zh"), ("en", "你好", "en"), ("fr", "你好", "zh"), ("", "hi", "en")],
)
def test_an_unknown_language_is_read_from_the_script(language: str, question: str, expected: str) -> None:
    assert choose_language(language, question) == expected


@pytest.fixture
def client(
    write_article: WriteArticle, articles: Path, out: Path, encoder: Any, request: pytest.FixtureRequest
) -> SanicASGITestClient:
    write_article(
        articles, "hostile", title='"<b>Title</b>"', body="<script>alert(1)</script>\n\n[x](javascript:alert(1)) text"
    )
    (articles / "categories.yml").write_text("shop: {zh: 店铺, en: The <shop>}", encoding="utf-8")
    build_index(articles, out, encoder)
    app = Sanic(f"help-{abs(hash(request.node.name))}")
    app.blueprint(help_routes(service(out, encoder)))
    return SanicASGITestClient(app)


async def test_help_pages_are_public_safe_and_in_both_languages(client: SanicASGITestClient) -> None:
    _, start = await client.get("/help", headers={"accept-language": "en-GB,zh;q=0.5"}, follow_redirects=False)
    _, listing = await client.get("/help/en")
    _, article = await client.get("/help/en/warranty")
    _, fallback = await client.get("/help/zh/warranty")
    _, hostile = await client.get("/help/en/hostile")
    _, style = await client.get("/help/assets/help.css")

    assert (start.status, start.headers["location"]) == (302, "/help/en")
    assert "The &lt;shop&gt;" in listing.text
    assert "/help/en/shipping" in listing.text
    assert "<h2>Period</h2>" in article.text
    assert 'lang="zh-CN"' in fallback.text
    assert "The warranty lasts one year." in fallback.text
    assert "<script" not in hostile.text
    assert 'href="javascript' not in hostile.text
    assert "<b>Title" not in hostile.text
    for response in (listing, article, hostile):
        assert "default-src 'none'" in response.headers["content-security-policy"]
    assert style.headers["content-type"].startswith("text/css")


async def test_help_search_works_by_a_plain_form_and_unknown_pages_are_404(client: SanicASGITestClient) -> None:
    _, found = await client.get("/help/en", params={"q": "shipping islands"})
    _, nothing = await client.get("/help/zh", params={"q": "<img src=x>"})
    _, missing = await client.get("/help/en/no-such-article")
    _, language = await client.get("/help/fr")

    assert "/help/en/shipping" in found.text
    assert 'value="shipping islands"' in found.text
    assert "<img" not in nothing.text
    assert missing.status == 404
    assert language.status == 404
    for route in client.sanic_app.router.routes:
        assert access_mark(route.handler) is not None


@pytest.mark.parametrize(
    ("header", "expected"), [("", "zh"), ("fr", "zh"), ("en", "en"), ("fr, en-US;q=0.8, zh", "en"), ("zh-TW,en", "zh")]
)
def test_the_browsers_language_is_understood(header: str, expected: str) -> None:
    assert preferred_language(header) == expected
