"""Opens handoffs: when people must take over, when that would be a loop, and with what packet."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.conversation import Conversation
from conversations.event_log import EventLog
from conversations.events import Audience, EventType
from conversations.live import MAX_EVENTS
from conversations.protocols import HandoffOpened, HandoffRequest, Understanding
from core.clock import Clock
from core.ids import HandoffId, new_id
from core.metrics import Metrics
from handoff.models import Handoff, HandoffRow, HandoffState, Outcome
from handoff.packet import Follows, Reason, make_packet
from handoff.policy import HandoffPolicy
from handoff.repository import HandoffRepository
from profiles.service import ProfileService

LONGEST_EVIDENCE = 500


class HandoffOpener:
    """The record's `HandoffDesk`: puts conversations into the queue, each with a packet made at that moment."""

    def __init__(
        self, *, clock: Clock, profiles: ProfileService, metrics: Metrics, policy: HandoffPolicy | None = None
    ) -> None:
        self._clock = clock
        self._profiles = profiles
        self._metrics = metrics
        self._policy = policy or HandoffPolicy()

    def wants_handoff(self, understanding: Understanding, recent: Sequence[Understanding]) -> HandoffRequest | None:
        """Say whether this message must go to people whatever the assistant does; `recent` newest first."""
        return self._policy.wants_handoff(understanding, recent)

    async def allows(self, session: AsyncSession, conversation: Conversation, request: HandoffRequest) -> bool:
        """Say whether this would be no loop: the same reason again, right after people handed the conversation back."""
        before = await HandoffRepository(session).find_last_handed_back(conversation.id, request.code)
        if before is None or before.ended_seq is None:
            return True
        latest = await EventLog(session).list_latest(
            conversation.id, EventType.UNDERSTOOD, self._policy.turns_before_repeat
        )
        n_turns = sum(event.seq > before.ended_seq for event in latest)
        return self._policy.allows_repeat(request.code, n_turns)

    async def open_handoff(
        self, session: AsyncSession, conversation: Conversation, request: HandoffRequest
    ) -> HandoffOpened:
        """Store a waiting handoff with its packet and say its position, in the caller's transaction."""
        handoffs, now = HandoffRepository(session), self._clock.now()
        before = await handoffs.find_open(conversation.id)
        if before is not None:
            await handoffs.end(before.id, Outcome.REQUEUED, at=now, seq=conversation.last_seq)
        profile = None
        if conversation.customer_id is not None:
            profile = await self._profiles.find_profile(session, conversation.customer_id)
        handoff_id = HandoffId(new_id())
        request = HandoffRequest(request.code, request.said_by, request.evidence[:LONGEST_EVIDENCE])
        packet = make_packet(
            handoff_id=handoff_id,
            conversation=conversation,
            request=request,
            events=await EventLog(session).list_after(
                conversation.id, max(0, conversation.last_seq - MAX_EVENTS), MAX_EVENTS, Audience.DESK
            ),
            profile=profile,
            follows=_follows(before),
            at=now,
        )
        row = HandoffRow(
            id=handoff_id,
            conversation_id=conversation.id,
            state=HandoffState.WAITING.value,
            opened_token=conversation.token,
            reason_code=request.code,
            reason_said_by=request.said_by,
            reason_evidence=request.evidence,
            packet=packet.model_dump(mode="json"),
            packet_version=packet.version,
            follows=before.id if before else None,
            created_at=now,
            assistant_untold=False,
        )
        await handoffs.add(row)
        if profile is not None:
            await self._profiles.record_event(
                session,
                profile.customer_id,
                "handoff.opened",
                at=now,
                properties={"handoff_id": handoff_id, "reason": request.code},
            )
        self._metrics.handoffs.labels(reason=request.code).inc()
        return HandoffOpened(handoff_id, await handoffs.count_ahead(now, handoff_id) + 1)


def _follows(before: Handoff | None) -> Follows | None:
    if before is None:
        return None
    reason = Reason(code=before.reason_code, said_by=before.reason_said_by, evidence=before.reason_evidence)
    return Follows(handoff_id=before.id, reason=reason, agent_name=before.agent_name)
