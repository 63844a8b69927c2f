"""`make run` as the README gives it: what it prints, what it serves, how it ends, what the next start keeps."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import REPOSITORY, free_port, need_program
from tests.customer import Customer
from tests.product import clean_environment, is_ready, make_home

pytestmark = pytest.mark.engine

START_TIMEOUT_S = 300.0
END_TIMEOUT_S = 20.0
FIRST_SIGN_IN = re.compile(r"first sign-in +(\S+) / (\S+)")


class MakeRun:
    """One `make run` in a process group of its own, as a terminal gives it."""

    def __init__(self, home: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._home = home
        self._output = home.parent / f"output-{time.monotonic_ns()}.txt"
        self._process = subprocess.Popen(
            [need_program("make", "make"), "run"],
            cwd=REPOSITORY,
            env=clean_environment(YITI_HOME=str(home), YITI_PORT=str(port)),
            stdin=subprocess.DEVNULL,
            stdout=self._output.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        """All that it said so far."""
        return self._output.read_text()

    def wait_until(self, has_come: Callable[[], object]) -> None:
        """Wait for something while it runs."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not has_come():
            assert self._process.poll() is None, f"make run ended:\n{self.output}"
            assert time.monotonic() < deadline, f"make run did not get there:\n{self.output}"
            time.sleep(0.1)

    def wait(self, timeout_s: float) -> int:
        """Wait until it ends; return make's exit status."""
        return self._process.wait(timeout_s)

    def press_ctrl_c(self) -> None:
        """Send what a terminal sends, and wait until it ended."""
        os.killpg(self._process.pid, signal.SIGINT)
        self.wait(END_TIMEOUT_S)

    def end_at_any_price(self) -> None:
        """Leave nothing behind, whatever the test found."""
        for pid in processes_of(self._home):
            os.kill(pid, signal.SIGKILL)
        self._process.wait(END_TIMEOUT_S)


def processes_of(home: Path) -> list[int]:
    """Return the processes that know a home folder, from their arguments or their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            known = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(home).encode() in known:
            found.append(int(folder.name))
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which everything is set up and nothing recorded."""
    return make_home(tmp_path / "home")


@contextmanager
def make_run(home: Path, port: int) -> Iterator[MakeRun]:
    """Type `make run`."""
    running = MakeRun(home, port)
    try:
        yield running
    finally:
        running.end_at_any_price()


def test_make_run_says_where_everything_is_serves_it_and_ends_at_ctrl_c(home: Path) -> None:
    with make_run(home, free_port()) as running:
        running.wait_until(lambda: is_ready(running.url))
        output = running.output
        pages = {path: httpx.get(running.url + path, follow_redirects=True) for path in ("/", "/console/", "/help")}
        n_processes = len(processes_of(home))
        running.press_ctrl_c()

        for path in pages:
            assert running.url + path in output
        assert FIRST_SIGN_IN.search(output)
        for path, page in pages.items():
            assert page.status_code == httpx.codes.OK, path
            assert page.headers["content-type"].startswith("text/html"), path
            assert "default-src 'none'" in page.headers["content-security-policy"], path
        assert n_processes >= 3  # make, the server, the engine
        assert processes_of(home) == []
        assert "Traceback" not in running.output


def test_the_next_start_keeps_what_was_said_and_the_first_sign_in(home: Path) -> None:
    port = free_port()
    with make_run(home, port) as first:
        password = _first_password(first)
        session = asyncio.run(_say_hello(first.url))
        first.press_ctrl_c()  # while the engine still loads its model
        assert processes_of(home) == []

    with make_run(home, port) as again:
        assert _first_password(again) == password
        answer = httpx.post(f"{again.url}/api/session", json={"login": "admin", "password": password})
        kept = httpx.post(
            f"{again.url}/web/v1/session", json={"widget": "demo", "visitor_token": session["visitor_token"]}
        )
        again.press_ctrl_c()

    assert answer.status_code == httpx.codes.OK
    assert kept.json()["conversation"] == session["conversation"]
    assert processes_of(home) == []


def test_a_taken_port_is_named_in_one_sentence(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with make_run(home, port) as refused:
            status = refused.wait(END_TIMEOUT_S)

    said, of_make = refused.output.splitlines()
    assert said.startswith(f"✗ Port {port} on 127.0.0.1 cannot be used")
    assert f"YITI_PORT={port + 1} make run" in said
    assert of_make.endswith("Error 1")  # what ./yiti ended with; make itself ends with 2
    assert status != 0


def _first_password(running: MakeRun) -> str:
    running.wait_until(lambda: FIRST_SIGN_IN.search(running.output))
    found = FIRST_SIGN_IN.search(running.output)
    assert found is not None
    return found.group(2)


async def _say_hello(url: str) -> dict[str, str]:
    """Return the tokens and the conversation of a customer who said something."""
    async with Customer(url) as customer:
        session = await customer.open()
        accepted = await customer.say("你好")
        return {"visitor_token": session["visitor_token"], "conversation": accepted["conversation"]}
