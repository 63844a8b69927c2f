"""Rules of the desk: taking, answering, handing back, resolving; of two who try at once one wins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.conversation import Conversation
from conversations.events import EventType
from conversations.messages import Said
from conversations.owner import Owner, OwnerKind
from conversations.protocols import HandoffRequest
from conversations.repository import ConversationRepository
from conversations.service import ConversationService
from core.audit import record_audit
from core.clock import Clock
from core.database import Database
from core.errors import ConflictError, EngineError
from core.ids import AgentId, ConversationId, HandoffId, new_id
from core.logs import get_logger
from handoff.models import Handoff, Outcome, ReasonCode
from handoff.opening import HandoffOpener
from handoff.protocols import AssistantMemory
from handoff.repository import HandoffRepository
from profiles.models import CustomerProfile
from profiles.service import ProfileService

log = get_logger(__name__)

TELL_TIMEOUT_S = 2.0
LONGEST_EVIDENCE = 500


@dataclass(frozen=True)
class DeskAgent:
    """The person at the desk; `may_assign` lets them take conversations from other agents."""

    id: AgentId
    name: str
    may_assign: bool = False

    @property
    def actor(self) -> str:
        """How the audit log names them."""
        return f"account:{self.id}"


@dataclass(frozen=True)
class Case:
    """A conversation with its newest handoff and what is known of its customer."""

    conversation: Conversation
    handoff: Handoff | None
    profile: CustomerProfile | None


class HandoffService:
    """Passes conversations between the assistant and people.

    Who may speak is decided by the conversation's owner and token alone; a handoff's row follows them in the same
    transaction.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        conversations: ConversationService,
        profiles: ProfileService,
        opener: HandoffOpener,
        memory: AssistantMemory,
    ) -> None:
        self._database = database
        self._clock = clock
        self._conversations = conversations
        self._profiles = profiles
        self._opener = opener
        self._memory = memory

    async def get_case(self, conversation_id: ConversationId) -> Case:
        """Return a conversation with its newest handoff and its customer.

        Raises:
            NotFoundError: there is no such conversation.
        """
        async with self._database.read() as session:
            conversation = await ConversationRepository(session).get(conversation_id)
            handoff = await HandoffRepository(session).find_latest(conversation_id)
            profile = None
            if conversation.customer_id is not None:
                profile = await self._profiles.find_profile(session, conversation.customer_id)
            return Case(conversation, handoff, profile)

    async def take(self, conversation_id: ConversationId, *, seen_token: int, agent: DeskAgent) -> Case:
        """Make a conversation the agent's, from the queue, the assistant, or closed; taking one's own again is fine.

        Raises:
            NotFoundError: there is no such conversation.
            ConflictError: `owner_changed`; somebody else was faster or has it (details: owner, token).
        """
        async with self._database.unit_of_work() as session:
            conversation = await ConversationRepository(session).lock(conversation_id)
            if conversation.owner != Owner.agent(agent.id):
                if conversation.owner.kind is OwnerKind.AGENT and not agent.may_assign:
                    raise _not_owner(conversation, "take")
                handoff_id = await self._handoff_to_take(session, conversation, seen_token, agent)
                await HandoffRepository(session).activate(
                    handoff_id, agent_id=agent.id, agent_name=agent.name, at=self._clock.now()
                )
                await self._audit(session, agent, "handoff.taken", conversation, handoff_id)
        return await self.get_case(conversation_id)

    async def _handoff_to_take(
        self, session: AsyncSession, conversation: Conversation, seen_token: int, agent: DeskAgent
    ) -> HandoffId:
        """Change the owner to the agent and return the open handoff, made now when there is none."""
        token = seen_token
        if conversation.owner.kind is OwnerKind.BOT:
            token = await self._conversations.change_owner(
                session, conversation.id, token, Owner.QUEUE, ReasonCode.AGENT_REQUEST.value
            )
        open_one = await HandoffRepository(session).find_open(conversation.id)
        handoff_id = open_one.id if open_one else None
        if handoff_id is None:
            request = HandoffRequest(
                conversation.reason_code or ReasonCode.AGENT_REQUEST.value, "agent", conversation.reason_evidence or ""
            )
            present = await ConversationRepository(session).get(conversation.id)
            opened = await self._opener.open_handoff(session, present, request)
            reason = {"code": request.code, "said_by": request.said_by, "evidence": request.evidence}
            await self._conversations.append_event(
                session,
                conversation.id,
                EventType.HANDOFF_OPENED,
                {"handoff_id": opened.handoff_id, "reason": reason, "position": None},
            )
            handoff_id = opened.handoff_id
        await self._conversations.assign_agent(
            session, conversation.id, seen_token=token, agent_id=agent.id, agent_name=agent.name
        )
        return handoff_id

    async def say(
        self, conversation_id: ConversationId, *, seen_token: int, agent: DeskAgent, client_msg_id: str, text: str
    ) -> Said:
        """Answer the customer; only the owner may. The same client_msg_id again is the same message.

        Raises:
            NotFoundError: there is no such conversation.
            ConflictError: `owner_changed`, `client_msg_id_reused`.
            InvalidInputError: `too_long`, `empty`, `invalid_text`.
        """
        async with self._database.unit_of_work() as session:
            return await self._conversations.say_as_agent(
                session,
                conversation_id,
                agent_id=agent.id,
                agent_name=agent.name,
                seen_token=seen_token,
                client_msg_id=client_msg_id,
                text=text,
            )

    async def note(self, conversation_id: ConversationId, *, agent: DeskAgent, text: str) -> int:
        """Leave a note only the desk reads; return its event's number.

        Raises:
            NotFoundError: there is no such conversation.
            InvalidInputError: `too_long`, `empty`, `invalid_text`.
        """
        async with self._database.unit_of_work() as session:
            return await self._conversations.add_note(
                session, conversation_id, agent_id=agent.id, agent_name=agent.name, text=text
            )

    async def requeue(
        self, conversation_id: ConversationId, *, seen_token: int, agent: DeskAgent, note: str | None = None
    ) -> Case:
        """Put one's own conversation back into the queue, or take one from the assistant into it.

        Raises:
            NotFoundError: there is no such conversation.
            ConflictError: `owner_changed`, `owner_transition`.
        """
        async with self._database.unit_of_work() as session:
            conversation = await ConversationRepository(session).lock(conversation_id)
            if conversation.owner.kind is OwnerKind.AGENT:
                _check_owner(conversation, seen_token, agent, "put back")
            await self._leave_note(session, conversation, agent, note)
            handed_over = await self._conversations.hand_over(
                session,
                conversation_id,
                seen_token=seen_token,
                request=HandoffRequest(ReasonCode.AGENT_REQUEST.value, "agent", note or ""),
                desk=self._opener,
            )
            await self._audit(session, agent, "handoff.requeued", conversation, handed_over.handoff_id)
        return await self.get_case(conversation_id)

    async def hand_back(
        self, conversation_id: ConversationId, *, seen_token: int, agent: DeskAgent, note: str | None = None
    ) -> Case:
        """Give one's own conversation back to the assistant, which forgets the trouble it had before.

        Raises:
            NotFoundError: there is no such conversation.
            ConflictError: `owner_changed`.
        """
        return await self._end(conversation_id, Outcome.HANDED_BACK, seen_token, agent, note)

    async def resolve(
        self, conversation_id: ConversationId, *, seen_token: int, agent: DeskAgent, note: str | None = None
    ) -> Case:
        """Close one's own conversation; a new message of the customer opens it again, with the assistant.

        Raises:
            NotFoundError: there is no such conversation.
            ConflictError: `owner_changed`.
        """
        return await self._end(conversation_id, Outcome.RESOLVED, seen_token, agent, note)

    async def _end(
        self, conversation_id: ConversationId, outcome: Outcome, seen_token: int, agent: DeskAgent, note: str | None
    ) -> Case:
        case = await self.get_case(conversation_id)
        _check_owner(case.conversation, seen_token, agent, outcome.value.replace("_", " "))
        event_id = case.handoff.id if case.handoff else new_id()
        told = await self._tell_assistant(conversation_id, outcome, event_id)
        async with self._database.unit_of_work() as session:
            conversation = await ConversationRepository(session).lock(conversation_id)
            _check_owner(conversation, seen_token, agent, outcome.value.replace("_", " "))
            await self._leave_note(session, conversation, agent, note)
            handoffs = HandoffRepository(session)
            handoff = await handoffs.find_open(conversation_id)
            handoff_id = handoff.id if handoff else None
            change = self._conversations.close if outcome is Outcome.RESOLVED else self._conversations.hand_back
            await change(session, conversation_id, seen_token=seen_token, handoff_id=handoff_id, outcome=outcome.value)
            present = await ConversationRepository(session).get(conversation_id)
            if handoff_id is not None:
                await handoffs.end(
                    handoff_id, outcome, at=self._clock.now(), seq=present.last_seq, assistant_untold=not told
                )
            await self._audit(session, agent, f"handoff.{outcome.value}", conversation, handoff_id)
            await self._record_ended(session, present, outcome, handoff_id)
        return await self.get_case(conversation_id)

    async def _tell_assistant(self, conversation_id: ConversationId, outcome: Outcome, event_id: str) -> bool:
        """Tell the assistant before it may speak again; when it cannot be told now, `AssistantReminder` will."""
        try:
            async with asyncio.timeout(TELL_TIMEOUT_S):
                await self._memory.reset_after_handoff(conversation_id, outcome, event_id=event_id)
        except (EngineError, TimeoutError) as error:
            log.warning("handoff.assistant_untold", conversation_id=conversation_id, error=type(error).__name__)
            return False
        return True

    async def _leave_note(
        self, session: AsyncSession, conversation: Conversation, agent: DeskAgent, note: str | None
    ) -> None:
        if note is not None and note.strip():
            await self._conversations.add_note(
                session, conversation.id, agent_id=agent.id, agent_name=agent.name, text=note
            )

    async def _record_ended(
        self, session: AsyncSession, conversation: Conversation, outcome: Outcome, handoff_id: HandoffId | None
    ) -> None:
        if conversation.customer_id is None:
            return
        if await self._profiles.find_profile(session, conversation.customer_id) is not None:
            await self._profiles.record_event(
                session,
                conversation.customer_id,
                "handoff.ended",
                at=self._clock.now(),
                properties={"handoff_id": handoff_id, "outcome": outcome.value},
            )

    async def _audit(
        self,
        session: AsyncSession,
        agent: DeskAgent,
        action: str,
        conversation: Conversation,
        handoff_id: HandoffId | None,
    ) -> None:
        await record_audit(
            session,
            actor=agent.actor,
            action=action,
            subject=f"conversation:{conversation.id}",
            at=self._clock.now(),
            details={"handoff_id": handoff_id, "owner_before": conversation.owner.value},
        )


def _check_owner(conversation: Conversation, seen_token: int, agent: DeskAgent, what: str) -> None:
    is_own = conversation.owner == Owner.agent(agent.id)
    is_anothers = conversation.owner.kind is OwnerKind.AGENT and agent.may_assign
    if not (is_own or is_anothers) or conversation.token != seen_token:
        raise _not_owner(conversation, what)


def _not_owner(conversation: Conversation, what: str) -> ConflictError:
    who = conversation.agent_name or conversation.owner.kind.value
    return ConflictError(
        f"The conversation is with {who!r} (token {conversation.token}); "
        f"only its present owner can {what} it, showing that token.",
        code="owner_changed",
        owner=conversation.as_row()["owner"],
        token=conversation.token,
    )
