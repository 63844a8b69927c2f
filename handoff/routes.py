"""Routes of the desk: the list, one conversation, what an agent does with it, and the live connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field
from sanic import Blueprint, HTTPResponse, Request

from conversations.live import MAX_EVENTS
from conversations.service import ConversationService
from core.access import Permission, Principal, requires
from core.errors import ProviderError
from core.http import RequestModel, body, json_response, principal_of, query
from core.ids import AgentId, ConversationId
from core.logs import get_logger
from core.metrics import Metrics
from handoff.feed import DeskFeed
from handoff.models import Handoff
from handoff.protocols import CustomerOrders
from handoff.service import Case, DeskAgent, HandoffService
from handoff.socket import DeskConnection, DeskSessions, DeskSocketTimes, Socket
from profiles.models import CustomerProfile
from profiles.routes import profile_json
from profiles.service import ProfileService

log = get_logger(__name__)

ORDERS_TIMEOUT_S = 1.5
Token = Annotated[int, Field(ge=1)]


class ListConversations(RequestModel):
    """Which part of the list."""

    view: str = "queue"
    q: Annotated[str, Field(max_length=200)] = ""
    cursor: Annotated[str, Field(max_length=400)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class ListEvents(RequestModel):
    """Which part of a conversation's log."""

    after: Annotated[int, Field(ge=0, lt=2**31)] = 0
    limit: Annotated[int, Field(ge=1, le=MAX_EVENTS)] = MAX_EVENTS


class WithToken(RequestModel):
    """The fencing token the agent saw."""

    token: Token


class WithTokenAndNote(WithToken):
    """The fencing token the agent saw, and a note for colleagues."""

    note: str | None = None


class SayMessage(WithToken):
    """An answer to the customer; its length is checked by the record, which says what is allowed."""

    client_msg_id: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.:-]+$")]
    text: str


class LeaveNote(RequestModel):
    """A note for colleagues."""

    text: str


def desk_routes(
    *,
    handoffs: HandoffService,
    conversations: ConversationService,
    profiles: ProfileService,
    orders: CustomerOrders | None = None,
) -> Blueprint:
    """Build the routes under /desk/conversations."""
    blueprint = Blueprint("desk", url_prefix="/desk/conversations")

    async def case_answer(request: Request, case: Case, status: int = 200) -> HTTPResponse:
        principal = principal_of(request)
        customer = None
        if case.profile is not None and principal.has(Permission.VIEW_CUSTOMERS):
            customer = profile_json(case.profile, await profiles.list_events(case.profile.customer_id))
            customer["orders"] = await _orders_of(case.profile, orders)
        document = {
            "conversation": case.conversation.as_row(),
            "handoff": _handoff_json(case.handoff, principal) if case.handoff else None,
            "customer": customer,
        }
        return json_response(document, status=status)

    @blueprint.get("/")
    @requires(Permission.VIEW_CONVERSATIONS)
    @query(ListConversations)
    async def list_conversations(request: Request, query: ListConversations) -> HTTPResponse:
        """Return a page of the list with the counts of all views. 400 `unknown_view`, `bad_cursor`."""
        page = await conversations.list_for_desk(
            query.view, agent_of(request).id, search=query.q, cursor=query.cursor, limit=query.limit
        )
        return json_response(page.as_json())

    @blueprint.get("/<conversation_id:str>")
    @requires(Permission.VIEW_CONVERSATIONS)
    async def get_conversation(request: Request, conversation_id: str) -> HTTPResponse:
        """Return a conversation with its newest handoff and its customer. 404."""
        return await case_answer(request, await handoffs.get_case(ConversationId(conversation_id)))

    @blueprint.get("/<conversation_id:str>/events")
    @requires(Permission.VIEW_CONVERSATIONS)
    @query(ListEvents)
    async def list_events(_request: Request, conversation_id: str, query: ListEvents) -> HTTPResponse:
        """Return events after a number, the desk's own too. 404."""
        conversation = await conversations.get(ConversationId(conversation_id))
        events = await conversations.events_after(conversation.id, query.after, limit=query.limit)
        last_seq = max(conversation.last_seq, events[-1].seq if events else 0)
        return json_response({"events": [event.as_json() for event in events], "last_seq": last_seq})

    @blueprint.post("/<conversation_id:str>/assignment")
    @requires(Permission.TAKE_HANDOFFS)
    @body(WithToken)
    async def take(request: Request, conversation_id: str, body: WithToken) -> HTTPResponse:
        """Take a conversation. 404; 409 `owner_changed` with who has it."""
        case = await handoffs.take(ConversationId(conversation_id), seen_token=body.token, agent=agent_of(request))
        return await case_answer(request, case)

    @blueprint.post("/<conversation_id:str>/messages")
    @requires(Permission.ANSWER_CUSTOMERS)
    @body(SayMessage)
    async def say(request: Request, conversation_id: str, body: SayMessage) -> HTTPResponse:
        """Answer the customer; only the owner may. 200 when this client_msg_id was said before. 409, 413."""
        said = await handoffs.say(
            ConversationId(conversation_id),
            seen_token=body.token,
            agent=agent_of(request),
            client_msg_id=body.client_msg_id,
            text=body.text,
        )
        answer = {"message_id": said.message_id, "seq": said.seq}
        return json_response(answer, status=200 if said.duplicate else 201)

    @blueprint.post("/<conversation_id:str>/notes")
    @requires(Permission.ANSWER_CUSTOMERS)
    @body(LeaveNote)
    async def leave_note(request: Request, conversation_id: str, body: LeaveNote) -> HTTPResponse:
        """Leave a note that only the desk reads. 404, 413."""
        seq = await handoffs.note(ConversationId(conversation_id), agent=agent_of(request), text=body.text)
        return json_response({"seq": seq}, status=201)

    @blueprint.post("/<conversation_id:str>/handback")
    @requires(Permission.TAKE_HANDOFFS)
    @body(WithTokenAndNote)
    async def hand_back(request: Request, conversation_id: str, body: WithTokenAndNote) -> HTTPResponse:
        """Give one's conversation back to the assistant. 404; 409 `owner_changed`."""
        case = await handoffs.hand_back(
            ConversationId(conversation_id), seen_token=body.token, agent=agent_of(request), note=body.note
        )
        return await case_answer(request, case)

    @blueprint.post("/<conversation_id:str>/resolution")
    @requires(Permission.TAKE_HANDOFFS)
    @body(WithTokenAndNote)
    async def resolve(request: Request, conversation_id: str, body: WithTokenAndNote) -> HTTPResponse:
        """Close one's conversation. 404; 409 `owner_changed`."""
        case = await handoffs.resolve(
            ConversationId(conversation_id), seen_token=body.token, agent=agent_of(request), note=body.note
        )
        return await case_answer(request, case)

    @blueprint.post("/<conversation_id:str>/queue")
    @requires(Permission.TAKE_HANDOFFS)
    @body(WithTokenAndNote)
    async def requeue(request: Request, conversation_id: str, body: WithTokenAndNote) -> HTTPResponse:
        """Put one's own conversation, or the assistant's, into the queue. 404; 409 `owner_changed`."""
        case = await handoffs.requeue(
            ConversationId(conversation_id), seen_token=body.token, agent=agent_of(request), note=body.note
        )
        return await case_answer(request, case)

    return blueprint


