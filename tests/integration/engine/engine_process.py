"""The real engine as a process, on a model of the small assistant beside this file."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import REPOSITORY, free_port

ENGINE_PYTHON = REPOSITORY / ".venv-engine" / "bin" / "python"
ENCODERS = REPOSITORY / "var" / "encoders"
ASSISTANT = Path(__file__).parent / "assistant"
SECRET = "a-secret-for-tests-only"
READY_WITHIN_S = 180.0


def environment() -> dict[str, str]:
    """Return this process' environment with the engine's secret."""
    return {**os.environ, "YITI_ENGINE_SECRET": SECRET}


@dataclass
class Engine:
    """`home` holds models, key and tracker database; they outlive the process."""

    home: Path
    action_url: str
    arguments: list[str] = field(default_factory=list)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the process wrote."""
        return self.home / "engine.log"

    def command(self) -> list[str]:
        """Return the command line."""
        return [
            str(ENGINE_PYTHON),
            "-m",
            "bot.engine",
            f"--model={self.home / 'models'}",
            f"--key={self.home / 'model.key'}",
            f"--port={self.port}",
            f"--action-url={self.action_url}",
            f"--tracker-url=sqlite:///{self.home / 'tracker.db'}",
            f"--encoders={ENCODERS}",
            *self.arguments,
        ]

    def start(self) -> Engine:
        """Start it and wait until it is ready or has failed."""
        self.port = free_port()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=REPOSITORY, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.wait_for_state({"ready", "failed"})
        return self

    def wait_for_state(self, states: set[str]) -> dict[str, Any]:
        """Ask for the status until it is one of `states`."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            assert self.process is None or self.process.poll() is None, self.log.read_text()[-3000:]
            try:
                status = self.get("/status").json()
            except httpx.TransportError:
                status = {}
            if status.get("state") in states:
                return dict(status)
            time.sleep(0.2)
        raise AssertionError(f"The engine is not {states}: {self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """End it in order and return its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)

    def get(self, path: str, secret: str = SECRET) -> httpx.Response:
        """Send a GET request."""
        return httpx.get(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {secret}"}, timeout=5
        )

    def post(self, path: str, body: Any, secret: str = SECRET) -> httpx.Response:
        """Send a POST request; bytes go as they are."""
        return httpx.post(
            f"http://127.0.0.1:{self.port}{path}",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=60,
            **({"content": body} if isinstance(body, bytes) else {"json": body}),
        )

    def say(self, conversation_id: str, message_id: str, text: str, **metadata: Any) -> httpx.Response:
        """Send one message of a customer."""
        body = {"message_id": message_id, "conversation_id": conversation_id, "text": text, "metadata": metadata}
        return self.post("/webhooks/gateway/webhook", body)
