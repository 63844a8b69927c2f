"""Secrets are made once, kept private, and bound to a purpose."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.secrets import InstallationKey, read_or_make_secret


def test_a_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first, was_made = read_or_make_secret(tmp_path / "secrets" / "key")
    second, was_made_again = read_or_make_secret(tmp_path / "secrets" / "key")

    assert (was_made, was_made_again) == (True, False)
    assert first == second
    assert len(first) >= 43
    assert stat.S_IMODE((tmp_path / "secrets" / "key").stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _n: read_or_make_secret(tmp_path / "key"), range(16)))

    assert len({secret for secret, _ in made}) == 1


def test_keys_for_two_purposes_differ_and_repeat() -> None:
    key = InstallationKey(b"r" * 32)

    assert key.derive("web.visitor-token") == InstallationKey(b"r" * 32).derive("web.visitor-token")
    assert key.derive("web.visitor-token") != key.derive("profiles.lookup")
    assert len(key.derive("x")) == 32


def test_a_short_root_is_refused() -> None:
    with pytest.raises(ConfigError, match="it needs 32 or more"):
        InstallationKey(b"short")
