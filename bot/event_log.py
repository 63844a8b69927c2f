"""The stored events of every conversation, in SQL: appended batch by batch, never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.engine.url import URL
from sqlalchemy.pool import QueuePool

from bot.errors import TurnError

_SESSION_STARTED = "session_started"

_metadata = sa.MetaData()
_events = sa.Table(
    "engine_tracker_events",
    _metadata,
    sa.Column("conversation_id", sa.String(128), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("cause_id", sa.String(160), nullable=True),
    sa.Column("type_name", sa.String(64), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Index("engine_tracker_events_cause", "conversation_id", "cause_id", unique=True),
)


class ConversationMovedError(TurnError):
    """Somebody else appended to the conversation meanwhile; what was computed on the old events is void."""


@dataclass(frozen=True)
class Position:
    """How far a conversation's log reaches.

    `n_events` events are stored, with seq 0 to n_events - 1. `cause_start` is the seq of the first event of the asked
    cause, or None when that cause is not in the log.
    """

    n_events: int
    cause_start: int | None


class EventLog:
    """One table. A batch is what one cause (a message, a call of /events) added; its first row names the cause.

    A batch is written in one transaction: a turn is in the log whole or not at all.
    """

    def __init__(self, url: str) -> None:
        self.url = _synchronous(url)
        if self.url.get_backend_name() == "sqlite":
            self.n_threads = 1
            self._engine = _sqlite_engine(self.url)
        else:
            self.n_threads = 8
            self._engine = sa.create_engine(
                self.url, future=True, hide_parameters=True, pool_size=self.n_threads, pool_pre_ping=True
            )
        _metadata.create_all(self._engine)

    def position(self, conversation_id: str, cause_id: str | None) -> Position:
        """Tell how far the log reaches and whether a cause is in it already."""
        cause = sa.case((_events.c.cause_id == cause_id, _events.c.seq)) if cause_id else sa.null()
        query = sa.select(sa.func.max(_events.c.seq), sa.func.min(cause)).where(
            _events.c.conversation_id == conversation_id
        )
        with self._engine.connect() as connection:
            last, cause_start = connection.execute(query).one()
        return Position(0 if last is None else last + 1, cause_start)

    def read_batch(self, conversation_id: str, start: int) -> list[dict[str, Any]]:
        """Return the events of the batch that begins at a seq."""
        conversation = _events.c.conversation_id == conversation_id
        following = sa.select(sa.func.min(_events.c.seq)).where(
            conversation, _events.c.seq > start, _events.c.cause_id.is_not(None)
        )
        with self._engine.connect() as connection:
            end = connection.execute(following).scalar_one()
            query = sa.select(_events.c.data).where(conversation, _events.c.seq >= start).order_by(_events.c.seq)
            if end is not None:
                query = query.where(_events.c.seq < end)
            return [json.loads(data) for data in connection.execute(query).scalars()]

    def read_session(self, conversation_id: str) -> tuple[int, list[dict[str, Any]]]:
        """Return the events since the latest session began, and the seq of the first."""
        conversation = _events.c.conversation_id == conversation_id
        began = sa.select(sa.func.max(_events.c.seq)).where(conversation, _events.c.type_name == _SESSION_STARTED)
        with self._engine.connect() as connection:
            start = connection.execute(began).scalar_one() or 0
            query = sa.select(_events.c.data).where(conversation, _events.c.seq >= start).order_by(_events.c.seq)
            return start, [json.loads(data) for data in connection.execute(query).scalars()]

    def read_all(self, conversation_id: str) -> list[dict[str, Any]]:
        """Return all events of a conversation."""
        query = sa.select(_events.c.data).where(_events.c.conversation_id == conversation_id).order_by(_events.c.seq)
        with self._engine.connect() as connection:
            return [json.loads(data) for data in connection.execute(query).scalars()]

    def append(
        self, conversation_id: str, start: int, events: Sequence[Mapping[str, Any]], cause_id: str | None
    ) -> None:
        """Add a batch whose first event gets the seq `start`.

        Raises:
            ConversationMovedError: that seq, or that cause, is in the log already.
        """
        rows = [
            {
                "conversation_id": conversation_id,
                "seq": start + number,
                "cause_id": cause_id if number == 0 else None,
                "type_name": event["event"],
                "at": event.get("timestamp") or 0.0,
                "data": json.dumps(event, ensure_ascii=False),
            }
            for number, event in enumerate(events)
        ]
        if not rows:
            return
        try:
            with self._engine.begin() as connection:
                connection.execute(_events.insert(), rows)
        except sa.exc.IntegrityError as error:
            raise ConversationMovedError(f"Conversation {conversation_id} has moved on past event {start}.") from error

    def conversation_ids(self) -> list[str]:
        """Return the ids of all conversations."""
        with self._engine.connect() as connection:
            return list(connection.execute(sa.select(_events.c.conversation_id).distinct()).scalars())

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def _synchronous(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg2")
    return parsed.set(drivername=parsed.get_backend_name())


def _sqlite_engine(url: URL) -> sa.engine.Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        future=True,
        hide_parameters=True,  # an error's text goes to the log, where customers' words do not belong
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": 5.0},
    )

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine
