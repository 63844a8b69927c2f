"""What people did: who took over, merged, erased, published, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, JsonValue, UtcDateTime
from core.ids import ID_LENGTH, new_id


class AuditRow(Base):
    """One act of one person; rows are only ever added."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_subject_at", "subject", "at"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(160))
    details: Mapped[dict[str, Any]] = mapped_column(JsonValue, default=dict)


async def record_audit(
    session: AsyncSession,
    *,
    actor: str,
    action: str,
    subject: str,
    at: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add one act to the log, in the caller's transaction.

    `actor` is `account:<id>`, `system` or `customer:<id>`; `subject` is `<kind>:<id>`.
    """
    session.add(AuditRow(id=new_id(), at=at, actor=actor, action=action, subject=subject, details=dict(details or {})))
