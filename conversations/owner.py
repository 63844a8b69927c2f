"""Who may speak in a conversation, and which changes of that are allowed.

Source: specs/handoff.md section 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from core.ids import AgentId


class OwnerKind(StrEnum):
    """The four kinds of owner; `agent` comes with an id."""

    BOT = "bot"
    QUEUE = "queue"
    AGENT = "agent"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Owner:
    """The one who may speak now; `str(owner)` is the stored form: bot, queue, agent:<id> or closed."""

    kind: OwnerKind
    agent_id: AgentId | None = None

    BOT: ClassVar[Owner]
    QUEUE: ClassVar[Owner]
    CLOSED: ClassVar[Owner]

    def __post_init__(self) -> None:
        if (self.kind is OwnerKind.AGENT) != bool(self.agent_id):
            raise ValueError(f"An owner of kind {self.kind} {'needs' if not self.agent_id else 'has no'} agent id.")

    @classmethod
    def agent(cls, agent_id: AgentId) -> Owner:
        """Return the owner that is this agent."""
        return cls(OwnerKind.AGENT, agent_id)

    @classmethod
    def parse(cls, stored: str) -> Owner:
        """Read the stored form."""
        kind, _, agent_id = stored.partition(":")
        return cls(OwnerKind(kind), AgentId(agent_id) if agent_id else None)

    @property
    def value(self) -> str:
        """The stored form."""
        return f"{self.kind.value}:{self.agent_id}" if self.agent_id else self.kind.value

    def __str__(self) -> str:
        return self.value


Owner.BOT = Owner(OwnerKind.BOT)
Owner.QUEUE = Owner(OwnerKind.QUEUE)
Owner.CLOSED = Owner(OwnerKind.CLOSED)

_ALLOWED: dict[OwnerKind, frozenset[OwnerKind]] = {
    OwnerKind.BOT: frozenset({OwnerKind.QUEUE, OwnerKind.CLOSED}),
    OwnerKind.QUEUE: frozenset({OwnerKind.AGENT}),
    OwnerKind.AGENT: frozenset({OwnerKind.AGENT, OwnerKind.QUEUE, OwnerKind.BOT, OwnerKind.CLOSED}),
    OwnerKind.CLOSED: frozenset({OwnerKind.BOT, OwnerKind.AGENT}),  # reopened by a new message
}


def may_become(current: Owner, new: Owner) -> bool:
    """Say whether a conversation of `current` may become `new`'s; to itself never."""
    return new != current and new.kind in _ALLOWED[current.kind]
