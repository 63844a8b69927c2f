"""One training and one engine for all tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.integration.engine.action_server import ActionServer
from tests.integration.engine.engine_process import ASSISTANT, ENCODERS, ENGINE_PYTHON, Engine


@pytest.fixture(scope="session")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small assistant's project."""
    if not ENGINE_PYTHON.exists():
        message = "The engine's environment is missing: make setup"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    subprocess.run(
        [sys.executable, "-m", "text_encoder.prepare", "--quiet", "--out", ENCODERS], cwd=REPOSITORY, check=True
    )
    project = tmp_path_factory.mktemp("assistant") / "project"
    shutil.copytree(ASSISTANT, project)
    return project


@pytest.fixture(scope="session")
def home(assistant: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained model."""
    folder = tmp_path_factory.mktemp("home")
    done = train(assistant, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def actions() -> Iterator[ActionServer]:
    """The action server that the engine calls."""
    server = ActionServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def running_engine(home: Path, actions: ActionServer) -> Iterator[Engine]:
    """A ready engine."""
    engine = Engine(home, actions.url).start()
    yield engine
    engine.stop()


@pytest.fixture
def engine(running_engine: Engine, actions: ActionServer) -> Engine:
    """The ready engine, with an action server that forgot what tests before did."""
    actions.reset()
    return running_engine


def train(project: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the training command."""
    return subprocess.run(
        [
            ENGINE_PYTHON,
            "-m",
            "bot.train",
            f"--project={project}",
            f"--out={home / 'models'}",
            f"--key={home / 'model.key'}",
            f"--encoders={ENCODERS}",
            *arguments,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
