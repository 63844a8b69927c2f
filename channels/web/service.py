"""What the web channel does: opens sessions, takes messages, reads the customer's own events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.connector import AcceptsMessages
from channels.web.customer_events import CustomerEvents, Page
from channels.web.limits import MESSAGES, SESSION_REFRESHES, SESSIONS, SIGNALS, Limits, require
from channels.web.payloads import OpenSession, SendMessage
from channels.web.sign_in import SignIn
from channels.web.tokens import User, UserTokens, Visitor, WebTokens, sender_of
from channels.web.widgets import Widget, WidgetDirectory
from conversations.inbound import Accepted, Channel, InboundMessage, InboundType
from core.bus import Bus
from core.clock import Clock
from core.errors import NotAllowedError, NotFoundError
from core.ids import ConversationId

TYPING_TOPIC = "typing"
READ_TOPIC = "read"
START_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """What a browser needs to go on: two tokens and the place in its conversation."""

    visitor_token: str
    access_token: str
    expires_in_s: int
    conversation: str | None
    seq: int
    user: Mapping[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "visitor_token": self.visitor_token,
            "access_token": self.access_token,
            "expires_in_s": self.expires_in_s,
            "conversation": self.conversation,
            "seq": self.seq,
            "user": self.user,
        }


class WebChannel:
    """The rules of the web channel, without HTTP.

    Whoever calls is known by an access token alone; an id in a request never says who it is.
    """

    def __init__(
        self,
        *,
        widgets: WidgetDirectory,
        tokens: WebTokens,
        user_tokens: UserTokens,
        inbox: AcceptsMessages,
        events: CustomerEvents,
        sign_in: SignIn,
        limits: Limits,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self.widgets = widgets
        self._tokens = tokens
        self._user_tokens = user_tokens
        self._inbox = inbox
        self._events = events
        self._sign_in = sign_in
        self._limits = limits
        self._bus = bus
        self._clock = clock

    async def open_session(self, asked: OpenSession, address: str) -> Session:
        """Give a browser its tokens; with both tokens, move its open conversation to the user.

        Raises:
            NotFoundError: unknown widget.
            NotAllowedError: a token that is not valid, or none where the widget demands a user.
            TooManyRequestsError: too many new sessions from this address.
        """
        widget = self.widgets.get(asked.widget)
        user = self._read_user(widget, asked.user_jwt)
        visitor_id = await self._known_or_new_visitor(widget, asked.visitor_token, address)
        visitor = Visitor(widget.id, visitor_id, user)
        if user is not None and asked.visitor_token is not None:
            await self._sign_in.merge(visitor)
        conversation = await self._events.find(visitor)
        return Session(
            visitor_token=self._tokens.issue_visitor(widget.id, visitor_id),
            access_token=self._tokens.issue_access(visitor),
            expires_in_s=self._tokens.access_token_s,
            conversation=conversation.id if conversation else None,
            seq=conversation.last_seq if conversation else 0,
            user={"id": user.id, "name": user.claims.get("name")} if user else None,
        )

    def _read_user(self, widget: Widget, user_jwt: str | None) -> User | None:
        if user_jwt is not None:
            return self._user_tokens.read(widget, user_jwt)
        if widget.identity_required:
            raise NotAllowedError("This widget is for signed-in users; send user_jwt.", code="identity_required")
        return None

    async def _known_or_new_visitor(self, widget: Widget, visitor_token: str | None, address: str) -> str:
        if visitor_token is not None:
            visitor_id = self._tokens.read_visitor(widget.id, visitor_token)
            await require(self._limits, f"session:{visitor_id}", SESSION_REFRESHES, "session renewals")
            return visitor_id
        await require(self._limits, f"session-ip:{address}", SESSIONS, "new sessions from this address")
        return self._tokens.new_visitor_id()

    def authenticate(self, access_token: str) -> tuple[Visitor, Widget]:
        """Return who holds an access token, and the widget it is for.

        Raises:
            NotAllowedError: not ours, too old, or of a widget that now demands a signed-in user.
        """
        visitor = self._tokens.read_access(access_token)
        try:
            widget = self.widgets.get(visitor.widget_id)
        except NotFoundError as error:
            raise NotAllowedError("This token's widget is no more; open a new session.", code="bad_token") from error
        if widget.identity_required and visitor.user is None:
            raise NotAllowedError("This widget is for signed-in users; send user_jwt.", code="identity_required")
        return visitor, widget

    async def accept(self, visitor: Visitor, message: SendMessage) -> Accepted:
        """Store one message of the customer's; sent again with the same client_msg_id it is only found again.

        Raises:
            NotFoundError: the message names a conversation that is not the caller's.
            TooManyRequestsError: too many messages; nothing was stored.
            InvalidInputError: too long, empty, or not text.
        """
        await require(self._limits, f"message:{visitor.id}", MESSAGES, "messages")  # first: refusing must be cheap
        await self.check_own(visitor, message.conversation)
        accepted = await self._inbox.accept(
            InboundMessage(
                channel=Channel.WEB,
                account=visitor.widget_id,
                external_id=f"{visitor.id}:{message.client_msg_id}",
                conversation_key=visitor.conversation_key,
                sender=sender_of(visitor),
                type=InboundType(message.type),
                text=message.text,
                choice_payload=message.payload,
                occurred_at=self._clock.now(),
                language_hint=message.language,
                metadata={"client_msg_id": message.client_msg_id},
            )
        )
        await self._events.announce_start(visitor)
        return accepted

    async def check_own(self, visitor: Visitor, conversation: str | None) -> None:
        """Refuse a conversation id that is not the caller's own; None names none.

        Raises:
            NotFoundError: `conversation` is not the caller's.
        """
        if conversation is None:
            return
        own = await self._events.find(visitor)
        if own is None or own.id != conversation:
            raise NotFoundError("You have no conversation with this id.", code="unknown_conversation")

    async def events(self, visitor: Visitor, *, after: int, limit: int, wait_s: float) -> Page:
        """Return the caller's events after a number, oldest first, waiting up to `wait_s` for the first."""
        return await self._events.after(visitor, after=after, limit=limit, wait_s=wait_s)

    async def started(self, visitor: Visitor) -> ConversationId:
        """Return the caller's conversation once it has begun."""
        while (conversation := await self._events.wait_for_start(visitor, START_WAIT_S)) is None:
            continue
        return conversation.id

    async def signal(self, visitor: Visitor, topic: str, payload: Mapping[str, Any]) -> None:
        """Pass a passing sign (typing, read) to whoever looks at the conversation now; nothing is stored.

        Raises:
            TooManyRequestsError: too many signs.
        """
        await require(self._limits, f"signal:{visitor.id}", SIGNALS, "signals")
        conversation = await self._events.find(visitor)
        if conversation is not None:
            await self._bus.publish(f"{topic}:{conversation.id}", {"author": {"kind": "customer"}, **payload})
