"""What may be done with a conversation: read it, list it, speak in it, pass it on.

Every method that changes something takes the caller's session and commits nothing, so that a handoff's own rows
and the conversation's change together; live hints follow the commit by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.conversation import Conversation
from conversations.desk_list import DeskList, DeskPage, View
from conversations.events import Audience, ConversationEvent, EventType
from conversations.inbound import Channel, check_text
from conversations.live import MAX_EVENTS, LiveEvents
from conversations.message_repository import MessageRepository
from conversations.messages import SYSTEM, Author, AuthorKind, Content, Said
from conversations.owner import Owner
from conversations.protocols import HandoffDesk, HandoffOpened, HandoffRequest
from conversations.record import EventDraft, MessageDraft, Record, overtaken
from conversations.repository import ConversationRepository
from conversations.system_texts import Notice, system_text
from core.database import Database
from core.errors import ConflictError, InvalidInputError
from core.ids import AgentId, ConversationId, HandoffId, MessageId, new_id

MAX_EVIDENCE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A conversation that now waits for people; `token` is the fencing token from now on."""

    token: int
    handoff_id: HandoffId
    position: int | None


class ConversationService:
    """The record, for those who serve."""

    def __init__(self, database: Database, record: Record, live: LiveEvents) -> None:
        self._database = database
        self._record = record
        self._live = live

    # reading

    async def get(self, conversation_id: ConversationId) -> Conversation:
        """Return one conversation.

        Raises:
            NotFoundError: there is none with this id.
        """
        async with self._database.read() as session:
            return await ConversationRepository(session).get(conversation_id)

    async def find_by_key(self, channel: Channel, account: str, conversation_key: str) -> Conversation | None:
        """Return the conversation with this address, if there is one."""
        async with self._database.read() as session:
            return await ConversationRepository(session).find_by_key(channel, account, conversation_key)

    async def list_for_desk(
        self, view: str, agent_id: AgentId, *, search: str = "", cursor: str | None = None, limit: int = 50
    ) -> DeskPage:
        """Return a page of the desk's list with the counts of all views.

        Raises:
            InvalidInputError: `unknown_view`, `bad_cursor`.
        """
        if view not in {known.value for known in View}:
            raise InvalidInputError(
                f"There is no view {view!r}; there are {', '.join(View)}.", code="unknown_view", view=view
            )
        async with self._database.read() as session:
            return await DeskList(session).page(View(view), agent_id, search=search, cursor=cursor, limit=limit)

    async def count_for_desk(self, agent_id: AgentId) -> dict[str, int]:
        """Return how many conversations each view has."""
        async with self._database.read() as session:
            return await DeskList(session).counts(agent_id)

    async def events_after(
        self,
        conversation_id: ConversationId,
        after: int = 0,
        *,
        limit: int = MAX_EVENTS,
        audience: Audience = Audience.DESK,
    ) -> list[ConversationEvent]:
        """Return events with a number above `after`, oldest first, at most 500 at a time.

        With audience `everyone` desk events are left out; `customer_view` must still be applied to each.
        """
        return await self._live.after(conversation_id, after, limit=limit, audience=audience)

    async def wait_for_events(
        self,
        conversation_id: ConversationId,
        after: int,
        *,
        wait_s: float,
        limit: int = MAX_EVENTS,
        audience: Audience = Audience.DESK,
    ) -> list[ConversationEvent]:
        """Return events as `events_after` does; when there are none, the first to come within `wait_s`."""
        return await self._live.wait(conversation_id, after, wait_s=wait_s, limit=limit, audience=audience)

    # speaking

    async def say_as_agent(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        *,
        agent_id: AgentId,
        agent_name: str,
        seen_token: int,
        client_msg_id: str,
        text: str,
    ) -> Said:
        """Say something as the agent who owns the conversation; the same client_msg_id again is the same message.

        Raises:
            ConflictError: `owner_changed` (details: owner, token); `client_msg_id_reused` with another text.
            InvalidInputError: `too_long`, `empty`, `invalid_text`.
        """
        check_text(text)
        conversation = await ConversationRepository(session).lock(conversation_id)
        said = await MessageRepository(session).find_said(conversation_id, agent_id, client_msg_id)
        if said is not None:
            if said[1] != text:
                raise ConflictError("This client_msg_id was used before for another text.", code="client_msg_id_reused")
            return said[0]
        if conversation.token != seen_token or conversation.owner != Owner.agent(agent_id):
            raise overtaken(conversation, seen_token)
        draft = MessageDraft(
            author=Author(AuthorKind.AGENT, agent_id, agent_name),
            content=Content(text),
            client_msg_id=client_msg_id,
            fence_agent_id=agent_id,
        )
        appended = await self._record.append(session, conversation_id, [draft], changes={"n_unread": 0})
        return Said(draft.id, appended.events[0].seq)

    async def say_as_system(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        notice: Notice,
        *,
        position: int | None = None,
        name: str | None = None,
        fence_token: int | None = None,
    ) -> MessageId:
        """Say one of the product's own sentences in the customer's language.

        With `fence_token` it is sent only while that is the conversation's token, else in any case.
        """
        conversation = await ConversationRepository(session).get(conversation_id)
        draft = notice_draft(notice, conversation.language, position=position, name=name, fence_token=fence_token)
        await self._record.append(session, conversation_id, [draft])
        return draft.id

    async def add_note(
        self, session: AsyncSession, conversation_id: ConversationId, *, agent_id: AgentId, agent_name: str, text: str
    ) -> int:
        """Leave a note that only the desk reads; return its event's number.

        Raises:
            InvalidInputError: `too_long`, `empty`, `invalid_text`.
        """
        check_text(text)
        author = Author(AuthorKind.AGENT, agent_id, agent_name).as_data()
        return await self.append_event(
            session, conversation_id, EventType.NOTE, {"note_id": new_id(), "author": author, "text": text}
        )

    async def append_event(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        kind: EventType,
        data: Mapping[str, Any],
        *,
        audience: Audience = Audience.EVERYONE,
    ) -> int:
        """Write one event to the log; return its number. Desk-only types are the desk's whatever `audience` says."""
        appended = await self._record.append(session, conversation_id, [EventDraft(kind, data, audience)])
        return appended.events[0].seq

    # passing on

    async def change_owner(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        seen_token: int,
        to: Owner,
        cause: str,
        *,
        agent_name: str | None = None,
    ) -> int:
        """Give the conversation to another owner; return the new token.

        Raises:
            ConflictError: `owner_changed` when the token is old (details: owner, token); `owner_transition`.
        """
        appended = await self._record.change_owner(
            session, conversation_id, seen_token, to, cause, agent_name=agent_name
        )
        return appended.conversation.token

    async def hand_over(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        *,
        seen_token: int,
        request: HandoffRequest,
        desk: HandoffDesk,
        notice: Notice = Notice.HANDED_OVER,
        in_reply_to: MessageId | None = None,
    ) -> HandedOver:
        """Put the conversation into the queue: owner, handoff, `handoff_opened`, and one sentence to the customer.

        `in_reply_to` is the customer's message that led to it.

        Raises:
            ConflictError: as `change_owner`.
        """
        evidence = request.evidence[:MAX_EVIDENCE_CHARACTERS]
        changed = await self._record.change_owner(
            session,
            conversation_id,
            seen_token,
            Owner.QUEUE,
            request.code,
            changes={"reason_code": request.code, "reason_evidence": evidence},
        )
        conversation = changed.conversation
        opened = await desk.open_handoff(session, conversation, request)
        text = notice_draft(
            notice,
            conversation.language,
            position=opened.position,
            fence_token=conversation.token,
            in_reply_to=in_reply_to,
        )
        await self._record.append(session, conversation_id, [_opened_event(opened, request, evidence), text])
        return HandedOver(conversation.token, opened.handoff_id, opened.position)

    async def assign_agent(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        *,
        seen_token: int,
        agent_id: AgentId,
        agent_name: str,
        cause: str = "taken",
    ) -> int:
        """Make the conversation an agent's and tell the customer who is there; return the new token.

        Raises:
            ConflictError: as `change_owner`; of two agents who try with one token, one wins.
        """
        changed = await self._record.change_owner(
            session, conversation_id, seen_token, Owner.agent(agent_id), cause, agent_name=agent_name
        )
        conversation = changed.conversation
        joined = EventDraft(EventType.AGENT_JOINED, {"agent": {"id": agent_id, "name": agent_name}})
        text = notice_draft(Notice.AGENT_JOINED, conversation.language, name=agent_name, fence_token=conversation.token)
        await self._record.append(session, conversation_id, [joined, text], changes={"n_unread": 0})
        return conversation.token

    async def hand_back(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        *,
        seen_token: int,
        handoff_id: HandoffId | None = None,
        outcome: str = "handed_back",
    ) -> int:
        """Give an agent's conversation back to the assistant and tell the customer; return the new token.

        Raises:
            ConflictError: as `change_owner`.
        """
        return await self._end(
            session, conversation_id, Owner.BOT, seen_token=seen_token, handoff_id=handoff_id, outcome=outcome
        )

    async def close(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        *,
        seen_token: int,
        handoff_id: HandoffId | None = None,
        outcome: str = "resolved",
    ) -> int:
        """Close a conversation and tell the customer; a new message opens it again. Return the new token.

        Raises:
            ConflictError: as `change_owner`.
        """
        return await self._end(
            session, conversation_id, Owner.CLOSED, seen_token=seen_token, handoff_id=handoff_id, outcome=outcome
        )

    async def _end(
        self,
        session: AsyncSession,
        conversation_id: ConversationId,
        to: Owner,
        *,
        seen_token: int,
        handoff_id: HandoffId | None,
        outcome: str,
    ) -> int:
        changed = await self._record.change_owner(session, conversation_id, seen_token, to, outcome)
        conversation = changed.conversation
        drafts: list[EventDraft | MessageDraft] = []
        if handoff_id is not None:
            data = {"handoff_id": handoff_id, "outcome": outcome}
            drafts.append(EventDraft(EventType.HANDOFF_ENDED, data))
        if to == Owner.CLOSED:
            drafts.append(EventDraft(EventType.CLOSED, {}))
        notice = Notice.CLOSED if to == Owner.CLOSED else Notice.HANDED_BACK
        drafts.append(notice_draft(notice, conversation.language, fence_token=conversation.token))
        await self._record.append(session, conversation_id, drafts)
        return conversation.token


def notice_draft(
    notice: Notice,
    language: str,
    *,
    position: int | None = None,
    name: str | None = None,
    fence_token: int | None = None,
    in_reply_to: MessageId | None = None,
) -> MessageDraft:
    """Return one of the product's own sentences as a message."""
    return MessageDraft(
        author=SYSTEM,
        content=Content(system_text(notice, language, position=position, name=name)),
        notice=notice.value,
        fence_token=fence_token,
        in_reply_to=in_reply_to,
    )


def _opened_event(opened: HandoffOpened, request: HandoffRequest, evidence: str) -> EventDraft:
    reason = {"code": request.code, "said_by": request.said_by, "evidence": evidence}
    data = {"handoff_id": opened.handoff_id, "reason": reason, "position": opened.position}
    return EventDraft(EventType.HANDOFF_OPENED, data)
