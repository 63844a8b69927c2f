"""The desk's list of conversations: views, search, pages, counts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Select, and_, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.elements import ColumnElement

from conversations.conversation import Conversation
from conversations.owner import Owner
from conversations.repository import CONVERSATIONS, to_conversation
from core.errors import InvalidInputError
from core.ids import AgentId

MAX_PAGE = 100
MAX_COUNT = 10_000


class View(StrEnum):
    """The tabs of the desk's list; `mine` are the asking agent's."""

    QUEUE = "queue"
    MINE = "mine"
    BOT = "bot"
    CLOSED = "closed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class DeskPage:
    """One page of the list; a count that reads 10,000 means that many or more."""

    items: Sequence[Conversation]
    next_cursor: str | None
    counts: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "items": [item.as_row() for item in self.items],
            "next_cursor": self.next_cursor,
            "counts": self.counts,
        }


class DeskList:
    """Reads the list in the caller's session; SQL only."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(
        self, view: View, agent_id: AgentId, *, search: str = "", cursor: str | None = None, limit: int = 50
    ) -> DeskPage:
        """Return one page: the queue by who waits longest, every other view by what changed last.

        `search` looks into the customer's name, the last message, the reason's evidence, and the id.

        Raises:
            InvalidInputError: `bad_cursor`.
        """
        limit = max(1, min(limit, MAX_PAGE))
        statement = select(CONVERSATIONS).where(_belongs(view, agent_id))
        if search.strip():
            statement = statement.where(_matches(search.strip()))
        statement = _ordered(statement, view, cursor).limit(limit + 1)
        found = [to_conversation(row) for row in (await self._session.execute(statement)).mappings()]
        items = found[:limit]
        next_cursor = _cursor_at(view, items[-1]) if len(found) > limit else None
        return DeskPage(items, next_cursor, await self.counts(agent_id))

    async def counts(self, agent_id: AgentId) -> dict[str, int]:
        """Return how many conversations each view has, counting to 10,000 at most."""
        parts = [
            select(func.count())
            .select_from(select(literal(1)).where(_belongs(view, agent_id)).limit(MAX_COUNT).subquery())
            .scalar_subquery()
            .label(view.value)
            for view in View
        ]
        row = (await self._session.execute(select(*parts))).one()
        return {view.value: int(getattr(row, view.value)) for view in View}


def _belongs(view: View, agent_id: AgentId) -> ColumnElement[bool]:
    match view:
        case View.QUEUE:
            return CONVERSATIONS.c.owner == Owner.QUEUE.value
        case View.MINE:
            return CONVERSATIONS.c.owner == Owner.agent(agent_id).value
        case View.BOT:
            return CONVERSATIONS.c.owner == Owner.BOT.value
        case View.CLOSED:
            return CONVERSATIONS.c.owner == Owner.CLOSED.value
        case View.ALL:
            return and_(true(), CONVERSATIONS.c.id.is_not(None))


def _matches(search: str) -> ColumnElement[bool]:
    return or_(
        CONVERSATIONS.c.id == search,
        *(
            CONVERSATIONS.c[name].icontains(search, autoescape=True)
            for name in ("customer_name", "last_message_text", "reason_evidence")
        ),
    )


def _ordered(statement: Select[Any], view: View, cursor: str | None) -> Select[Any]:
    c = CONVERSATIONS.c
    if view is View.QUEUE:
        if cursor is not None:
            at, place = _read_cursor(cursor)
            statement = statement.where(or_(c.waiting_since > at, and_(c.waiting_since == at, c.id > place)))
        return statement.order_by(c.waiting_since, c.id)
    if cursor is not None:
        at, place = _read_cursor(cursor)
        statement = statement.where(or_(c.updated_at < at, and_(c.updated_at == at, c.id < place)))
    return statement.order_by(c.updated_at.desc(), c.id.desc())


def _cursor_at(view: View, last: Conversation) -> str:
    at = last.waiting_since if view is View.QUEUE and last.waiting_since else last.updated_at
    return base64.urlsafe_b64encode(orjson.dumps([at.isoformat(), last.id])).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        at, place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(at).astimezone(UTC), str(place)
    except (ValueError, TypeError, binascii.Error) as error:
        raise InvalidInputError("This cursor is not one the list gave out.", code="bad_cursor") from error
