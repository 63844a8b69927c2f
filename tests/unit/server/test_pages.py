"""Built pages are served from memory, and nothing beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sanic import Sanic
from sanic_testing.testing import SanicASGITestClient

from core.errors import ConfigError
from server.pages import PageFolder, page_routes
from server.problems import answer_with_problems


@pytest.fixture
def client(tmp_path: Path) -> Iterator[SanicASGITestClient]:
    page = tmp_path / "dist"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<h1>page</h1>")
    (page / "assets" / "index-M_4C0B6d.js").write_text("let a = 1;\n" * 400)
    (tmp_path / "secret.txt").write_text("secret")
    app: Sanic[Any, Any] = Sanic("pages")
    answer_with_problems(app)
    folder, headers = PageFolder(page), {"Content-Security-Policy": "default-src 'none'"}
    app.blueprint(page_routes("app", "/app", folder, lambda _request: headers, is_application=True))
    app.blueprint(page_routes("plain", "/plain", folder, lambda _request: headers))
    yield SanicASGITestClient(app)
    Sanic._app_registry.pop("pages", None)


async def test_a_page_carries_its_policy_and_is_asked_for_anew(client: SanicASGITestClient) -> None:
    for path in ("/app/", "/plain/", "/plain/index.html"):
        _, answer = await client.get(path)
        assert (answer.status_code, answer.text) == (200, "<h1>page</h1>")
        assert answer.headers["content-security-policy"] == "default-src 'none'"
        assert answer.headers["cache-control"] == "no-cache"


async def test_a_hashed_file_is_kept_for_ever_and_sent_compressed(client: SanicASGITestClient) -> None:
    _, answer = await client.get("/app/assets/index-M_4C0B6d.js", headers={"accept-encoding": "gzip"})

    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text.startswith("let a = 1;")


async def test_a_browser_that_has_the_file_gets_304(client: SanicASGITestClient) -> None:
    _, first = await client.get("/app/")

    _, again = await client.get("/app/", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.text) == (304, "")


async def test_an_application_answers_its_own_addresses_and_a_plain_page_does_not(client: SanicASGITestClient) -> None:
    _, inside = await client.get("/app/desk/c-1")
    _, outside = await client.get("/plain/desk/c-1")
    _, missing = await client.get("/app/assets/none.js")

    assert (inside.status_code, outside.status_code, missing.status_code) == (200, 404, 404)


@pytest.mark.parametrize("path", ["/plain/../secret.txt", "/plain/..%2fsecret.txt", "/plain/%2e%2e/secret.txt"])
async def test_nothing_outside_the_folder_is_reached(client: SanicASGITestClient, path: str) -> None:
    _, answer = await client.get(path)

    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_a_page_that_was_not_built_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"run `./yiti setup`"):
        PageFolder(tmp_path)
