"""A real PostgreSQL for the tests, in a folder of its own, on a free loopback port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from core.ids import new_id
from tests.conftest import free_port, wait_for_port

PACKAGE = "postgresql"
UNPRIVILEGED = ("postgres", "nobody")


class PostgresServer:
    """A PostgreSQL of its own in a temporary folder; root hands it to an unprivileged user, as it must."""

    def __init__(self, folder: Path) -> None:
        self._bin = _find_binaries()
        self._user = _find_user() if os.geteuid() == 0 else None
        self._data = folder / "data"
        self._log = folder / "log"
        self.port = free_port()
        if self._user is not None:
            _open_way_to(folder)
            shutil.chown(folder, self._user)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the cluster and start it."""
        initdb = [self._bin / "initdb", "-D", self._data, "-A", "trust", "-U", "yiti", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(initdb, user=self._user, cwd="/", check=True, stdout=subprocess.DEVNULL, extra_groups=[])
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 200,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, *options],
            user=self._user,
            extra_groups=[],
            cwd="/",
            stderr=self._log.open("wb"),
        )
        wait_for_port(self.port, self._process)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self._conninfo("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it, whoever is still connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)

    def create_database(self) -> str:
        """Make an empty database; return its URL."""
        name = f"t_{new_id()}"
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://yiti@127.0.0.1:{self.port}/{name}"

    def _conninfo(self, name: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=yiti dbname={name}"


def _find_binaries() -> Path:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    folders = ([Path(on_path).resolve().parent] if on_path else []) + folders
    for folder in reversed(folders):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    message = f"PostgreSQL's server is missing: apt-get install {PACKAGE}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def _find_user() -> str:
    for name in UNPRIVILEGED:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    pytest.fail("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody.")


def _open_way_to(folder: Path) -> None:
    """Let another user pass through pytest's own folders (mode 700) to this one."""
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
