"""A small action server in a thread, whose behaviour a test can change."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


def answer_normally(call: dict[str, Any]) -> Answer:
    """Answer as rasa-sdk would."""
    text = f"{call['next_action']} for {call['tracker']['slots'].get('order_number')}"
    effect = {"effect": "handoff", "reason": "policy"}
    return 200, {"events": [], "responses": [{"text": text, "buttons": []}, {"custom": effect}]}


class ActionServer:
    """Records every call; `behave` decides the answer."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.authorizations: list[str | None] = []
        self.behave: Callable[[dict[str, Any]], Answer] = answer_normally
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/actions/webhook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Forget the calls and answer normally again."""
        self.calls.clear()
        self.authorizations.clear()
        self.behave = answer_normally

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805  (`self` is the handler's below)
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.calls.append(call)
                server.authorizations.append(self.headers["Authorization"])
                status, document = server.behave(call)
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
