"""Command `python -m bot.engine`: serves one trained model to the server over HTTP."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bot import parent_process
from bot.errors import EngineError
from bot.gateway_channel import EngineState, build_app
from bot.logs import configure_logs, hush_rasa, log_event
from bot.metrics import Metrics
from bot.model_files import check_model, newest_model, read_key
from bot.nlu.encoders import FOLDER_VARIABLE

TRACKER_VARIABLE = "YITI_ENGINE_TRACKER_URL"
SECRET_VARIABLE = "YITI_ENGINE_SECRET"  # noqa: S105  (the name of a variable)
_SHORTEST_SECRET = 16
_GRACE_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return 0, or 2 with a sentence on stderr when it cannot start."""
    options = _parser().parse_args(arguments)
    secret = os.environ.get(SECRET_VARIABLE, "")
    if len(secret) < _SHORTEST_SECRET:
        sys.stderr.write(f"{SECRET_VARIABLE} must hold a secret of at least {_SHORTEST_SECRET} characters.\n")
        return 2
    if options.encoders:
        os.environ[FOLDER_VARIABLE] = str(options.encoders)
    os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    configure_logs()
    if options.parent_pid:
        parent_process.die_with(options.parent_pid)
    try:
        asyncio.run(_serve(options, secret))
    except OSError as error:
        sys.stderr.write(f"The engine cannot listen on {options.host}:{options.port}: {error.strerror or error}.\n")
        return 2
    # Not a plain return: a model that is still loading has threads that nothing can interrupt.
    sys.stderr.flush()
    os._exit(0)


async def _serve(options: argparse.Namespace, secret: str) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.parent_pid:
        watch = asyncio.create_task(parent_process.watch(options.parent_pid, stop.set))
        watch.add_done_callback(lambda _: stop.set())
    engine, metrics = EngineState(), Metrics()
    app = build_app(engine, metrics, secret)
    server = await app.create_server(options.host, options.port, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.before_start()
    await server.after_start()
    await server.start_serving()
    port = server.server.sockets[0].getsockname()[1]
    log_event("engine.listening", host=options.host, port=port)
    threading.Thread(target=_load, args=(options, secret, engine, metrics), name="load", daemon=True).start()
    await stop.wait()
    log_event("engine.stopping")
    server.close()
    deadline = time.monotonic() + _GRACE_S
    while server.connections and time.monotonic() < deadline:
        for connection in list(server.connections):
            connection.close_if_idle()
        await asyncio.sleep(0.02)


def _load(options: argparse.Namespace, secret: str, engine: EngineState, metrics: Metrics) -> None:
    """Load the model; runs in a thread of its own, so that `/status` answers meanwhile."""
    began = time.monotonic()
    try:
        key = read_key(options.key)
        model = newest_model(options.model) if options.model.is_dir() else options.model
        manifest = check_model(model, key)

        from bot.action_endpoint import ActionEndpoint  # noqa: PLC0415  (imports Rasa: many seconds)
        from bot.loaded_model import load_turns  # noqa: PLC0415

        actions = ActionEndpoint(options.action_url, secret, timeout_s=options.action_timeout_s)
        turns = load_turns(
            model, manifest["fingerprint"], tracker_url=options.tracker_url, actions=actions, metrics=metrics
        )
    except EngineError as failure:
        engine.reason = str(failure)
        engine.state = "failed"
        log_event("engine.failed", level=logging.ERROR, reason=str(failure))
        return
    except Exception as error:  # the outermost loop of loading: whatever it is, the operator must read it in /status
        engine.reason = f"The model could not be loaded: {type(error).__name__}: {error}"
        engine.state = "failed"
        log_event("engine.failed", level=logging.ERROR, reason=engine.reason, exc_info=error)
        return
    metrics.start_s = time.monotonic() - began
    engine.turns, engine.model_id = turns, turns.model_id
    engine.n_live = partial(getattr, turns.store, "n_live")
    hush_rasa()
    engine.state = "ready"
    log_event("engine.ready", model_id=turns.model_id, seconds=round(metrics.start_s, 1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot.engine", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("var/models"), help="a model, or a folder: its newest one")
    parser.add_argument(
        "--key", type=Path, default=Path("var/secrets/model.key"), help="the key models are signed with"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; the engine never faces the internet")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--action-url", required=True, help="the server's action endpoint")
    parser.add_argument("--action-timeout-s", type=float, default=8.0, help="longest wait for one action")
    parser.add_argument(
        "--tracker-url",
        default=os.environ.get(TRACKER_VARIABLE, "sqlite:///var/tracker.db"),
        help=f"SQLite or PostgreSQL; better in {TRACKER_VARIABLE} when it holds a password",
    )
    parser.add_argument("--encoders", type=Path, help="folder of the sentence encoder's files (default: var/encoders)")
    parser.add_argument("--parent-pid", type=int, help="end when this process, which started the engine, ends")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
