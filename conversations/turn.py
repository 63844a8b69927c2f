"""One turn: a customer's message, the assistant's answer to it, and what both leave behind.

A turn is three steps, and a crash between any two is harmless: `claim` leases the conversation and counts the try;
the assistant is asked outside any transaction and gives one message id one answer; one transaction then checks
lease and fencing token and writes everything. Whoever lost the lease writes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.conversation import Conversation
from conversations.event_log import EventLog
from conversations.events import EventType
from conversations.inbound import InboundType
from conversations.inbound_repository import InboundRepository, Waiting
from conversations.messages import BOT
from conversations.models import NAME_LENGTH, InboundState
from conversations.owner import Owner, OwnerKind
from conversations.protocols import (
    Assistant,
    AssistantReply,
    CustomerDirectory,
    HandoffDesk,
    HandoffRequest,
    Understanding,
)
from conversations.question import Question
from conversations.record import EventDraft, MessageDraft, Record
from conversations.repository import ConversationRepository, next_turn_at
from conversations.service import ConversationService, notice_draft
from conversations.system_texts import Notice, known_language, language_of
from core.clock import Clock
from core.database import Database
from core.errors import EngineError
from core.ids import ConversationId, new_id
from core.logs import get_logger
from core.metrics import Metrics

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """How long and how often a turn is tried.

    After `max_failures` turns that raised, or `max_attempts` that were begun, the customer is told and people take
    over; should even that fail, the conversation goes to the queue without a handoff of its own.
    """

    lease_s: float = 15.0
    answer_timeout_s: float = 150.0
    max_failures: int = 3
    max_attempts: int = 8
    backoff_s: float = 1.0
    n_recent: int = 5


@dataclass(frozen=True, slots=True)
class Claim:
    """A turn that is ours: the conversation as it was when leased, and the message."""

    conversation: Conversation
    inbound: Waiting
    holder: str

    @property
    def conversation_id(self) -> ConversationId:
        """The conversation's id."""
        return self.conversation.id


class LeaseLostError(Exception):
    """Somebody else has the conversation now; nothing of this turn may be written."""


