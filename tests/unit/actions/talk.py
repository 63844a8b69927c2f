"""Calls actions the way Rasa does, and keeps the slots they set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rasa_sdk.executor import ActionExecutor

from actions.ports import ActionPorts
from actions.registry import build_executor
from core.clock import FrozenClock
from knowledge_index.models import Answer, KnowledgeReply, Quote, Refusal, Source
from tests.unit.actions.in_memory_shop import NOW, InMemoryShop

LI_LEI: Mapping[str, Any] = {
    "verified": True,
    "customer_id": "customer-1",
    "profile": {"name": "李雷", "language": "zh", "shop_customer_id": "c-1"},
}
VISITOR: Mapping[str, Any] = {"verified": False, "customer_id": "customer-2", "profile": {"name": None}}

ANSWER = Answer(
    quotes=(Quote("**满 99 元包邮**", "满 99 元包邮", ("运费",), 0, 11),),
    source=Source("shipping", "运费", "怎么算", "zh", "/help/zh/shipping", 3, None, None),
    probability=0.97,
    alternatives=(),
)
REFUSAL = Refusal("not_in_knowledge")


class FakeKnowledge:
    """Gives one reply to everything and remembers what it was asked."""

    def __init__(self) -> None:
        self.reply: KnowledgeReply = REFUSAL
        self.asked: list[str] = []

    async def answer(self, question: str, **_: Any) -> KnowledgeReply:
        self.asked.append(question)
        return self.reply


class FakeProfiles:
    """Knows one customer."""

    async def summary(self, customer_id: str) -> Mapping[str, object]:
        return LI_LEI["profile"] if customer_id == "customer-1" else {}


@dataclass
class Talk:
    """One conversation with the actions; `said` is what the last action uttered."""

    who: Mapping[str, Any] = field(default_factory=lambda: VISITOR)
    shop: InMemoryShop = field(default_factory=InMemoryShop)
    knowledge: FakeKnowledge = field(default_factory=FakeKnowledge)
    slots: dict[str, Any] = field(default_factory=lambda: {"language": "zh"})
    loop: str | None = None
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(NOW))
    said: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    n_messages: int = 0

    def __post_init__(self) -> None:
        ports = ActionPorts(self.shop, self.shop, self.knowledge, FakeProfiles(), self.clock)
        self.executor: ActionExecutor = build_executor(ports)

    async def act(
        self, action: str, text: str = "", intent: str = "", *, confidence: float = 0.95, **entities: str
    ) -> Talk:
        """Run an action for a message and take over the slots and the loop it sets."""
        self.n_messages += 1
        result = await self.executor.run(
            {
                "next_action": action,
                "sender_id": "conversation-1",
                "domain": {},
                "tracker": {
                    "sender_id": "conversation-1",
                    "slots": dict(self.slots),
                    "latest_message": {
                        "text": text,
                        "intent": {"name": intent, "confidence": confidence},
                        "entities": [{"entity": name, "value": value} for name, value in entities.items()],
                        "metadata": {**self.who, "message_id": f"m-{self.n_messages}"},
                    },
                    "events": [],
                    "paused": False,
                    "followup_action": None,
                    "active_loop": {"name": self.loop} if self.loop else {},
                    "latest_action_name": "action_listen",
                },
            }
        )
        assert result is not None
        self.said, self.events = result.responses, result.events
        for event in self.events:
            if event["event"] == "slot":
                self.slots[event["name"]] = event["value"]
            elif event["event"] == "active_loop":
                self.loop = event["name"]
        return self

    @property
    def responses(self) -> list[str]:
        """The names of the responses uttered last."""
        return [said["response"] for said in self.said if said["response"]]

    @property
    def effects(self) -> list[dict[str, Any]]:
        """The custom messages uttered last."""
        return [said["custom"] for said in self.said if said["custom"]]

    @property
    def requested(self) -> str | None:
        """The slot a form asks for next."""
        value: str | None = self.slots.get("requested_slot")
        return value
