"""The desk on the record: the real services joined on one database, with a made-up assistant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conversations.messages import Content
from conversations.protocols import AssistantReply, AssistantRequest, Effect, Intent, Sentiment, Understanding
from core.clock import FrozenClock
from core.database import Database
from core.errors import EngineError
from core.ids import AgentId, ConversationId
from core.metrics import Metrics
from handoff.models import Outcome
from handoff.opening import HandoffOpener
from handoff.policy import HandoffPolicy
from handoff.reminders import AssistantReminder
from handoff.service import DeskAgent, HandoffService
from profiles.service import ProfileService
from profiles.vault import Vault
from tests.unit.conversations.fakes import House, inbound

LIN = DeskAgent(AgentId("a" * 32), "小林")
WANG = DeskAgent(AgentId("b" * 32), "王 <b>敏</b>")
BOSS = DeskAgent(AgentId("c" * 32), "Boss", may_assign=True)


class FakeMemory:
    """The assistant's memory: notes what it is told, once per event id; may be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.told: dict[str, tuple[ConversationId, Outcome]] = {}

    async def reset_after_handoff(self, conversation_id: ConversationId, outcome: Outcome, *, event_id: str) -> None:
        if self.is_away:
            raise EngineError("The engine is away.", code="engine_unavailable")
        self.told.setdefault(event_id, (conversation_id, outcome))


@dataclass
class DeskHouse:
    """Everything a desk needs, wired."""

    database: Database
    clock: FrozenClock = field(default_factory=FrozenClock)
    policy: HandoffPolicy = field(default_factory=HandoffPolicy)

    def __post_init__(self) -> None:
        self.memory = FakeMemory()
        self.metrics = Metrics()
        vault = Vault(lookup_key=b"l" * 32, wrapping_key=b"w" * 32)
        self.profiles = ProfileService(self.database, self.clock, vault)
        self.opener = HandoffOpener(clock=self.clock, profiles=self.profiles, metrics=self.metrics, policy=self.policy)
        customers: Any = self.profiles
        desk: Any = self.opener
        self.record = House(self.database, clock=self.clock, customers=customers, desk=desk)
        self.bus = self.record.bus
        self.conversations = self.record.service
        self.handoffs = HandoffService(
            database=self.database,
            clock=self.clock,
            conversations=self.conversations,
            profiles=self.profiles,
            opener=self.opener,
            memory=self.memory,
        )

    def reminder(self) -> AssistantReminder:
        """Return what tells the assistant later."""
        return AssistantReminder(database=self.database, clock=self.clock, memory=self.memory)

    async def say(
        self, text: str, *, key: str = "visitor-1", reply: AssistantReply | None = None, **more: Any
    ) -> ConversationId:
        """Have a customer say something and the assistant answer it; return the conversation."""
        self.clock.advance(1)
        self.record.assistant.reply = lambda request: reply or understood(request)
        accepted = await self.record.inbox.accept(inbound(text, conversation_key=key, **more))
        await self.record.turns.run_due()
        return accepted.conversation_id

    async def ask_for_human(self, key: str = "visitor-1") -> ConversationId:
        """Have a customer ask for a person; the conversation waits in the queue afterwards."""
        effect = Effect("handoff", {"reason": "customer_asked", "evidence": "转人工"})
        return await self.say("转人工", key=key, reply=reply_of("转人工", "talk_to_human", effects=(effect,)))

    async def token(self, conversation_id: ConversationId) -> int:
        """Return the conversation's present token."""
        return (await self.conversations.get(conversation_id)).token

    async def take(self, conversation_id: ConversationId, agent: DeskAgent = LIN) -> int:
        """Have an agent take a conversation; return the token afterwards."""
        case = await self.handoffs.take(conversation_id, seen_token=await self.token(conversation_id), agent=agent)
        return case.conversation.token

    async def shape(self, conversation_id: ConversationId) -> list[str]:
        """Return the conversation's log in short words."""
        return await self.record.shape(conversation_id)


def understood(request: AssistantRequest, intent: str = "greet", score: float = 0.0) -> AssistantReply:
    """Return a reply that echoes and understood this."""
    return reply_of(request.text, intent, score=score)


def reply_of(
    text: str,
    intent: str,
    *,
    score: float = 0.0,
    answer: Content | None = None,
    entities: tuple[dict[str, Any], ...] = (),
    effects: tuple[Effect, ...] = (),
) -> AssistantReply:
    """Return a reply with an understanding of one intent."""
    return AssistantReply(
        messages=[answer or Content(f"re: {text}")],
        understanding=Understanding(
            text=text,
            intent=Intent(intent, 0.9),
            ranking=(Intent(intent, 0.9), Intent("greet", 0.05)),
            entities=entities,
            sentiment=Sentiment("negative" if score < 0 else "neutral", score),
            language="zh",
        ),
        effects=effects,
        model_id="model-1",
    )
