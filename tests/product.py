"""The whole product as its users meet it: real processes, real ports, a home folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from core.settings import load_settings
from server.setup.product import current_model
from tests.conftest import REPOSITORY, free_port

ENGINE_SECRET = "engine-secret-of-the-tests-0123456789"
START_TIMEOUT_S = 180.0


def clean_environment(**more: str) -> dict[str, str]:
    """Return this process' environment as a user's shell has it, plus the settings given.

    Yiti's own settings are left out, and what a `make` that runs these tests tells another `make`.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("YITI_", "MAKE", "MFLAGS"))}
    return {**kept, **more}


def make_home(folder: Path) -> Path:
    """Make a home folder that shares what `./yiti setup` built, and nothing of what was recorded."""
    prepared = load_settings().home
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("encoders", "models", "index"):
        (folder / name).symlink_to(prepared / name)
    (folder / "secrets").mkdir(mode=0o700)
    (folder / "secrets" / "model.key").write_bytes((prepared / "secrets" / "model.key").read_bytes())
    return folder


@dataclass
class EngineProcess:
    """A real engine that the test, not the server, starts and ends."""

    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, home: Path, action_port: int, log: Path, tracker_url: str | None = None) -> EngineProcess:
        """Start it and wait until it says that it is ready; its trackers lie in the home folder unless told."""
        settings = load_settings()
        model = current_model(settings)
        if model is None:
            raise AssertionError("No model is trained for the present data: run `./yiti setup`.")
        port = free_port()
        process = subprocess.Popen(
            [
                settings.engine_python,
                "-m",
                "bot.engine",
                "--model",
                model,
                "--key",
                home / "secrets" / "model.key",
                "--port",
                str(port),
                "--action-url",
                f"http://127.0.0.1:{action_port}/actions/webhook",
                "--tracker-url",
                tracker_url or f"sqlite:///{home / 'tracker.db'}",
                "--encoders",
                home / "encoders",
            ],
            cwd=REPOSITORY,
            env=clean_environment(YITI_ENGINE_SECRET=ENGINE_SECRET),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log.open("ab"),
        )
        engine = cls(port, process)
        _wait_until(lambda: _engine_is_ready(engine), process, log, "engine")
        return engine

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)


@dataclass
class Product:
    """A running server (with the engine it supervises, unless `engine` is one of the test's)."""

    home: Path
    port: int = field(default_factory=free_port)
    engine: EngineProcess | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """The server's standard error."""
        return self.home / "server.log"

    def start(self) -> None:
        """Start the server and wait until it is ready for customers."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the server's process without waiting."""
        engine = (
            {"YITI_ENGINE_URL": f"http://127.0.0.1:{self.engine.port}", "YITI_ENGINE_SECRET": ENGINE_SECRET}
            if self.engine
            else {}
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", "serve", "--port", str(self.port)],
            cwd=REPOSITORY,
            env=clean_environment(YITI_HOME=str(self.home), **engine, **self.settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.log.open("ab"),
        )

    def wait_until_ready(self) -> None:
        """Wait for /readyz."""
        if self.process is None:
            raise AssertionError("The server was not launched.")
        _wait_until(lambda: is_ready(self.url), self.process, self.log, "server")

    def migrate(self) -> None:
        """Make the database's tables, as `yiti run` does before it serves."""
        subprocess.run(
            [sys.executable, "-m", "server.cli", "migrate"],
            cwd=REPOSITORY,
            env=clean_environment(YITI_HOME=str(self.home), **self.settings),
            check=True,
            capture_output=True,
        )

    def kill(self) -> None:
        """End the server as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    def stop(self) -> None:
        """End the server as Ctrl-C does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise

    def first_password(self) -> str:
        """Return the administrator's one-time password, as printed at the first start."""
        return (self.home / "secrets" / "first-sign-in.txt").read_text().split()[-1]


def _engine_is_ready(engine: EngineProcess) -> bool:
    try:
        answer = httpx.get(
            f"http://127.0.0.1:{engine.port}/status", headers={"Authorization": f"Bearer {ENGINE_SECRET}"}, timeout=5
        )
        status: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError):
        return False
    return bool(status.get("state") == "ready")


def is_ready(url: str) -> bool:
    """Say whether a server and its engine can be used."""
    try:
        parts: dict[str, str] = httpx.get(f"{url}/readyz", timeout=5).json()["parts"]
    except (httpx.HTTPError, ValueError, KeyError):
        return False
    return set(parts.values()) == {"ready"}


def _wait_until(has_come: Any, process: subprocess.Popen[bytes], log: Path, what: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"The {what} ended with {process.returncode}:\n{_end_of(log)}")
        if has_come():
            return
        time.sleep(0.1)
    raise AssertionError(f"The {what} was not ready after {START_TIMEOUT_S:.0f} s:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4_000:] if log.exists() else ""
