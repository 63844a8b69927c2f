"""What a developer does: check, test, format, lock. `make check` and `make test` are thin over it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import typer
from alembic import command
from alembic.util.exc import CommandError
from rich.console import Console

from core.errors import ConfigError
from core.settings import REPOSITORY, load_settings
from server.setup import database, product
from server.setup.environments import ENGINE_ENVIRONMENT, UV, Show, find_node
from server.setup.pages import WEB, install_packages
from server.setup.steps import Step, StepRunner, fingerprint, is_stamped, put_stamp, run_command

app = typer.Typer(help="For developers of Yiti.", no_args_is_help=True)
console = Console(stderr=True, highlight=False)

PYTHON = Path(sys.executable)
BIN = PYTHON.parent
DEV_LOCK = REPOSITORY / "requirements-dev.txt"
DEV_STAMPS = REPOSITORY / ".venv" / "dev"
ENGINE_TESTS = REPOSITORY / "tests" / "unit" / "bot" / "rasa_env"
PAGES = ("widget", "console")
PAGE_SUITES = ("widget", "console", "whole")
SYSTEM_PROGRAMS = {"chromium": "chromium", "redis-server": "redis-server", "postgres": "postgresql"}
Check = tuple[str, Sequence[str | Path], Path]


@app.command()
def check() -> None:
    """Format, lint, types, layers, migrations, and the same for the front ends."""
    _run([_tools_step(), *[_packages_step(page) for page in PAGES]])
    checks: list[Check] = [
        ("format", [BIN / "ruff", "format", "--check", "."], REPOSITORY),
        ("lint", [BIN / "ruff", "check", "."], REPOSITORY),
        ("types", [BIN / "mypy"], REPOSITORY),
        ("layers", [BIN / "lint-imports"], REPOSITORY),
        *[(f"{page}: types, lint", ["npm", "run", "--silent", "check"], WEB / page) for page in PAGES],
    ]
    failed = [name for name, line, folder in checks if not _passes(name, line, folder)]
    if not _migrations_fit():
        failed.append("migrations")
    _conclude(failed, "all checks pass")


@app.command()
def test(paths: list[str] | None = None) -> None:
    """Set up everything that the tests need, then run them all (or only the paths given)."""
    try:
        _install_system_programs()
        _run([_tools_step()])
        product.prepare_product(load_settings(), console)
    except ConfigError as error:
        console.print(f"[red]✗[/red] {error.message}")
        raise typer.Exit(1) from error
    runs: list[Check] = []
    if not paths:
        runs += [(f"{page}: vitest", ["npm", "test", "--silent"], WEB / page) for page in PAGES]
        engine_python = ENGINE_ENVIRONMENT / "bin" / "python"
        engine_pytest: list[str | Path] = [engine_python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        runs.append(("engine's unit tests", [*engine_pytest, ENGINE_TESTS], REPOSITORY))
    pytest: list[str | Path] = [PYTHON, "-m", "pytest"]
    if paths:
        runs.append(("tests", [*pytest, *paths], REPOSITORY))
    else:  # a browser keeps an event loop of its own running, which neither async tests nor a second browser can stand
        runs.append(("tests", [*pytest, "--ignore=tests/pages"], REPOSITORY))
        runs += [(f"pages: {suite}", [*pytest, f"tests/pages/{suite}"], REPOSITORY) for suite in PAGE_SUITES]
    _conclude([name for name, line, folder in runs if not _passes(name, line, folder)], "all tests pass")


@app.command()
def fmt() -> None:
    """Put every Python file into the house's format and mend what can be mended."""
    _run([_tools_step()])
    _passes("format", [BIN / "ruff", "format", "."], REPOSITORY)
    _passes("lint", [BIN / "ruff", "check", "--fix", "."], REPOSITORY)


@app.command()
def lock() -> None:
    """Lock the server's dependencies anew, with hashes; bot/requirements.in says how Rasa's are locked."""
    common = ["--quiet", "--python-version", "3.11", "--universal", "--generate-hashes", "--no-header", "--upgrade"]
    for output, more in (("requirements.txt", []), (DEV_LOCK.name, ["--group", "dev"])):
        _passes(output, [UV, "pip", "compile", *common, "pyproject.toml", *more, "-o", output], REPOSITORY)


@app.command()
def revision(message: str) -> None:
    """Write a migration from the difference between the tables and the newest migration."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/revision.db"
        database.migrate(url)
        command.revision(database.alembic_config(url), message, autogenerate=True)


def _run(steps: Sequence[Step]) -> None:
    try:
        StepRunner(console).run(steps)
    except ConfigError as error:
        console.print(f"[red]✗[/red] {error.message}")
        raise typer.Exit(1) from error


def _conclude(failed: Sequence[str], passed: str) -> None:
    if failed:
        console.print(f"[red]✗[/red] failed: {', '.join(failed)}")
        raise typer.Exit(1)
    console.print(f"[green]✓[/green] {passed}")


def _passes(name: str, line: Sequence[str | Path], folder: Path) -> bool:
    console.rule(f"[bold]{name}", align="left")
    env = find_node(lambda _line: None) if line[0] == "npm" else dict(os.environ)
    return subprocess.run([str(part) for part in line], cwd=folder, env=env, check=False).returncode == 0  # noqa: S603


def _tools_step() -> Step:
    def run(show: Show) -> str:
        mark = fingerprint([DEV_LOCK])
        DEV_STAMPS.mkdir(exist_ok=True)
        if is_stamped(DEV_STAMPS, mark):
            return "up to date"
        run_command(
            [UV, "pip", "install", "--require-hashes", "--python", PYTHON, "-r", DEV_LOCK],
            cwd=REPOSITORY,
            show=show,
            failure="The developers' tools could not be installed.",
        )
        put_stamp(DEV_STAMPS, mark)
        return "installed"

    return Step("developers' tools", run)


def _packages_step(page: str) -> Step:
    def run(show: Show) -> str:
        install_packages(WEB / page, show, find_node(show))
        return "ready"

    return Step(f"{page}'s packages", run)


def _install_system_programs() -> None:
    """Install the real browser and servers that the tests drive; without them the tests could say nothing."""
    missing = [package for program, package in SYSTEM_PROGRAMS.items() if not _find_program(program)]
    if missing:
        run_command(
            [REPOSITORY / "yiti", "--system-packages", *missing],
            cwd=REPOSITORY,
            show=lambda line: console.print(line.rstrip(), markup=False),
            failure="The tests drive a real browser, PostgreSQL and Redis.",
        )


def _find_program(name: str) -> bool:
    return bool(shutil.which(name) or list(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))


def _migrations_fit() -> bool:
    console.rule("[bold]migrations", align="left")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/check.db"
        database.migrate(url)
        try:
            command.check(database.alembic_config(url))
        except CommandError as error:
            console.print(f"[red]✗[/red] {error}")
            return False
    console.print("the newest migration fits the tables")
    return True
