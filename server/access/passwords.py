"""Hashes and checks passwords with argon2id, and makes one-time passwords."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from core.errors import InvalidInputError

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_N_GROUPS, _GROUP_LENGTH = 4, 5


@dataclass(frozen=True)
class PasswordCheck:
    """The answer of one check: whether it matched, and a fresh hash when the stored one is outdated."""

    matches: bool
    new_hash: str | None = None


class Passwords:
    """Argon2id with the library's present defaults (RFC 9106's low-memory profile).

    Work is done in threads, at most `at_once` at a time, because each check takes 64 MiB and tens of
    milliseconds: a burst of sign-ins must neither block the event loop nor exhaust memory.
    """

    def __init__(self, hasher: PasswordHasher | None = None, *, at_once: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(at_once)
        self._decoy = self._hasher.hash(secrets.token_urlsafe(16))

    async def hash(self, password: str) -> str:
        """Return the encoded argon2id hash with its salt and parameters."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, canonical(password))

    async def check(self, stored_hash: str | None, password: str) -> PasswordCheck:
        """Compare a password with a stored hash; for None do the same work against a decoy and refuse."""
        async with self._turns:
            matches = await asyncio.to_thread(self._verify, stored_hash or self._decoy, canonical(password))
        if stored_hash is None or not matches:
            return PasswordCheck(matches=False)
        if self._hasher.check_needs_rehash(stored_hash):
            return PasswordCheck(matches=True, new_hash=await self.hash(password))
        return PasswordCheck(matches=True)

    def _verify(self, stored_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored_hash, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


def canonical(password: str) -> str:
    """Return the password in NFKC, so that the same keys typed on two systems give the same bytes.

    Source: NIST SP 800-63B, section 3.1.1.2 (normalisation of memorised secrets).
    """
    return unicodedata.normalize("NFKC", password)


def one_time_password() -> str:
    """Make a password to be read out or typed once: four groups of five, about 116 bits."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_N_GROUPS))
    return "-".join(groups)


def check_new_password(password: str, *, login: str) -> None:
    """Refuse a password that is too short, too long, or the login itself.

    Raises:
        InvalidInputError: code `password_unfit`; the message names the rule and never the password.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInputError(
            f"The new password has {len(password)} characters; it needs at least {SHORTEST_PASSWORD}.",
            code="password_unfit",
        )
    if len(password) > LONGEST_PASSWORD:
        raise InvalidInputError(
            f"The new password has {len(password)} characters; at most {LONGEST_PASSWORD} are allowed.",
            code="password_unfit",
        )
    if canonical(password).casefold() == canonical(login).casefold():
        raise InvalidInputError("The new password must differ from the login.", code="password_unfit")
    if len(set(password)) < 4:
        raise InvalidInputError("The new password repeats too few characters.", code="password_unfit")
