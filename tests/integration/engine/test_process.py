"""The engine as a process: killed, restarted, refused models, its parent's death; and the training command."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import REPOSITORY, free_port
from tests.integration.engine.action_server import ActionServer, Answer, answer_normally
from tests.integration.engine.conftest import train
from tests.integration.engine.engine_process import Engine, environment

pytestmark = pytest.mark.engine


def test_a_kill_loses_no_reply_and_doubles_no_turn(home: Path, actions: ActionServer) -> None:
    called = threading.Event()
    go_on = threading.Event()

    def hang(call: dict[str, Any]) -> Answer:
        called.set()
        go_on.wait(60)
        return answer_normally(call)

    engine = Engine(home, actions.url).start()
    answered = engine.say("killed", "m1", "今天天气怎么样").json()
    actions.behave = hang
    cut = threading.Thread(target=lambda: _say_quietly(engine, "killed", "m2", "明天会下雨吗"))
    cut.start()
    assert called.wait(30)
    engine.kill()
    go_on.set()
    cut.join()
    actions.reset()

    engine.start()
    repeated = engine.say("killed", "m1", "今天天气怎么样").json()
    completed = engine.say("killed", "m2", "明天会下雨吗").json()
    next_one = engine.say("killed", "m3", "会下雨吗明天").json()
    engine.stop()

    assert repeated["repeated"] is True
    assert repeated["messages"] == answered["messages"]
    assert repeated["understanding"] == answered["understanding"]
    assert completed["repeated"] is False
    assert completed["messages"]
    assert next_one["messages"]
    users = [event for event in actions.calls[-1]["tracker"]["events"] if event["event"] == "user"]
    assert [event["message_id"] for event in users] == ["m1", "m2", "m3"]


def test_an_engine_without_its_action_server_answers_502(home: Path) -> None:
    engine = Engine(home, f"http://127.0.0.1:{free_port()}/actions/webhook").start()

    failed = engine.say("down", "m1", "今天天气怎么样")
    spoken = engine.say("down", "m2", "你好")

    assert (failed.status_code, failed.json()["code"]) == (502, "action_failed")
    assert spoken.status_code == 200
    assert engine.stop() == 0


def test_an_altered_model_is_refused_with_a_sentence(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "models", tmp_path / "models")
    shutil.copy(home / "model.key", tmp_path / "model.key")
    (model,) = (tmp_path / "models").glob("*.tar.gz")
    model.write_bytes(model.read_bytes() + b"x")

    engine = Engine(tmp_path, "http://127.0.0.1:9/").start()
    status = engine.get("/status").json()
    turn = engine.say("c", "m", "hi")
    engine.stop()

    assert status["state"] == "failed"
    assert "altered after it was signed; train it again" in status["reason"]
    assert (turn.status_code, turn.json()["code"]) == (503, "not_ready")


def test_the_engine_says_that_it_is_starting(home: Path) -> None:
    engine = Engine(home, "http://127.0.0.1:9/")
    engine.port = free_port()
    engine.process = subprocess.Popen(engine.command(), cwd=REPOSITORY, env=environment(), stderr=subprocess.DEVNULL)

    status = engine.wait_for_state({"starting", "ready"})
    turn = engine.say("c", "m", "hi")

    assert status["state"] == "starting"
    assert (turn.status_code, turn.json()["code"]) == (503, "not_ready")
    assert engine.stop() == 0


def test_the_engine_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "http://127.0.0.1:9/")
    engine.port = free_port()
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([*sys.argv[1:], f'--parent-pid={os.getpid()}'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *engine.command()], cwd=REPOSITORY, env=environment(), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    engine_pid = int(parent.stdout.readline())
    engine.wait_for_state({"failed"})

    parent.kill()
    parent.wait()

    deadline = time.monotonic() + 30
    while _is_running(engine_pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _is_running(engine_pid)


@pytest.mark.parametrize("secret", ["", "short"])
def test_a_missing_or_short_secret_stops_the_start(tmp_path: Path, secret: str) -> None:
    done = subprocess.run(
        Engine(tmp_path, "http://127.0.0.1:9/", port=free_port()).command(),
        cwd=REPOSITORY,
        env={**environment(), "YITI_ENGINE_SECRET": secret},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "YITI_ENGINE_SECRET must hold a secret of at least 16 characters" in done.stderr


def test_a_port_in_use_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            Engine(tmp_path, "http://127.0.0.1:9/", port=taken.getsockname()[1]).command(),
            cwd=REPOSITORY,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 2
    assert "cannot listen on 127.0.0.1" in done.stderr


def test_training_again_finds_the_model_and_leaves_the_files_alone(assistant: Path, home: Path) -> None:
    before = (assistant / "config.yml").read_bytes()
    (model,) = (home / "models").glob("*.tar.gz")

    done = train(assistant, home)

    assert done.returncode == 0
    assert done.stdout.strip() == str(model)
    assert "is up to date" in done.stderr
    assert (
        (assistant / "config.yml").read_bytes()
        == before
        == (Path(__file__).parent / "assistant" / "config.yml").read_bytes()
    )
    assert not (assistant / ".rasa").exists()
    printed = train(assistant, home, "--print-fingerprint").stdout.strip()
    assert model.name == f"{printed}.tar.gz"


def test_a_broken_example_is_named_by_file_and_line(assistant: Path, home: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(assistant, project)
    nlu = project / "data" / "nlu" / "nlu.yml"
    nlu.write_text(nlu.read_text().replace("- 查一下订单", "- 查一下[AB-1(order_number)"))
    line = 1 + nlu.read_text().splitlines().index("      - 查一下[AB-1(order_number)")

    done = train(project, home)

    assert done.returncode == 1
    assert f"{nlu}:{line}: a label that is not closed" in done.stderr
    assert done.stdout == ""


def test_a_misspelt_key_of_a_component_stops_the_training(assistant: Path, home: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(assistant, project)
    config = project / "config.yml"
    config.write_text(config.read_text().replace("entities: [product]", "entitis: [product]"))

    done = train(project, home)

    assert done.returncode == 1
    assert "KeywordExtractor has no key 'entitis' in config.yml" in done.stderr


def _say_quietly(engine: Engine, *arguments: str) -> None:
    try:
        engine.say(*arguments)
    except httpx.TransportError:
        return  # the engine was killed meanwhile, which is the point


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"
