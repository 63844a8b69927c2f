"""What a developer does: check, test, format, lock. `make check` and `make test` are thin over it."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.console import Console

from core.settings import REPOSITORY

app = typer.Typer(help="For developers of Yiti.", no_args_is_help=True)
console = Console(stderr=True, highlight=False)
PYTHON = Path(sys.executable)
BIN = PYTHON.parent
DEV_LOCK = REPOSITORY / "requirements-dev.txt"
DEV_STAMPS = REPOSITORY / ".venv" / "dev"
PAGES = ("widget", "console")
SYSTEM_PROGRAMS = {"chromium": "chromium", "redis-server": "redis-server", "postgres": "postgresql"}
