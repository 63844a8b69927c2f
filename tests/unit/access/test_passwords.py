from __future__ import annotations

import re

import pytest
from argon2 import PasswordHasher

from core.errors import InvalidInputError
from server.access.passwords import Passwords, check_new_password, one_time_password

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
DEARER = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)


async def test_a_hash_is_argon2id_and_matches_only_its_password() -> None:
    passwords = Passwords(CHEAP)

    stored = await passwords.hash("pässwörd-密码-1")

    assert stored.startswith("$argon2id$")
    assert (await passwords.check(stored, "pässwörd-密码-1")).matches
    assert not (await passwords.check(stored, "pässwörd-密码-2")).matches


async def test_a_hash_with_old_parameters_is_made_anew_only_when_it_matches() -> None:
    stored = await Passwords(CHEAP).hash("right password")
    passwords = Passwords(DEARER)

    renewed = (await passwords.check(stored, "right password")).new_hash

    assert renewed is not None
    assert (await passwords.check(renewed, "right password")).new_hash is None
    assert (await passwords.check(stored, "wrong password")).new_hash is None


async def test_without_a_stored_hash_nothing_matches() -> None:
    assert not (await Passwords(CHEAP).check(None, "anything")).matches
    assert not (await Passwords(CHEAP).check("not a hash", "anything")).matches


async def test_full_width_and_ascii_letters_are_the_same_password() -> None:
    passwords = Passwords(CHEAP)

    stored = await passwords.hash("Ｐassword-123")

    assert (await passwords.check(stored, "Password-123")).matches


def test_one_time_passwords_differ_and_hold_no_look_alikes() -> None:
    made = {one_time_password() for _ in range(200)}

    assert len(made) == 200
    assert all(re.fullmatch(r"([a-zA-Z2-9]{5}-){3}[a-zA-Z2-9]{5}", password) for password in made)
    assert not set("".join(made)) & set("l1IoO0")


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("short", "5 characters; it needs at least 10"),
        ("x" * 257, "257 characters; at most 256"),
        ("WEI.zhang@shop", "must differ from the login"),
        ("ababababab", "repeats too few characters"),
    ],
)
def test_an_unfit_password_is_refused_with_the_rule(password: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refused:
        check_new_password(password, login="wei.zhang@shop")

    assert refused.value.code == "password_unfit"
    assert password not in str(refused.value)
