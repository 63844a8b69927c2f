"""A customer's and an agent's browser on the real product."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import need_program
from tests.product import Product, make_home

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
AGENT_PASSWORD = "correct horse battery 7"


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product as `make run` starts it."""
    product = Product(make_home(tmp_path_factory.mktemp("whole") / "home"))
    product.migrate()
    product.start()
    yield product
    product.stop()


@pytest.fixture(scope="package")
def agents(product: Product) -> dict[str, str]:
    """Two agents with passwords of their own: login to name."""
    administrator = _sign_in(product, "admin", product.first_password(), "first password changed 1")
    agents = {"mei": "Mei", "tom": "Tom"}
    for login, name in agents.items():
        answer = administrator.post("/api/accounts", json={"login": login, "name": name, "roles": ["agent"]})
        answer.raise_for_status()
        _sign_in(product, login, answer.json()["one_time_password"], AGENT_PASSWORD)
    return agents


def _sign_in(product: Product, login: str, password: str, new: str) -> httpx.Client:
    client = httpx.Client(base_url=product.url)
    answer = client.post("/api/session", json={"login": login, "password": password})
    answer.raise_for_status()
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    answer = client.post("/api/session/password", json={"current": password, "new": new})
    answer.raise_for_status()
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    path = need_program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield browser
        browser.close()
