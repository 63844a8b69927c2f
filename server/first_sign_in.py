"""The administrator's first sign-in: made once, shown until its password was changed, then forgotten."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from server.access.accounts import AccountService


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to type once."""

    login: str
    password: str


class FirstSignIn:
    """Keeps the generated password in a file that only its owner reads, for as long as it is good for anything."""

    def __init__(self, accounts: AccountService, path: Path) -> None:
        self._accounts = accounts
        self._path = path

    async def find(self) -> Credentials | None:
        """Make the first administrator when there is no account; return the sign-in while it still works."""
        made = await self._accounts.create_first_administrator()
        if made is not None and made.one_time_password is not None:
            credentials = Credentials(made.account.login, made.one_time_password)
            self._keep(credentials)
            return credentials
        if not self._path.exists():
            return None
        match self._path.read_text().split():
            case [login, password] if await self._is_good(login):
                return Credentials(login, password)
        self._path.unlink()
        return None

    async def _is_good(self, login: str) -> bool:
        accounts = await self._accounts.list_accounts()
        return any(account.login == login and account.must_change_password for account in accounts)

    def _keep(self, credentials: Credentials) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        staged = self._path.with_name(f".{self._path.name}.new")
        staged.unlink(missing_ok=True)
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{credentials.login} {credentials.password}\n")
        staged.replace(self._path)
