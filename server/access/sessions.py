"""Rules of signing in: limits on guessing, sessions that slide and end, changing one's password."""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from core.audit import record_audit
from core.clock import Clock
from core.database import Database
from core.errors import InvalidInputError, NotAllowedError, TooManyRequestsError
from core.ids import AccountId
from core.logs import get_logger
from server.access.accounts import account_of, canonical_login
from server.access.models import AccountRow, AccountSession, AccountSessionRow, SignedIn
from server.access.passwords import LONGEST_PASSWORD, Passwords, check_new_password
from server.access.repository import AccessRepository
from server.access.sign_in_limits import LIMITS, FailedTries, LimitKind

log = get_logger(__name__)

SESSION_ID_BYTES = 32
FAILURES_REMEMBERED = timedelta(days=1)


@dataclass(frozen=True)
class SessionLifetime:
    """How long a session lasts without use, in all, and how often its use is written down."""

    idle: timedelta = timedelta(hours=12)
    absolute: timedelta = timedelta(days=7)
    seen_every: timedelta = timedelta(minutes=1)


class SessionService:
    """Signs people in and out; a session's secret id is made here and never taken from a client."""

    def __init__(
        self, database: Database, clock: Clock, passwords: Passwords, lifetime: SessionLifetime | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._lifetime = lifetime or SessionLifetime()

    async def sign_in(
        self, *, login: str, password: str, address: str, replaced_session_id: str | None = None
    ) -> SignedIn:
        """Check the password and open a new session; the one the browser had before is ended.

        A try counts as failed before the password is looked at, so guesses sent side by side cannot slip
        past the limit. An unknown login costs the same work and gets the same answer as a wrong password.

        Raises:
            NotAllowedError: code `bad_credentials`; the login is unknown or disabled or the password is wrong.
            TooManyRequestsError: code `too_many_sign_ins`.
        """
        login = _login_or_itself(login)
        keys = {LimitKind.LOGIN: _hashed(login), LimitKind.ADDRESS: _hashed(address)}
        stored = await self._count_try(login, keys)
        check = await self._passwords.check(stored.password_hash if stored else None, _bounded(password))
        if stored is None or not check.matches or not stored.enabled:
            await self._refuse(stored)
            raise NotAllowedError("The login or the password is wrong.", code="bad_credentials")
        return await self._open(AccountId(stored.id), stored.password_hash, check.new_hash, keys, replaced_session_id)

    async def _count_try(self, login: str, keys: dict[LimitKind, str]) -> AccountRow | None:
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            access = AccessRepository(session)
            counted = {kind: await access.lock_failures(kind, key) for kind, key in keys.items()}
            wait_s = max(tries.wait_s(LIMITS[kind], now) for kind, tries in counted.items())
            if wait_s > 0:
                raise TooManyRequestsError(
                    f"Too many failed sign-ins; try again in {max(1, round(wait_s))} s.",
                    retry_after_s=wait_s,
                    code="too_many_sign_ins",
                )
            for kind, tries in counted.items():
                await access.store_failures(kind, keys[kind], tries.one_more(LIMITS[kind], now))
            return await access.find_account_by_login(login)

    async def _refuse(self, account: AccountRow | None) -> None:
        log.info("access.sign_in_refused", account_id=account.id if account else None)
        if account is None:
            return
        async with self._database.unit_of_work() as session:
            await record_audit(
                session,
                actor="system",
                action="session.refused",
                subject=f"account:{account.id}",
                at=self._clock.now(),
                details={"enabled": account.enabled},
            )

    async def _open(
        self,
        account_id: AccountId,
        checked_hash: str,
        new_hash: str | None,
        keys: dict[LimitKind, str],
        replaced_session_id: str | None,
    ) -> SignedIn:
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            access = AccessRepository(session)
            account = await access.find_account(account_id, lock=True)
            if account is None or not account.enabled or account.password_hash != checked_hash:
                raise NotAllowedError("The login or the password is wrong.", code="bad_credentials")
            await access.store_failures(LimitKind.LOGIN, keys[LimitKind.LOGIN], FailedTries(0, None))
            address = await access.lock_failures(LimitKind.ADDRESS, keys[LimitKind.ADDRESS])
            await access.store_failures(
                LimitKind.ADDRESS,
                keys[LimitKind.ADDRESS],
                replace(address, n_failures=max(0, address.n_failures - 1)),
            )
            await access.forget_old(sessions_before=now, tries_before=now - FAILURES_REMEMBERED)
            if replaced_session_id:
                await access.end_session(_hashed(replaced_session_id))
            account.password_hash = new_hash or account.password_hash
            account.last_sign_in_at = now
            signed_in = await self._new_session(access, account, now)
            await record_audit(
                session, actor=f"account:{account.id}", action="session.opened", subject=f"account:{account.id}", at=now
            )
        return signed_in

    async def _new_session(self, access: AccessRepository, account: AccountRow, now: datetime) -> SignedIn:
        session_id = secrets.token_urlsafe(SESSION_ID_BYTES)
        row = AccountSessionRow(
            id_hash=_hashed(session_id),
            account_id=account.id,
            created_at=now,
            last_seen_at=now,
            idle_until=now + self._lifetime.idle,
            expires_at=now + self._lifetime.absolute,
        )
        await access.add(row)
        return SignedIn(session_id, _session_of(row, account))

    async def find(self, session_id: str) -> AccountSession | None:
        """Return the session with this secret id when it is valid now, and note that it was used."""
        if not session_id:
            return None
        session = await self.find_by_hash(_hashed(session_id))
        now = self._clock.now()
        if session is None or now - session.last_seen_at < self._lifetime.seen_every:
            return session
        idle_until = min(now + self._lifetime.idle, session.expires_at)
        async with self._database.unit_of_work() as transaction:
            await AccessRepository(transaction).slide_session(session.id_hash, seen_at=now, idle_until=idle_until)
        return replace(session, last_seen_at=now, idle_until=idle_until)

    async def find_by_hash(self, id_hash: str) -> AccountSession | None:
        """Return the session stored under this hash when it is valid now; looking does not prolong it."""
        async with self._database.read() as transaction:
            found = await AccessRepository(transaction).find_session(id_hash, self._clock.now())
            return None if found is None else _session_of(*found)

    async def sign_out(self, session_id: str) -> None:
        """End a session; ending one that is already over is no error."""
        async with self._database.unit_of_work() as session:
            account_id = await AccessRepository(session).end_session(_hashed(session_id))
            if account_id is not None:
                subject = f"account:{account_id}"
                await record_audit(
                    session, actor=subject, action="session.closed", subject=subject, at=self._clock.now()
                )

    async def change_password(self, session_id: str, *, current: str, new: str, address: str) -> SignedIn:
        """Replace one's own password; every session of the account ends and a new one begins.

        Raises:
            NotAllowedError: the session is over (`unauthenticated`), or the present password is wrong
                (`wrong_password`).
            InvalidInputError: code `password_unfit`.
            TooManyRequestsError: code `too_many_sign_ins`; wrong passwords count as failed sign-ins.
        """
        found = await self.find(session_id)
        if found is None:
            raise NotAllowedError("Sign in first.", code="unauthenticated")
        login = found.account.login
        check_new_password(new, login=login)
        keys = {LimitKind.LOGIN: _hashed(login), LimitKind.ADDRESS: _hashed(address)}
        stored = await self._count_try(login, keys)
        check = await self._passwords.check(stored.password_hash if stored else None, _bounded(current))
        if stored is None or not check.matches:
            raise NotAllowedError("The present password is wrong.", code="wrong_password")
        if hmac.compare_digest(current.encode(), new.encode()):
            raise InvalidInputError("The new password must differ from the present one.", code="password_unfit")
        new_hash = await self._passwords.hash(new)
        return await self._replace_password(found.account.id, stored.password_hash, new_hash, keys)

    async def _replace_password(
        self, account_id: AccountId, checked_hash: str, new_hash: str, keys: dict[LimitKind, str]
    ) -> SignedIn:
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            access = AccessRepository(session)
            account = await access.find_account(account_id, lock=True)
            if account is None or not account.enabled or account.password_hash != checked_hash:
                raise NotAllowedError("The password was changed meanwhile; sign in again.", code="unauthenticated")
            account.password_hash, account.must_change_password = new_hash, False
            account.updated_at = now
            for kind, key in keys.items():
                await access.store_failures(kind, key, FailedTries(0, None))
            await access.end_sessions_of(account_id)
            signed_in = await self._new_session(access, account, now)
            subject = f"account:{account.id}"
            await record_audit(session, actor=subject, action="account.password_changed", subject=subject, at=now)
        return signed_in


def csrf_token(session_id: str) -> str:
    """Return the token that unsafe requests of this session must carry; derived, so nothing is stored."""
    digest = hmac.new(session_id.encode("utf-8", "surrogatepass"), b"yiti csrf token", sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_csrf_token(session_id: str, presented: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(csrf_token(session_id).encode(), presented.encode("utf-8", "surrogatepass"))


def _hashed(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _bounded(password: str) -> str:
    return password if len(password) <= LONGEST_PASSWORD else ""  # no account has an empty password


def _login_or_itself(login: str) -> str:
    try:
        return canonical_login(login)
    except InvalidInputError:
        return login[:200]  # no account can have it; it is counted and refused like any unknown login


def _session_of(row: AccountSessionRow, account: AccountRow) -> AccountSession:
    return AccountSession(
        id_hash=row.id_hash,
        account=account_of(account),
        last_seen_at=row.last_seen_at,
        idle_until=row.idle_until,
        expires_at=row.expires_at,
    )
