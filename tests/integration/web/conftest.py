"""Fixtures of the web channel's integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.web.web_server import Browser, WebServer, running_server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A running web channel."""
    async with running_server(tmp_path) as running:
        yield running


@pytest.fixture
async def browser(server: WebServer) -> Browser:
    """A visitor with an open session."""
    visitor = Browser(server)
    (await visitor.open()).raise_for_status()
    return visitor
