"""What happens to a visitor's open conversation when the visitor signs in."""

from __future__ import annotations

from channels.web.repository import WebConversations
from channels.web.tokens import Visitor, sender_of
from conversations.conversation import Conversation
from conversations.inbound import Channel
from conversations.owner import OwnerKind
from conversations.repository import ConversationRepository
from core.database import Database
from core.logs import get_logger

log = get_logger(__name__)

WITH_PEOPLE = frozenset({OwnerKind.QUEUE, OwnerKind.AGENT})


class SignIn:
    """Moves a browser's open conversation to the user who signed in there.

    Only the holder of both tokens gets here. Afterwards the conversation's key is the user's, so the browser
    without the user sees it no more. One conversation has the user's key at any time: the visitor's open one
    takes it, unless the user's own is open and newer, or with people; then the visitor's stays where it was.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def merge(self, visitor: Visitor) -> bool:
        """Move the open conversation of this browser to its user; say whether one was moved."""
        if visitor.user is None:
            return False
        address = (Channel.WEB, visitor.widget_id)
        async with self._database.read() as session:
            if await ConversationRepository(session).find_by_key(*address, visitor.anonymous_key) is None:
                return False
        async with self._database.unit_of_work() as session:
            keys = (visitor.anonymous_key, visitor.conversation_key)
            addresses = WebConversations(session)
            await addresses.hold(visitor.widget_id, keys)
            conversations = ConversationRepository(session)
            visitors = await conversations.find_by_key(*address, visitor.anonymous_key)
            users = await conversations.find_by_key(*address, visitor.conversation_key)
            if visitors is None or not _moves(visitors, users):
                return False
            if users is not None:
                await addresses.move(users.id, f"past:{users.id}", users.sender)
            await addresses.move(visitors.id, visitor.conversation_key, sender_of(visitor))
        log.info("web.conversation_moved_to_user", conversation_id=visitors.id, before=users.id if users else None)
        return True


def _moves(visitors: Conversation, users: Conversation | None) -> bool:
    if visitors.owner.kind is OwnerKind.CLOSED:
        return False
    if users is None or users.owner.kind is OwnerKind.CLOSED:
        return True
    return users.owner.kind not in WITH_PEOPLE and visitors.updated_at > users.updated_at
