"""The thin shape of every connector: prove who sent the request, parse it, hand it to the inbox."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sanic import Request

from conversations.inbound import Accepted, Channel, InboundMessage, InboundType, Sender, SenderKind
from core.clock import Clock

SettingsT = TypeVar("SettingsT")


class AcceptsMessages(Protocol):
    """Where messages are stored before a provider gets its 200; the record's Inbox is one."""

    async def accept(self, message: InboundMessage) -> Accepted:
        """Store one message; stored before, it is only found again."""
        ...


class Connector(ABC, Generic[SettingsT]):
    """One account of one channel, as its provider calls us.

    A subclass says how a request proves itself (`check_request`) and what it holds (`parse`). It never
    answers a customer: replies leave through the outbox and the channel's Delivery.
    """

    channel: ClassVar[Channel]
    sender_kind: ClassVar[SenderKind]

    def __init__(self, settings: SettingsT, account: str, inbox: AcceptsMessages, clock: Clock) -> None:
        self.settings = settings
        self.account = account
        self._inbox = inbox
        self._clock = clock

    @abstractmethod
    def check_request(self, request: Request) -> None:
        """Refuse a request that the provider did not send.

        Raises:
            NotAllowedError: the signature, the age or the sender does not fit.
        """

    @abstractmethod
    def parse(self, request: Request) -> list[InboundMessage]:
        """Return the messages in this call, in their order; none when it holds nothing for us.

        Raises:
            InvalidInputError: the call is genuine and cannot be read.
        """

    async def receive(self, request: Request) -> list[Accepted]:
        """Take one provider call; once this returns, all is stored and the provider may have its 200."""
        self.check_request(request)
        return [await self._inbox.accept(message) for message in self.parse(request)]

    def inbound(
        self,
        *,
        external_id: str,
        sender: str,
        text: str,
        kind: InboundType = InboundType.TEXT,
        conversation_key: str | None = None,
        occurred_at: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> InboundMessage:
        """Build a message of this account; by default a sender has one conversation, and it is now."""
        return InboundMessage(
            channel=self.channel,
            account=self.account,
            external_id=external_id,
            conversation_key=conversation_key or sender,
            sender=Sender(self.sender_kind, sender),
            text=text,
            occurred_at=occurred_at or self._clock.now(),
            type=kind,
            metadata=metadata or {},
        )
