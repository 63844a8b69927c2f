"""Rules of accounts: who may be made, changed, disabled; the first and the last administrator."""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy.exc import IntegrityError

from core.access import Role
from core.audit import record_audit
from core.clock import Clock
from core.database import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.ids import AccountId, new_id
from server.access.models import Account, AccountRow, NewCredentials
from server.access.passwords import Passwords, check_new_password, one_time_password
from server.access.repository import AccessRepository

FIRST_LOGIN = "admin"
_LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,98}[a-z0-9])?")
_LONGEST_NAME = 100


class AccountService:
    """Makes and changes accounts; at every moment at least one enabled administrator remains."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    async def list_accounts(self) -> list[Account]:
        """Return every account, disabled ones too, by login."""
        async with self._database.read() as session:
            return [account_of(row) for row in await AccessRepository(session).list_accounts()]

    async def get_account(self, account_id: AccountId) -> Account:
        """Return one account.

        Raises:
            NotFoundError: no account has this id.
        """
        async with self._database.read() as session:
            return account_of(_known(await AccessRepository(session).find_account(account_id), account_id))

    async def create_account(
        self, *, actor: str, login: str, name: str, roles: frozenset[Role], password: str | None = None
    ) -> NewCredentials:
        """Make an account; without a password a one-time one is made, to be changed at the first sign-in.

        Raises:
            InvalidInputError: the login, name, roles or password cannot be used.
            ConflictError: code `login_taken`.
        """
        login = canonical_login(login)
        name = _checked_name(name)
        _check_roles(roles)
        if password is not None:
            check_new_password(password, login=login)
        given = password or one_time_password()
        password_hash = await self._passwords.hash(given)
        async with self._database.unit_of_work() as session:
            row = await self._insert(
                AccessRepository(session), login, name, roles, password_hash, is_one_time=not password
            )
            await record_audit(
                session,
                actor=actor,
                action="account.created",
                subject=f"account:{row.id}",
                at=row.created_at,
                details={"login": login, "roles": sorted(roles)},
            )
        return NewCredentials(account_of(row), None if password else given)

    async def create_first_administrator(self) -> NewCredentials | None:
        """Make the first administrator with a one-time password when there is no account at all."""
        if await self.list_accounts():
            return None
        try:
            return await self.create_account(
                actor="system",
                login=FIRST_LOGIN,
                name="Administrator",
                roles=frozenset({Role.ADMINISTRATOR}),
            )
        except ConflictError:  # another replica was first and has said the password
            return None

    async def update_account(
        self,
        account_id: AccountId,
        *,
        actor: str,
        name: str | None = None,
        roles: frozenset[Role] | None = None,
        enabled: bool | None = None,
    ) -> Account:
        """Change what is given; disabling an account ends its sessions at once.

        Raises:
            NotFoundError: no account has this id.
            ConflictError: code `last_administrator`; the change would leave no enabled administrator.
        """
        if roles is not None:
            _check_roles(roles)
        async with self._database.unit_of_work() as session:
            accounts = AccessRepository(session)
            remaining = {row.id for row in await accounts.lock_enabled_accounts() if Role.ADMINISTRATOR in row.roles}
            row = _known(await accounts.find_account(account_id, lock=True), account_id)
            before = {"name": row.name, "roles": sorted(row.roles), "enabled": row.enabled}
            row.name = row.name if name is None else _checked_name(name)
            row.roles = row.roles if roles is None else sorted(roles)
            row.enabled = row.enabled if enabled is None else enabled
            if remaining == {row.id} and not (row.enabled and Role.ADMINISTRATOR in row.roles):
                raise ConflictError(
                    f"Account {row.login!r} is the last enabled administrator; "
                    "make another one before disabling it or taking the role away.",
                    code="last_administrator",
                )
            row.updated_at = self._clock.now()
            after = {"name": row.name, "roles": sorted(row.roles), "enabled": row.enabled}
            if not row.enabled:
                await accounts.end_sessions_of(account_id)
            await record_audit(
                session,
                actor=actor,
                action="account.changed",
                subject=f"account:{row.id}",
                at=row.updated_at,
                details={"before": before, "after": after},
            )
        return account_of(row)

    async def reset_password(self, account_id: AccountId, *, actor: str) -> NewCredentials:
        """Give an account a new one-time password and end all its sessions.

        Raises:
            NotFoundError: no account has this id.
        """
        given = one_time_password()
        password_hash = await self._passwords.hash(given)
        async with self._database.unit_of_work() as session:
            accounts = AccessRepository(session)
            row = _known(await accounts.find_account(account_id, lock=True), account_id)
            row.password_hash, row.must_change_password = password_hash, True
            row.updated_at = self._clock.now()
            await accounts.end_sessions_of(account_id)
            await record_audit(
                session, actor=actor, action="account.password_reset", subject=f"account:{row.id}", at=row.updated_at
            )
        return NewCredentials(account_of(row), given)

    async def _insert(
        self,
        accounts: AccessRepository,
        login: str,
        name: str,
        roles: frozenset[Role],
        password_hash: str,
        *,
        is_one_time: bool,
    ) -> AccountRow:
        now = self._clock.now()
        row = AccountRow(
            id=new_id(),
            login=login,
            name=name,
            password_hash=password_hash,
            roles=sorted(roles),
            enabled=True,
            must_change_password=is_one_time,
            created_at=now,
            updated_at=now,
            last_sign_in_at=None,
        )
        try:
            await accounts.add(row)
        except IntegrityError as error:
            raise ConflictError(f"The login {login!r} is taken.", code="login_taken") from error
        return row


def canonical_login(login: str) -> str:
    """Return the login as stored: NFKC, lower case, no surrounding space.

    Raises:
        InvalidInputError: code `bad_login`.
    """
    folded = unicodedata.normalize("NFKC", login).strip().lower()
    if not _LOGIN.fullmatch(folded):
        raise InvalidInputError(
            "A login has 1 to 100 characters of a-z, 0-9 and . _ @ + - and begins and ends with a letter or digit.",
            code="bad_login",
        )
    return folded


def account_of(row: AccountRow) -> Account:
    """Return the row as a value; roles this version does not know are left out."""
    known = {role.value for role in Role}
    return Account(
        id=AccountId(row.id),
        login=row.login,
        name=row.name,
        roles=frozenset(Role(role) for role in row.roles if role in known),
        enabled=row.enabled,
        must_change_password=row.must_change_password,
        created_at=row.created_at,
        last_sign_in_at=row.last_sign_in_at,
    )


def _known(row: AccountRow | None, account_id: AccountId) -> AccountRow:
    if row is None:
        raise NotFoundError(f"No account has the id {account_id!r}.", code="account_not_found")
    return row


def _checked_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= _LONGEST_NAME or not cleaned.isprintable():
        raise InvalidInputError(
            f"A name has 1 to {_LONGEST_NAME} printable characters; this one has {len(cleaned)}.", code="bad_name"
        )
    return cleaned


def _check_roles(roles: frozenset[Role]) -> None:
    if not roles:
        raise InvalidInputError(
            f"An account needs at least one role of {', '.join(role.value for role in Role)}.", code="bad_roles"
        )
