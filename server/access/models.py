"""Tables and values of accounts, their sessions and the failed tries to sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from core.access import Permission, Role, permissions_of
from core.database import Base, JsonValue, UtcDateTime
from core.ids import AccountId


class AccountRow(Base):
    """A person who may sign in to the console. Accounts are disabled, never deleted: the audit log names them."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    login: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(300))
    roles: Mapped[list[str]] = mapped_column(JsonValue)
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    must_change_password: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AccountSessionRow(Base):
    """One signed-in browser. The session's id is a secret, so only its SHA-256 is stored."""

    __tablename__ = "account_sessions"

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(32), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    idle_until: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SignInAttemptRow(Base):
    """Failed sign-ins under one key (a login or an address); the key is kept as a hash only."""

    __tablename__ = "sign_in_attempts"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    n_failures: Mapped[int] = mapped_column(Integer, default=0)
    last_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


@dataclass(frozen=True)
class Account:
    """An account as the rest of the product sees it: without its password."""

    id: AccountId
    login: str
    name: str
    roles: frozenset[Role]
    enabled: bool
    must_change_password: bool
    created_at: datetime
    last_sign_in_at: datetime | None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the account's roles allow."""
        return permissions_of(self.roles)


@dataclass(frozen=True)
class AccountSession:
    """A session that is valid now, and the account it belongs to."""

    id_hash: str
    account: Account
    last_seen_at: datetime
    idle_until: datetime
    expires_at: datetime


@dataclass(frozen=True)
class SignedIn:
    """A fresh session with its secret id, which only the browser's cookie keeps."""

    session_id: str
    session: AccountSession


@dataclass(frozen=True)
class NewCredentials:
    """An account and the one-time password made for it; None when the caller chose the password."""

    account: Account
    one_time_password: str | None
