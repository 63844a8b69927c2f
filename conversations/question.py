"""What the assistant is asked in a turn: the words or the choice, and what it may know of who says them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conversations.conversation import Conversation
from conversations.inbound_repository import Waiting
from conversations.message_repository import MessageRepository
from conversations.protocols import AssistantRequest
from core.database import Database

LOCALES = {"zh": "zh-CN", "en": "en"}
N_OFFERING_MESSAGES = 20
COMMAND = "/"
_UNSEEN = r"\s\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff"  # what the engine takes for space, or drops
_LEADING_COMMAND = re.compile(rf"^[{_UNSEEN}]*/[{_UNSEEN}/]*")


class Question:
    """Makes the assistant's request from a customer's message.

    A text that begins with a slash is a command to Rasa (`/intent{"entity": ...}`), so one is passed on only when
    the assistant's latest messages in this very conversation offered it. Any other payload is only the words that
    came with it, and words lose a leading slash.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, conversation: Conversation, inbound: Waiting, profile: Mapping[str, Any]) -> AssistantRequest:
        """Return the request; the same message gives the same one."""
        wish = inbound.choice_payload or inbound.text
        is_choice = (inbound.choice_payload is not None or wish.startswith(COMMAND)) and await self._was_offered(
            conversation, wish
        )
        return AssistantRequest(
            message_id=inbound.message_id,
            conversation_id=conversation.id,
            text=wish if is_choice else without_command(inbound.text),
            metadata={
                "language_hint": conversation.language,
                "locale": inbound.language_hint or LOCALES[conversation.language],
                "profile": dict(profile),
                "channel": conversation.channel.value,
                "customer_id": conversation.customer_id,
                "verified": conversation.customer_verified,
                "input": "choice" if is_choice else "text",
            },
        )

    async def _was_offered(self, conversation: Conversation, payload: str) -> bool:
        async with self._database.read() as session:
            offered = await MessageRepository(session).list_offered_payloads(conversation.id, N_OFFERING_MESSAGES)
        return payload in offered


def without_command(text: str) -> str:
    """Return words that Rasa cannot take for a command."""
    return _LEADING_COMMAND.sub("", text) or text