class Turn:
    """Runs one turn at a time for whoever calls it."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        record: Record,
        conversations: ConversationService,
        assistant: Assistant,
        customers: CustomerDirectory,
        desk: HandoffDesk,
        settings: TurnSettings | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.settings = settings or TurnSettings()
        self._database = database
        self._clock = clock
        self._record = record
        self._conversations = conversations
        self._assistant = assistant
        self._customers = customers
        self._desk = desk
        self._question = Question(database)
        self._metrics = metrics

    async def claim(self, conversation_id: ConversationId) -> Claim | None:
        """Lease a conversation whose turn is due; None when none is due or somebody else has it."""
        now = self._clock.now()
        holder = new_id()
        async with self._database.unit_of_work() as session:
            conversations = ConversationRepository(session)
            until = now + timedelta(seconds=self.settings.lease_s)
            conversation = await conversations.take_lease(conversation_id, holder, now, until)
            if conversation is None:
                return None
            inbound = InboundRepository(session)
            waiting = await inbound.find_next(conversation_id)
            if waiting is None:
                await conversations.end_lease(conversation_id, holder, {"next_turn_at": None})
                return None
            await inbound.count_attempt(waiting.message_id)
            return Claim(conversation, waiting, holder)

    async def renew(self, claim: Claim) -> bool:
        """Keep the lease; False when it is lost."""
        async with self._database.unit_of_work() as session:
            return await self._renew(session, claim)

    async def _renew(self, session: AsyncSession, claim: Claim) -> bool:
        until = self._clock.now() + timedelta(seconds=self.settings.lease_s)
        return await ConversationRepository(session).renew_lease(claim.conversation_id, claim.holder, until)

    async def release(self, claim: Claim) -> None:
        """Give an unfinished turn back, so that it is run again at once."""
        async with self._database.unit_of_work() as session:
            await ConversationRepository(session).end_lease(claim.conversation_id, claim.holder)

    async def run(self, claim: Claim) -> bool:
        """Run a claimed turn to its end; return whether more messages of the conversation wait."""
        began = time.perf_counter()
        try:
            outcome, more = await self._run(claim)
        except LeaseLostError:
            outcome, more = "lease_lost", False
            log.warning("turn.lease_lost", conversation_id=claim.conversation_id)
        except Exception:  # one broken message must stop nobody else's
            outcome, more = "raised", False
            log.exception(
                "turn.failed",
                conversation_id=claim.conversation_id,
                message_id=claim.inbound.message_id,
                n_failures=claim.inbound.n_failures + 1,
            )
            await self._try_later(claim)
        if self._metrics is not None:
            self._metrics.turns.labels(outcome=outcome).inc()
            self._metrics.turn_seconds.observe(time.perf_counter() - began)
        return more

    async def _run(self, claim: Claim) -> tuple[str, bool]:
        inbound, settings = claim.inbound, self.settings
        n_over = max(inbound.n_failures - settings.max_failures, inbound.n_attempts - settings.max_attempts)
        if n_over >= 0:
            return "gave_up", await self._give_up(claim, with_desk=n_over == 0)
        conversation = claim.conversation
        if conversation.resolved_sender != inbound.sender.fingerprint:
            conversation = await self._resolve(claim)
        if claim.conversation.owner.kind is not OwnerKind.BOT:
            return "people", await self._finish_silently(claim, "people")
        if inbound.type is InboundType.EVENT:
            return "event", await self._finish_silently(claim, "event")
        if not inbound.text.strip() and not inbound.choice_payload:
            return "unreadable", await self._finish_unreadable(claim)
        profile = await self._customers.summary(conversation.customer_id) if conversation.customer_id else {}
        request = await self._question.put(conversation, inbound, profile)
        try:
            async with asyncio.timeout(settings.answer_timeout_s):
                reply = await self._assistant.answer(request)
        except EngineError as error:
            return error.code, await self._finish_unanswered(claim, error.code)
        except TimeoutError:
            return "engine_timeout", await self._finish_unanswered(claim, "engine_timeout")
        return "answered", await self._finish_answered(claim, reply, profile)

    async def _resolve(self, claim: Claim) -> Conversation:
        """Learn who the sender is; the desk sees it while the assistant still thinks."""
        conversation, sender = claim.conversation, claim.inbound.sender
        async with self._database.unit_of_work() as session:
            if not await self._renew(session, claim):
                raise LeaseLostError
            found = await self._customers.resolve(session, sender, conversation.channel, conversation.account)
            drafts = []
            if found.customer_id != conversation.customer_id:
                drafts.append(EventDraft(EventType.CUSTOMER_LINKED, {"customer_id": found.customer_id}))
            changes = {
                "customer_id": found.customer_id,
                "customer_verified": found.verified,
                "resolved_sender": sender.fingerprint,
                **_customer_columns({"name": found.name, "tier": found.tier, "language": found.language}),
            }
            return (await self._record.append(session, conversation.id, drafts, changes=changes)).conversation

    async def _finish_answered(self, claim: Claim, reply: AssistantReply, profile: Mapping[str, Any]) -> bool:
        async with self._database.unit_of_work() as session:
            conversation, late = await self._end_lease(session, claim)
            handoff = None if late else await self._wanted_handoff(session, conversation, reply)
            fence_token = conversation.token + 1 if handoff else conversation.token
            understood = {
                "message_id": claim.inbound.message_id,
                **reply.understanding.as_data(),
                "model_id": reply.model_id,
            }
            drafts: list[EventDraft | MessageDraft] = [EventDraft(EventType.UNDERSTOOD, understood)]
            drafts += [
                MessageDraft(BOT, content, in_reply_to=claim.inbound.message_id, fence_token=fence_token, late=late)
                for content in (() if handoff and handoff.instead_of_reply else reply.messages)
            ]
            changes = {**_understood_columns(claim, reply.understanding), **_customer_columns(profile)}
            outcome = "late" if late else "answered"
            more = await self._finish(session, claim, drafts, outcome=outcome, changes=changes)
            if handoff is not None:
                await self._hand_over(session, claim, conversation, handoff, Notice.HANDED_OVER)
        return more

    async def _wanted_handoff(
        self, session: AsyncSession, conversation: Conversation, reply: AssistantReply
    ) -> HandoffRequest | None:
        """Return what the assistant or a rule asks for, unless the desk says it would go round in circles."""
        for effect in reply.effects:
            if effect.kind != "handoff":
                log.warning("turn.unknown_effect", effect=effect.kind, conversation_id=conversation.id)
        request = _asked_by_assistant(reply) or await self._asked_by_rule(session, conversation, reply)
        if request is None or await self._desk.allows(session, conversation, request):
            return request
        log.info("turn.handoff_not_repeated", conversation_id=conversation.id, reason=request.code)
        return None

    async def _asked_by_rule(
        self, session: AsyncSession, conversation: Conversation, reply: AssistantReply
    ) -> HandoffRequest | None:
        earlier = await EventLog(session).list_latest(conversation.id, EventType.UNDERSTOOD, self.settings.n_recent)
        return self._desk.wants_handoff(reply.understanding, [Understanding.from_data(event.data) for event in earlier])

    async def _finish_unanswered(self, claim: Claim, code: str) -> bool:
        """The assistant has no answer: say so and pass the conversation to people."""
        async with self._database.unit_of_work() as session:
            conversation, late = await self._end_lease(session, claim)
            more = await self._finish(session, claim, [], outcome=code)
            if not late:
                failure = HandoffRequest("failure", "system", code)
                await self._hand_over(session, claim, conversation, failure, Notice.ASSISTANT_UNAVAILABLE)
        return more

    async def _finish_unreadable(self, claim: Claim) -> bool:
        async with self._database.unit_of_work() as session:
            conversation, late = await self._end_lease(session, claim)
            notice = notice_draft(
                Notice.UNREADABLE,
                conversation.language,
                fence_token=conversation.token,
                in_reply_to=claim.inbound.message_id,
            )
            return await self._finish(session, claim, [] if late else [notice], outcome="unreadable")

    async def _finish_silently(self, claim: Claim, outcome: str) -> bool:
        async with self._database.unit_of_work() as session:
            await self._end_lease(session, claim)
            return await self._finish(session, claim, [], outcome=outcome)

    async def _give_up(self, claim: Claim, *, with_desk: bool) -> bool:
        """Stop trying a message that always fails; without the desk when it is the desk that fails."""
        async with self._database.unit_of_work() as session:
            conversation, late = await self._end_lease(session, claim)
            more = await self._finish(session, claim, [], outcome="gave_up", state=InboundState.FAILED)
            if late:
                return more
            failure = HandoffRequest("failure", "system", "turn_failed")
            if with_desk:
                await self._hand_over(session, claim, conversation, failure, Notice.ASSISTANT_UNAVAILABLE)
                return more
            reason = {"reason_code": failure.code, "reason_evidence": failure.evidence}
            queued = await self._record.change_owner(
                session, conversation.id, conversation.token, Owner.QUEUE, failure.code, changes=reason
            )
            notice = notice_draft(
                Notice.ASSISTANT_UNAVAILABLE,
                conversation.language,
                fence_token=queued.conversation.token,
                in_reply_to=claim.inbound.message_id,
            )
            await self._record.append(session, conversation.id, [notice])
        return more

    async def _end_lease(self, session: AsyncSession, claim: Claim) -> tuple[Conversation, bool]:
        """Lock the row; return it, and whether the assistant has lost the word since the claim."""
        conversation = await ConversationRepository(session).end_lease(claim.conversation_id, claim.holder)
        if conversation is None:
            raise LeaseLostError
        was_bots = claim.conversation.owner.kind is OwnerKind.BOT
        return conversation, not was_bots or conversation.token != claim.conversation.token

    async def _finish(
        self,
        session: AsyncSession,
        claim: Claim,
        drafts: Sequence[EventDraft | MessageDraft],
        *,
        outcome: str,
        changes: Mapping[str, Any] | None = None,
        state: InboundState = InboundState.DONE,
    ) -> bool:
        """Mark the message done and write what it led to; return whether more wait."""
        now = self._clock.now()
        await InboundRepository(session).finish(claim.inbound.message_id, state, outcome, now)
        values = {**(changes or {}), "next_turn_at": next_turn_at(claim.conversation_id, now)}
        if drafts:
            appended = await self._record.append(session, claim.conversation_id, drafts, changes=values)
            return appended.conversation.next_turn_at is not None
        row = await ConversationRepository(session).advance(claim.conversation_id, 0, values)
        return row is not None and row.next_turn_at is not None

    async def _hand_over(
        self, session: AsyncSession, claim: Claim, conversation: Conversation, request: HandoffRequest, notice: Notice
    ) -> None:
        await self._conversations.hand_over(
            session,
            conversation.id,
            seen_token=conversation.token,
            request=request,
            desk=self._desk,
            notice=notice,
            in_reply_to=claim.inbound.message_id,
        )

    async def _try_later(self, claim: Claim) -> None:
        pause_s = self.settings.backoff_s * 2**claim.inbound.n_failures
        due_at = self._clock.now() + timedelta(seconds=pause_s)
        async with self._database.unit_of_work() as session:
            conversations = ConversationRepository(session)
            if await conversations.end_lease(claim.conversation_id, claim.holder, {"next_turn_at": due_at}):
                await InboundRepository(session).count_failure(claim.inbound.message_id)


def _asked_by_assistant(reply: AssistantReply) -> HandoffRequest | None:
    for effect in reply.effects:
        if effect.kind == "handoff":
            code = str(effect.data.get("reason") or "customer_asked")
            said_by = effect.data.get("said_by") or ("customer" if code == "customer_asked" else "assistant")
            return HandoffRequest(code, str(said_by), str(effect.data.get("evidence") or ""))
    return None


def _understood_columns(claim: Claim, understanding: Understanding) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if understanding.sentiment is not None:
        columns["mood"] = understanding.sentiment.score
    language = known_language(understanding.language)
    if language is not None and language_of(claim.inbound.text, n_words=2) is not None:
        columns["language"] = language
    return columns


def _customer_columns(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Return the desk's columns for what a profile says; what it leaves out stays."""
    return {
        f"customer_{name}": str(profile[name])[:length]
        for name, length in (("name", NAME_LENGTH), ("tier", 40), ("language", 16))
        if profile.get(name)
    }
