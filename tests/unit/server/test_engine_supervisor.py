"""What the supervisor makes of an engine that dies; the engine here is a few lines that answer `/status`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.engine_supervisor import EngineCommand, EngineState, EngineSupervisor

ENGINE = """
import http.server, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"state": "ready"}')

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[EngineSupervisor]:
    command = EngineCommand([sys.executable, "-c", ENGINE, "{port}"], tmp_path, {})
    supervisor = EngineSupervisor(command, "s" * 32, start_timeout_s=20)
    supervisor.start()
    await supervisor.wait_until_ready(20)
    yield supervisor
    await supervisor.stop()


async def test_a_dead_engine_is_started_again(supervisor: EngineSupervisor) -> None:
    first = supervisor.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)
    await _until(supervisor, EngineState.STARTING)
    await supervisor.wait_until_ready(20)

    assert supervisor.pid not in {None, first}
    assert supervisor.starts == 2


async def test_a_late_word_of_the_dead_engine_says_nothing_of_the_next(supervisor: EngineSupervisor) -> None:
    assert supervisor.pid is not None

    os.kill(supervisor.pid, signal.SIGKILL)
    await _until(supervisor, EngineState.STARTING)
    supervisor.report_failure()  # a request to the old engine ends only now

    assert supervisor.state is EngineState.STARTING
    await supervisor.wait_until_ready(20)


async def _until(supervisor: EngineSupervisor, state: EngineState) -> None:
    async with asyncio.timeout(20):
        while supervisor.state is not state:
            await asyncio.sleep(0)
