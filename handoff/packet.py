"""The packet: what an agent is handed with a conversation, so that the customer repeats nothing.

It is made from the conversation's events alone, calls nothing that can fail, and is kept as it was at its moment.
`packet.schema.json` is the published form of `Packet`; a test holds the two together.
Source: specs/handoff.md section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from conversations.conversation import Conversation
from conversations.events import ConversationEvent, EventType
from conversations.messages import AuthorKind, MessageState
from conversations.protocols import HandoffRequest
from handoff.goal import goal_sentence
from profiles.models import CustomerProfile

VERSION = 1
LONGEST_EXCERPT = 300
N_TRIED = 10
N_TREND = 3
CLEAR_CHANGE = 0.25
ACCEPTING = frozenset({"thank", "affirm", "give_feedback_positive"})
REJECTING = frozenset({"deny", "give_feedback_negative", "complain", "talk_to_human"})
REJECTING_SCORE = -0.5


class PacketPart(BaseModel):
    """Base of the packet's parts; nothing unknown gets in."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reason(PacketPart):
    """Why the conversation went to people."""

    code: str
    said_by: str
    evidence: str


class GoalText(PacketPart):
    """What the customer wants, in one sentence."""

    zh: str
    en: str


class KnownFact(PacketPart):
    """Something the customer gave, and the message it came with."""

    slot: str
    value: str
    message_id: str
    at: datetime
    verified: bool = False


class Article(PacketPart):
    """The knowledge an answer quoted."""

    article_id: str
    title: str
    section: str | None = None
    url: str | None = None


class Tried(PacketPart):
    """Something the assistant said, and how the customer took it."""

    message_id: str
    at: datetime
    answer: str
    article: Article | None = None
    received: Literal["accepted", "rejected", "ignored", "unanswered"]


class MoodPoint(PacketPart):
    """How one message sounded, from -1 (very angry) to 1."""

    message_id: str
    score: float = Field(ge=-1, le=1)


class IntentScore(PacketPart):
    """One reading of a message; confidence in 0..1."""

    name: str
    confidence: float


class MessageUnderstanding(PacketPart):
    """What was understood of one message of the customer."""

    message_id: str
    intents: list[IntentScore]
    entities: list[dict[str, Any]]
    language: str | None = None


class IdentityExtract(PacketPart):
    """An address of the customer, masked."""

    kind: str
    value: str
    verified: bool


class CustomerExtract(PacketPart):
    """What was known of the customer."""

    customer_id: str
    name: str | None
    language: str | None
    tier: str | None
    shop_customer_id: str | None
    verified: bool
    identities: list[IdentityExtract]


class ChannelExtract(PacketPart):
    """Where the customer writes."""

    name: str
    account: str


class Follows(PacketPart):
    """The handoff before this one, when an agent gave the conversation back to the queue; its packet is kept."""

    handoff_id: str
    reason: Reason
    agent_name: str | None


class Packet(PacketPart):
    """What an agent is handed with a conversation."""

    version: Literal[1] = 1
    handoff_id: str
    conversation_id: str
    reason: Reason
    goal: GoalText
    known: list[KnownFact]
    tried: list[Tried]
    mood: list[MoodPoint]
    mood_trend: Literal["falling", "steady", "rising", "unknown"]
    understanding: list[MessageUnderstanding]
    customer: CustomerExtract | None
    channel: ChannelExtract
    language: str
    n_customer_messages: int = Field(ge=0)
    follows: Follows | None = None
    made_at: datetime
    model_id: str | None


def make_packet(
    *,
    handoff_id: str,
    conversation: Conversation,
    request: HandoffRequest,
    events: Sequence[ConversationEvent],
    profile: CustomerProfile | None,
    follows: Follows | None,
    at: datetime,
) -> Packet:
    """Make the packet of a handoff from the conversation's events, oldest first."""
    said = [event for event in events if _is_said_by(event, AuthorKind.CUSTOMER)]
    understood = [event for event in events if event.type is EventType.UNDERSTOOD]
    known = _known_facts(understood)
    mood = _mood(understood)
    intents = [event.data["intent"]["name"] for event in understood if event.data.get("intent")]
    goal = goal_sentence(
        intents, {fact.slot: fact.value for fact in known}, str(said[-1].data.get("text") or "") if said else ""
    )
    return Packet(
        handoff_id=handoff_id,
        conversation_id=conversation.id,
        reason=Reason(code=request.code, said_by=request.said_by, evidence=request.evidence),
        goal=GoalText(zh=goal.zh, en=goal.en),
        known=known,
        tried=_tried(events, understood),
        mood=mood,
        mood_trend=_trend([point.score for point in mood]),
        understanding=[_understanding(event) for event in understood],
        customer=_customer(profile),
        channel=ChannelExtract(name=conversation.channel.value, account=conversation.account),
        language=conversation.language,
        n_customer_messages=len(said),
        follows=follows,
        made_at=at,
        model_id=next((event.data["model_id"] for event in reversed(understood) if event.data.get("model_id")), None),
    )