def desk_socket_routes(
    *,
    feed: DeskFeed,
    conversations: ConversationService,
    sessions: DeskSessions,
    metrics: Metrics,
    times: DeskSocketTimes | None = None,
) -> Blueprint:
    """Build the desk's WebSocket at /desk/socket."""
    blueprint = Blueprint("desk_socket", url_prefix="/desk")

    @requires(Permission.VIEW_CONVERSATIONS)
    async def desk_socket(request: Request, ws: Socket) -> None:
        """Serve one open desk; cookie and Origin are proved already, the first frame proves the CSRF token."""
        connection = DeskConnection(
            feed=feed,
            conversations=conversations,
            sessions=sessions,
            request=request,
            principal=principal_of(request),
            socket=ws,
            times=times,
        )
        with metrics.sockets.labels(kind="desk").track_inprogress():
            await connection.run()

    blueprint.add_websocket_route(desk_socket, "/socket")
    return blueprint


def agent_of(request: Request) -> DeskAgent:
    """Return the signed-in person as an agent."""
    principal = principal_of(request)
    return DeskAgent(AgentId(principal.account_id), principal.name, principal.has(Permission.ASSIGN_HANDOFFS))


def _handoff_json(handoff: Handoff, viewer: Principal) -> dict[str, Any]:
    packet = handoff.packet
    if not viewer.has(Permission.VIEW_CUSTOMERS):
        packet = {**packet, "customer": None}
    return {
        "id": handoff.id,
        "state": handoff.state.value,
        "reason": {
            "code": handoff.reason_code,
            "said_by": handoff.reason_said_by,
            "evidence": handoff.reason_evidence,
        },
        "created_at": handoff.created_at,
        "taken_at": handoff.taken_at,
        "agent": None if handoff.agent_id is None else {"id": handoff.agent_id, "name": handoff.agent_name},
        "ended_at": handoff.ended_at,
        "outcome": None if handoff.outcome is None else handoff.outcome.value,
        "packet": packet,
    }


async def _orders_of(profile: CustomerProfile, orders: CustomerOrders | None) -> Sequence[Mapping[str, Any]] | None:
    """Return the customer's orders, or None when there is no shop to ask or it does not answer in time."""
    if orders is None or profile.shop_customer_id is None:
        return None
    try:
        async with asyncio.timeout(ORDERS_TIMEOUT_S):
            return await orders.list_orders(profile.shop_customer_id)
    except (ProviderError, TimeoutError) as error:
        log.warning("desk.orders_unavailable", error=type(error).__name__)
        return None
