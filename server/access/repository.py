"""SQL of accounts, sessions and failed sign-ins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import AccountId
from server.access.models import AccountRow, AccountSessionRow, SignInAttemptRow
from server.access.sign_in_limits import FailedTries, LimitKind


class AccessRepository:
    """Reads and writes the access tables in the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_account(self, account_id: AccountId, *, lock: bool = False) -> AccountRow | None:
        """Return the account with this id, locked against other writers when asked."""
        return await self._session.get(AccountRow, account_id, with_for_update=lock or None, populate_existing=True)

    async def find_account_by_login(self, login: str) -> AccountRow | None:
        """Return the account with this login, which must already be in its stored form."""
        return await self._session.scalar(select(AccountRow).where(AccountRow.login == login))

    async def list_accounts(self) -> Sequence[AccountRow]:
        """Return every account by login."""
        return (await self._session.scalars(select(AccountRow).order_by(AccountRow.login))).all()

    async def lock_enabled_accounts(self) -> Sequence[AccountRow]:
        """Lock and return every enabled account, so that two changes cannot each spare the other's last one."""
        query = select(AccountRow).where(AccountRow.enabled).order_by(AccountRow.id).with_for_update()
        return (await self._session.scalars(query, execution_options={"populate_existing": True})).all()

    async def add(self, row: AccountRow | AccountSessionRow) -> None:
        """Insert a row now, so that a clash shows here and not at commit."""
        self._session.add(row)
        await self._session.flush()

    async def find_session(self, id_hash: str, now: datetime) -> tuple[AccountSessionRow, AccountRow] | None:
        """Return a session that is valid at `now` with its enabled account."""
        query = (
            select(AccountSessionRow, AccountRow)
            .join(AccountRow, AccountRow.id == AccountSessionRow.account_id)
            .where(
                AccountSessionRow.id_hash == id_hash,
                AccountSessionRow.idle_until > now,
                AccountSessionRow.expires_at > now,
                AccountRow.enabled,
            )
        )
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else (row[0], row[1])

    async def slide_session(self, id_hash: str, *, seen_at: datetime, idle_until: datetime) -> None:
        """Move a session's idle limit; a session that has been ended meanwhile stays ended."""
        await self._session.execute(
            update(AccountSessionRow)
            .where(AccountSessionRow.id_hash == id_hash)
            .values(last_seen_at=seen_at, idle_until=idle_until)
        )

    async def end_session(self, id_hash: str) -> AccountId | None:
        """Delete one session; return whose it was, or None when there was none."""
        account_id = await self._session.scalar(
            delete(AccountSessionRow)
            .where(AccountSessionRow.id_hash == id_hash)
            .returning(AccountSessionRow.account_id)
        )
        return None if account_id is None else AccountId(account_id)

    async def end_sessions_of(self, account_id: AccountId) -> int:
        """Delete every session of an account; return how many there were."""
        result: Any = await self._session.execute(
            delete(AccountSessionRow).where(AccountSessionRow.account_id == account_id)
        )
        return int(result.rowcount)

    async def forget_old(self, *, sessions_before: datetime, tries_before: datetime) -> None:
        """Delete what can no longer matter: sessions past their end and failures past remembering."""
        await self._session.execute(
            delete(AccountSessionRow).where(
                (AccountSessionRow.expires_at < sessions_before) | (AccountSessionRow.idle_until < sessions_before)
            )
        )
        await self._session.execute(delete(SignInAttemptRow).where(SignInAttemptRow.last_at < tries_before))

    async def lock_failures(self, kind: LimitKind, key_hash: str) -> FailedTries:
        """Return the failures under a key; nobody else can count on that key until the transaction ends."""
        insert = sqlite_insert if self._session.get_bind().dialect.name == "sqlite" else postgresql_insert
        await self._session.execute(
            insert(SignInAttemptRow)
            .values(kind=kind.value, key_hash=key_hash, n_failures=0, last_at=None)
            .on_conflict_do_nothing()
        )
        query = (
            select(SignInAttemptRow)
            .where(SignInAttemptRow.kind == kind.value, SignInAttemptRow.key_hash == key_hash)
            .with_for_update()
        )
        row = (await self._session.scalars(query, execution_options={"populate_existing": True})).one()
        return FailedTries(row.n_failures, row.last_at)

    async def store_failures(self, kind: LimitKind, key_hash: str, tries: FailedTries) -> None:
        """Write the count of failures under a key."""
        await self._session.execute(
            update(SignInAttemptRow)
            .where(SignInAttemptRow.kind == kind.value, SignInAttemptRow.key_hash == key_hash)
            .values(n_failures=tries.n_failures, last_at=tries.last_at)
        )
