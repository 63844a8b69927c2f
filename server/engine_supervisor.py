"""Starts the Rasa engine, watches it, and starts it again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx

from core.errors import EngineError
from core.logs import get_logger

log = get_logger(__name__)

POLL_S = 0.25
STOP_TIMEOUT_S = 5.0
RESTART_BACKOFF_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
STABLE_AFTER_S = 60.0
UNANSWERED_CHECKS = 20
RESTART_WAIT_S = 10.0


class EngineState(StrEnum):
    """What the engine is doing, as far as the server knows."""

    STARTING = "starting"
    READY = "ready"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class EngineCommand:
    """How an engine process is started; `{port}` and `{parent_pid}` in its arguments are filled in."""

    arguments: Sequence[str]
    directory: Path
    environment: Mapping[str, str]


class EngineSupervisor:
    """One engine process on a free loopback port, for as long as the server runs.

    `state` is READY only after the engine itself said so; a dead engine is DOWN until its next start, then
    STARTING. A process that keeps dying is started again ever more slowly.
    """

    def __init__(self, command: EngineCommand, secret: str, *, start_timeout_s: float) -> None:
        self._command = command
        self._secret = secret
        self._start_timeout_s = start_timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.state = EngineState.STARTING
        self.reason = ""
        self.starts = 0
        self._url = ""

    @property
    def url(self) -> str:
        """Where the engine listens; empty before its first start."""
        return self._url

    @property
    def pid(self) -> int | None:
        """The process id of the running engine."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        """Begin starting and watching; returns at once."""
        self._watcher = asyncio.create_task(self._watch(), name="engine-supervisor")

    async def wait_until_ready(self, timeout_s: float) -> None:
        """Wait while the engine is starting; after a death not longer than a customer is kept waiting.

        Raises:
            EngineError: it is down, or did not get ready in time; `code` is `engine_unavailable`.
        """
        deadline = time.monotonic() + (timeout_s if self.starts <= 1 else min(timeout_s, RESTART_WAIT_S))
        while self.state is EngineState.STARTING and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), timeout=left)
        if self.state is not EngineState.READY:
            raise EngineError(f"The engine is {self.state}. {self.reason}".strip(), code="engine_unavailable")

    def report_failure(self) -> None:
        """Be told that a request found nobody listening, ahead of the process' own end."""
        if self._process is not None and self._process.returncode is not None:
            self._set(EngineState.DOWN, "It ended.")

    async def stop(self) -> None:
        """End the engine and stop watching."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        await self._end_process()

    def _set(self, state: EngineState, reason: str = "") -> None:
        if state is not self.state:
            log.info("engine.state", state=state.value, reason=reason)
        self.state, self.reason = state, reason
        self._changed.set()
        self._changed = asyncio.Event()

    async def _watch(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._run_once()
            except (EngineError, OSError) as error:
                self._set(EngineState.DOWN, str(error))
            failures = 0 if time.monotonic() - began > STABLE_AFTER_S else failures + 1
            delay = RESTART_BACKOFF_S[min(failures - 1, len(RESTART_BACKOFF_S) - 1)] if failures else 0.0
            log.warning("engine.ended", reason=self.reason, next_start_in_s=delay)
            await asyncio.sleep(delay)

    async def _run_once(self) -> None:
        port = _free_port()
        self._url = f"http://127.0.0.1:{port}"
        self._process = None  # what requests to the last one still report is past
        self._set(EngineState.STARTING)
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            *(_filled(argument, port) for argument in self._command.arguments),
            cwd=self._command.directory,
            env={**_inherited(), **self._command.environment, "YITI_ENGINE_SECRET": self._secret},
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl-C reaches the server alone, which then ends the engine in order
        )
        log.info("engine.started", pid=self._process.pid, port=port)
        ended = asyncio.create_task(self._process.wait())
        checks = asyncio.create_task(self._check_until_lost())
        try:
            await asyncio.wait({ended, checks}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                self._set(EngineState.DOWN, f"It ended with exit status {self._process.returncode}.")
            else:
                self._set(EngineState.DOWN, checks.result())
        finally:
            ended.cancel()
            checks.cancel()
            await self._end_process()

    async def _check_until_lost(self) -> str:
        """Ask the engine how it is, until it is beyond hope; return why."""
        deadline = time.monotonic() + self._start_timeout_s
        unanswered = 0
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {self._secret}"}, timeout=5.0) as client:
            while True:
                status = await _ask_status(client, self._url)
                unanswered = 0 if status else unanswered + 1
                match status.get("state"):
                    case "ready" if self.state is not EngineState.READY:
                        self._set(EngineState.READY)
                    case "failed":
                        return str(status.get("reason") or "It could not load its model.")
                if self.state is EngineState.STARTING and time.monotonic() > deadline:
                    return f"It was not ready after {self._start_timeout_s:.0f} s."
                if self.state is EngineState.READY and unanswered >= UNANSWERED_CHECKS:
                    return "It stopped answering."
                await asyncio.sleep(POLL_S if self.state is EngineState.STARTING else 1.0)

    async def _end_process(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _ask_status(client: httpx.AsyncClient, url: str) -> dict[str, object]:
    try:
        answer = await client.get(f"{url}/status")
        status = answer.json()
    except (httpx.HTTPError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def _filled(argument: str, port: int) -> str:
    return argument.replace("{port}", str(port)).replace("{parent_pid}", str(os.getpid()))


def _inherited() -> dict[str, str]:
    """Return our environment without our settings: the engine gets its secret and nothing else of them."""
    return {key: value for key, value in os.environ.items() if not key.startswith("YITI_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
