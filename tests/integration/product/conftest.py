"""The real product for these tests: one with the engine it supervises, one whose server may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import free_port
from tests.product import EngineProcess, Product, make_home


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that starts and watches its own engine, as `make run` gives it."""
    product = Product(make_home(tmp_path_factory.mktemp("product") / "home"))
    product.migrate()
    product.start()
    yield product
    product.stop()


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
