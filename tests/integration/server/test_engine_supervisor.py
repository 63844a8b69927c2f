"""The supervisor with small programs in the engine's place: ready, failing, dying, hanging."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import EngineError
from server.engine_supervisor import EngineCommand, EngineState, EngineSupervisor

SECRET = "shared-with-the-engine"
PROGRAM = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
state = {state!r}
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.headers["authorization"] == "Bearer " + os.environ["YITI_ENGINE_SECRET"]
        body = json.dumps({{"state": state, "reason": "no model"}} if right else {{}}).encode()
        self.send_response(200); self.send_header("content-length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Started:
    """Supervisors that end with the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.supervisors: list[EngineSupervisor] = []

    def __call__(self, program: str, start_timeout_s: float = 20.0) -> EngineSupervisor:
        command = EngineCommand([sys.executable, "-c", program, "{port}"], self._folder, {})
        supervisor = EngineSupervisor(command, SECRET, start_timeout_s=start_timeout_s)
        supervisor.start()
        self.supervisors.append(supervisor)
        return supervisor


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[Started]:
    started = Started(tmp_path)
    yield started
    for supervisor in started.supervisors:
        await supervisor.stop()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_is_ready_when_the_engine_says_so(started: Started) -> None:
    supervisor = started(PROGRAM.format(state="ready"))

    await supervisor.wait_until_ready(20)

    assert supervisor.state is EngineState.READY
    assert supervisor.url.startswith("http://127.0.0.1:")


async def test_a_killed_engine_is_started_again(started: Started) -> None:
    supervisor = started(PROGRAM.format(state="ready"))
    await supervisor.wait_until_ready(20)
    first = supervisor.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(20):
        while supervisor.pid in {first, None} or supervisor.state is not EngineState.READY:
            await asyncio.sleep(0.05)

    assert supervisor.starts == 2


async def test_an_engine_without_a_model_is_down_and_says_why(started: Started) -> None:
    supervisor = started(PROGRAM.format(state="failed"))

    with pytest.raises(EngineError, match="no model") as caught:
        await supervisor.wait_until_ready(20)

    assert caught.value.code == "engine_unavailable"


async def test_an_engine_that_never_gets_ready_is_given_up(started: Started) -> None:
    supervisor = started(PROGRAM.format(state="starting"), start_timeout_s=1.5)

    with pytest.raises(EngineError, match="not ready after"):
        await supervisor.wait_until_ready(20)


async def test_stopping_ends_the_process(started: Started) -> None:
    supervisor = started(PROGRAM.format(state="ready"))
    await supervisor.wait_until_ready(20)
    pid = supervisor.pid
    assert pid is not None

    await supervisor.stop()

    assert not _is_alive(pid)


async def test_the_engine_gets_its_secret_and_none_of_our_settings(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YITI_DATABASE_URL", "postgresql+psycopg://user:password@host/name")
    seen = tmp_path / "seen"
    started(f"import os, time; open({str(seen)!r}, 'w').write(' '.join(os.environ)); time.sleep(60)")

    async with asyncio.timeout(20):
        while not (seen.exists() and seen.read_text()):
            await asyncio.sleep(0.05)

    assert {name for name in seen.read_text().split() if name.startswith("YITI_")} == {"YITI_ENGINE_SECRET"}
