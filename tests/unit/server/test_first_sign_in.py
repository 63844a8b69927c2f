"""The first sign-in's file: there whole or not at all, and never a reason not to start."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from core.clock import FrozenClock
from core.database import Database
from server.access.accounts import AccountService
from server.access.passwords import Passwords
from server.first_sign_in import FirstSignIn
from server.tables import import_all_models


@pytest.fixture
async def first_sign_in(tmp_path: Path) -> AsyncIterator[FirstSignIn]:
    import_all_models()
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'yiti.db'}")
    await database.create_all()
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield FirstSignIn(AccountService(database, FrozenClock(), passwords), tmp_path / "secrets" / "first-sign-in.txt")
    await database.dispose()


async def test_it_is_made_once_and_shown_until_it_is_used(first_sign_in: FirstSignIn, tmp_path: Path) -> None:
    made = await first_sign_in.find()

    assert made is not None
    assert await first_sign_in.find() == made
    kept = tmp_path / "secrets" / "first-sign-in.txt"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


@pytest.mark.parametrize("content", ["", "admin", "admin a b\n"])
async def test_a_file_that_was_cut_off_is_forgotten(first_sign_in: FirstSignIn, tmp_path: Path, content: str) -> None:
    await first_sign_in.find()
    kept = tmp_path / "secrets" / "first-sign-in.txt"
    kept.write_text(content)

    assert await first_sign_in.find() is None
    assert not kept.exists()
