"""Tables and values of customers, their identities and what happened to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, JsonValue, UtcDateTime
from core.ids import ID_LENGTH, CustomerId
from profiles.identities import ShownIdentity
from profiles.traits import Trait


class CustomerStatus(StrEnum):
    """Whether a customer still stands for a person."""

    ACTIVE = "active"
    MERGED = "merged"
    ERASED = "erased"


class IdentityStatus(StrEnum):
    """Whether an identity still leads to its customer."""

    ACTIVE = "active"
    ERASED = "erased"


class CustomerRow(Base):
    """A person. `data_key` encrypts the values of the person's identities and is itself wrapped."""

    __tablename__ = "customers"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    status: Mapped[str] = mapped_column(String(16), default=CustomerStatus.ACTIVE.value)
    merged_into: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)
    traits: Mapped[dict[str, Any]] = mapped_column(JsonValue, default=dict)
    data_key: Mapped[bytes] = mapped_column(LargeBinary)


class IdentifierRow(Base):
    """One address of a customer, found by a keyed hash of its value."""

    __tablename__ = "identifiers"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    value_hmac: Mapped[str] = mapped_column(String(64), primary_key=True)
    value_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    status: Mapped[str] = mapped_column(String(16), default=IdentityStatus.ACTIVE.value)
    verified: Mapped[bool] = mapped_column(Boolean, default=False)
    source: Mapped[str] = mapped_column(String(40))
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ProfileEventRow(Base):
    """Something a customer did or that was done for them; rows are only ever added."""

    __tablename__ = "profile_events"
    __table_args__ = (Index("ix_profile_events_customer_id_at", "customer_id", "at"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    type: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    properties: Mapped[dict[str, Any]] = mapped_column(JsonValue, default=dict)


@dataclass(frozen=True)
class ProfileEvent:
    """One entry of the record that marketing and service share."""

    type: str
    at: datetime
    properties: dict[str, Any]


@dataclass(frozen=True)
class CustomerProfile:
    """What we know of one customer; `verified` says that some address of theirs was proved to us."""

    customer_id: CustomerId
    name: str | None
    language: str | None
    tier: str | None
    shop_customer_id: str | None
    verified: bool
    traits: tuple[Trait, ...]
    identities: tuple[ShownIdentity, ...]
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class ResolvedCustomer:
    """Whose message it is. `verified`: the sender's own proof of who they are holds, so their data may be used."""

    customer_id: CustomerId
    name: str | None
    verified: bool
    tier: str | None
    language: str | None
