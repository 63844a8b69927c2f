"""The real product for these tests: one with the engine it supervises, one whose server may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import free_port
from tests.integration.product.desk import open_accounts
from tests.integration.product.dialogues import dialogue_widgets
from tests.postgres import PostgresServer
from tests.product import EngineProcess, Product, make_home


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that starts and watches its own engine, as `make run` gives it, behind one proxy."""
    settings = {"YITI_TRUSTED_PROXIES": "1", "YITI_WIDGETS": dialogue_widgets()}
    product = Product(make_home(tmp_path_factory.mktemp("product") / "home"), settings=settings)
    product.migrate()
    product.start()
    yield product
    product.stop()


@pytest.fixture(scope="package")
def agents(product: Product) -> list[str]:
    """The logins of two agents of the product."""
    agents = {"mei": "Mei", "tom": "Tom"}
    open_accounts(product.url, product.first_password(), agents)
    return list(agents)


@pytest.fixture(scope="module")
def killable_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product whose engine lives on while the server is killed."""
    home = make_home(tmp_path_factory.mktemp("killable") / "home")
    port = free_port()
    engine = EngineProcess.start(home, port, home / "engine.log")
    product = Product(home, port, engine)
    product.migrate()
    product.start()
    yield product
    product.stop()
    engine.stop()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL for the session."""
    server = PostgresServer(tmp_path_factory.mktemp("postgresql"))
    server.start()
    yield server
    server.stop()