def _known_facts(understood: Sequence[ConversationEvent]) -> list[KnownFact]:
    """Return each fact once, by the newest message that gave its slot."""
    facts: dict[str, KnownFact] = {}
    for event in understood:
        for entity in event.data.get("entities") or ():
            slot, value = entity.get("entity"), entity.get("value")
            if isinstance(slot, str) and value not in (None, ""):
                facts.pop(slot, None)
                facts[slot] = KnownFact(slot=slot, value=str(value), message_id=event.data["message_id"], at=event.at)
    return list(facts.values())


def _tried(events: Sequence[ConversationEvent], understood: Sequence[ConversationEvent]) -> list[Tried]:
    steps = []
    for event in events:
        if _is_said_by(event, AuthorKind.BOT) and event.data.get("state") != MessageState.DROPPED_LATE:
            reaction = next((one for one in understood if one.seq > event.seq), None)
            steps.append(_tried_step(event, reaction))
    return steps[-N_TRIED:]


def _tried_step(event: ConversationEvent, reaction: ConversationEvent | None) -> Tried:
    source = event.data.get("source")
    article = None
    if source:
        article = Article(
            article_id=str(source.get("article_id", "")),
            title=str(source.get("title", "")),
            section=source.get("section"),
            url=source.get("url"),
        )
    return Tried(
        message_id=event.data["message_id"],
        at=event.at,
        answer=str(event.data.get("text") or "")[:LONGEST_EXCERPT],
        article=article,
        received=_received(reaction),
    )


def _received(reaction: ConversationEvent | None) -> Literal["accepted", "rejected", "ignored", "unanswered"]:
    if reaction is None:
        return "unanswered"
    intent = (reaction.data.get("intent") or {}).get("name")
    score = (reaction.data.get("sentiment") or {}).get("score", 0.0)
    if intent in REJECTING or score <= REJECTING_SCORE:
        return "rejected"
    return "accepted" if intent in ACCEPTING else "ignored"


def _mood(understood: Sequence[ConversationEvent]) -> list[MoodPoint]:
    return [
        MoodPoint(message_id=event.data["message_id"], score=max(-1.0, min(1.0, float(sentiment["score"]))))
        for event in understood
        if (sentiment := event.data.get("sentiment"))
    ]


def _trend(scores: Sequence[float]) -> Literal["falling", "steady", "rising", "unknown"]:
    """Compare the newest messages' mean with that of those before."""
    if len(scores) < 2:
        return "unknown"
    newest = scores[-N_TREND:] if len(scores) > N_TREND else scores[-1:]
    before = scores[: -len(newest)]
    change = sum(newest) / len(newest) - sum(before) / len(before)
    if abs(change) < CLEAR_CHANGE:
        return "steady"
    return "rising" if change > 0 else "falling"


def _understanding(event: ConversationEvent) -> MessageUnderstanding:
    ranking = event.data.get("ranking") or ([event.data["intent"]] if event.data.get("intent") else [])
    return MessageUnderstanding(
        message_id=event.data["message_id"],
        intents=[IntentScore(name=one["name"], confidence=one["confidence"]) for one in ranking],
        entities=[dict(entity) for entity in event.data.get("entities") or ()],
        language=event.data.get("language"),
    )


def _customer(profile: CustomerProfile | None) -> CustomerExtract | None:
    if profile is None:
        return None
    return CustomerExtract(
        customer_id=profile.customer_id,
        name=profile.name,
        language=profile.language,
        tier=profile.tier,
        shop_customer_id=profile.shop_customer_id,
        verified=profile.verified,
        identities=[
            IdentityExtract(kind=one.kind.value, value=one.masked, verified=one.verified) for one in profile.identities
        ],
    )


def _is_said_by(event: ConversationEvent, author: AuthorKind) -> bool:
    return event.type is EventType.MESSAGE and event.data["author"]["kind"] == author.value


def packet_schema() -> dict[str, Any]:
    """Return the JSON schema of the present version, as `packet.schema.json` publishes it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:yiti:handoff-packet:{VERSION}",
        **Packet.model_json_schema(mode="serialization"),
    }
