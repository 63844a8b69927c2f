"""The docs' promises: commands that run, settings that exist, links that lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from core.settings import PREFIX, Settings
from tests.conftest import REPOSITORY
from tests.product import clean_environment

RUN_ELSEWHERE = {
    "make run": "tests/integration/product/test_make_run.py starts it",
    "make test": "is what runs this test",
}
DOCS = [REPOSITORY / "README.md", REPOSITORY / "ARCHITECTURE.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def _readme_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("line", [line for line in _readme_commands() if line not in RUN_ELSEWHERE])
def test_a_command_of_the_readme_runs(line: str, tmp_path: object) -> None:
    env = clean_environment(YITI_HOME=str(tmp_path), PATH=os.environ["PATH"])

    done = subprocess.run(["sh", "-c", line], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_two_commands_are_in_the_readme() -> None:
    assert set(RUN_ELSEWHERE) <= set(_readme_commands())


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    documented = set(re.findall(r"`(YITI_[A-Z_]+)`", (REPOSITORY / "docs/how-to/configure.md").read_text()))

    assert documented == {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_relative_links_lead_somewhere(path: object) -> None:
    text = path.read_text()  # type: ignore[attr-defined]
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)

    missing = [link for link in links if not (path.parent / link).exists()]  # type: ignore[attr-defined]
    assert not missing


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_paths_named_in_the_docs_exist(path: object) -> None:
    text = path.read_text()  # type: ignore[attr-defined]
    named = re.findall(
        r"`((?:core|server|actions|channels|handoff|conversations|profiles|knowledge_index|bot|docs|data"
        r"|tests|deploy|benchmarks|web|domain|migrations)/[\w./-]*)`",
        text,
    )

    missing = [name for name in named if not (REPOSITORY / name).exists()]
    assert not missing
