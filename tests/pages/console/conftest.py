"""The built console in a real browser, answered by its mock server under the product's security policy."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.conftest import REPOSITORY, need_program

CONSOLE = REPOSITORY / "web" / "console"
PASSWORD = "correct horse"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class MockDesk:
    """The mock server behind the console; `steer` makes things happen in it."""

    base: str

    def steer(self, what: str, **body: Any) -> None:
        """Make the mock server do something: reset, arrive, say, take, fault, cut_sockets, refuse_sockets, expire."""
        request = urllib.request.Request(f"{self.base}/mock/{what}", data=json.dumps(body).encode(), method="POST")
        urllib.request.urlopen(request, timeout=10).close()


@dataclass
class Desk:
    """One browser page at the console, with what its browser complained of."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "/desk") -> None:
        """Open an address of the console."""
        self.page.goto(f"{self.base}/console{path}")

    def sign_in(self, login: str = "lin", path: str = "/desk") -> None:
        """Open an address, sign in on the way, and wait until it stands."""
        self.open(path)
        self.page.fill("#login", login)
        self.page.fill("#password", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)


@pytest.fixture(scope="session")
def mock_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockDesk]:
    """Build the console as it stands and serve it with the mock server on a free port."""
    node = need_program("node", "nodejs")
    vite = CONSOLE / "node_modules" / "vite" / "bin" / "vite.js"
    if not vite.exists():
        pytest.skip("The console's packages are not installed: npm ci in web/console.")
    built = tmp_path_factory.mktemp("console")
    build = [node, vite, "build", "--outDir", built, "--emptyOutDir", "--logLevel", "error"]
    subprocess.run(build, cwd=CONSOLE, check=True, timeout=180)
    server = subprocess.Popen(
        [node, "dev/serve.mjs", built], cwd=CONSOLE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    base = server.stdout.readline().strip()
    assert base.startswith("http://127.0.0.1:")
    yield MockDesk(base)
    server.terminate()
    server.wait(timeout=10)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start one browser for all page tests."""
    with sync_playwright() as playwright:
        program = Path("/usr/bin/chromium")
        browser = playwright.chromium.launch(
            executable_path=str(program) if program.exists() else None, args=CHROMIUM_ARGS
        )
        yield browser
        browser.close()


@pytest.fixture
def mock(mock_desk: MockDesk) -> MockDesk:
    """Give the mock server as it is at its start."""
    mock_desk.steer("reset")
    return mock_desk


@pytest.fixture
def new_desk(mock: MockDesk, chromium: Browser) -> Iterator[Callable[..., Desk]]:
    """Make desks, each in a browser context of its own; none may break the page's security policy."""
    desks: list[Desk] = []

    def make(
        *, width: int = 1280, height: int = 800, locale: str = "en-US", dark: bool = False, **options: Any
    ) -> Desk:
        scheme = "dark" if dark else "light"
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale=locale, color_scheme=scheme, **options
        )
        context.set_default_timeout(10_000)
        desk = Desk(context.new_page(), mock.base)

        def note(message: ConsoleMessage) -> None:
            if "Content Security Policy" in message.text or "Refused to" in message.text:
                desk.complaints.append(message.text)

        desk.page.on("console", note)
        desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
        desks.append(desk)
        return desk

    yield make
    complaints = [complaint for desk in desks for complaint in desk.complaints]
    for desk in desks:
        desk.page.context.close()
    assert complaints == []


@pytest.fixture
def desk(new_desk: Callable[..., Desk]) -> Desk:
    """Give one desk, 1280 wide, in English."""
    return new_desk()
