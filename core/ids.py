"""Ids: strings that name one kind of thing each and sort by the time they were made."""

from __future__ import annotations

from typing import NewType

import uuid_utils

AccountId = NewType("AccountId", str)
AgentId = NewType("AgentId", str)
ArticleId = NewType("ArticleId", str)
ConversationId = NewType("ConversationId", str)
CustomerId = NewType("CustomerId", str)
EventId = NewType("EventId", str)
HandoffId = NewType("HandoffId", str)
MessageId = NewType("MessageId", str)
OutboxId = NewType("OutboxId", str)

ID_LENGTH = 32


def new_id() -> str:
    """Return a new UUIDv7 as 32 hexadecimal digits; later ids sort after earlier ones.

    Source: RFC 9562 section 5.7.
    """
    return uuid_utils.uuid7().hex
