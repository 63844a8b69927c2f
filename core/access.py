"""Who may call a route: permissions, roles, and the marks every handler carries.

The marks only say what is needed; `server.access` enforces them for every route, and a test fails on a route
without one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeVar

from core.ids import AccountId

Handler = TypeVar("Handler", bound=Callable[..., Any])
MARK = "__yiti_access__"


class Permission(StrEnum):
    """One thing a person at the desk may do."""

    VIEW_CONVERSATIONS = "view_conversations"
    TAKE_HANDOFFS = "take_handoffs"
    ANSWER_CUSTOMERS = "answer_customers"
    ASSIGN_HANDOFFS = "assign_handoffs"
    VIEW_CUSTOMERS = "view_customers"
    EDIT_CUSTOMERS = "edit_customers"
    EDIT_NLU = "edit_nlu"
    PUBLISH_KNOWLEDGE = "publish_knowledge"
    MANAGE_ACCOUNTS = "manage_accounts"
    VIEW_METRICS = "view_metrics"
    VIEW_AUDIT = "view_audit"


class Role(StrEnum):
    """A named set of permissions."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    TRAINER = "trainer"
    ADMINISTRATOR = "administrator"


_AGENT = frozenset(
    {
        Permission.VIEW_CONVERSATIONS,
        Permission.TAKE_HANDOFFS,
        Permission.ANSWER_CUSTOMERS,
        Permission.VIEW_CUSTOMERS,
    }
)
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.AGENT: _AGENT,
    Role.SUPERVISOR: _AGENT
    | {
        Permission.ASSIGN_HANDOFFS,
        Permission.EDIT_CUSTOMERS,
        Permission.VIEW_METRICS,
        Permission.VIEW_AUDIT,
    },
    Role.TRAINER: frozenset({Permission.VIEW_CONVERSATIONS, Permission.EDIT_NLU, Permission.PUBLISH_KNOWLEDGE}),
    Role.ADMINISTRATOR: frozenset(Permission),
}


def permissions_of(roles: frozenset[Role]) -> frozenset[Permission]:
    """Return what these roles allow together."""
    return frozenset().union(*(ROLE_PERMISSIONS[role] for role in roles))


@dataclass(frozen=True, slots=True)
class Principal:
    """The signed-in person who makes a request."""

    account_id: AccountId
    login: str
    name: str
    roles: frozenset[Role]
    session_id: str = ""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What this person may do."""
        return permissions_of(self.roles)

    def has(self, permission: Permission) -> bool:
        """Say whether this person may do that."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class AccessMark:
    """What a handler says of itself: a permission, any signed-in person, open to all, or proof of its own."""

    kind: Literal["permission", "signed_in", "public", "own_auth"]
    permission: Permission | None = None
    why: str = ""


def requires(permission: Permission) -> Callable[[Handler], Handler]:
    """Mark a handler as open to signed-in people with this permission."""
    return _marker(AccessMark("permission", permission))


def signed_in(why: str) -> Callable[[Handler], Handler]:
    """Mark a handler as open to every signed-in person, saying why no permission is needed."""
    return _marker(AccessMark("signed_in", why=why))


def public(why: str) -> Callable[[Handler], Handler]:
    """Mark a handler as open to everybody, saying why."""
    return _marker(AccessMark("public", why=why))


def own_auth(why: str) -> Callable[[Handler], Handler]:
    """Mark a handler that proves its caller itself (visitor token, provider signature, shared secret)."""
    return _marker(AccessMark("own_auth", why=why))


def access_mark(handler: Callable[..., Any]) -> AccessMark | None:
    """Return the handler's mark, or None when it carries none."""
    mark: AccessMark | None = getattr(handler, MARK, None)
    return mark


def _marker(mark: AccessMark) -> Callable[[Handler], Handler]:
    def put(handler: Handler) -> Handler:
        setattr(handler, MARK, mark)
        return handler

    return put
