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
from rich.console import Console

from core.errors import ConfigError
from core.settings import REPOSITORY, load_settings
from server.setup import database, product
from server.setup.environments import ENGINE_ENVIRONMENT, UV, find_node
from server.setup.pages import WEB, install_packages
from server.setup.steps import Step, StepRunner, fingerprint, is_stamped, put_stamp, run_command

app = typer.Typer(help="For developers of Yiti.", no_args_is_help=True)
console = Console(stderr=True, highlight=False)
PYTHON = Path(sys.executable)
BIN = PYTHON.parent
DEV_LOCK = REPOSITORY / "requirements-dev.txt"
DEV_STAMPS = REPOSITORY / ".venv" / "dev"
PAGES = ("widget", "console")
SYSTEM_PROGRAMS = {"chromium": "chromium", "redis-server": "redis-server", "postgres": "postgresql"}
