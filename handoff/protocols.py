"""What handoffs need of others, in their own words; server/wiring.py joins them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from core.ids import ConversationId
from handoff.models import Outcome


class AssistantMemory(Protocol):
    """What the assistant remembers of a conversation."""

    async def reset_after_handoff(self, conversation_id: ConversationId, outcome: Outcome, *, event_id: str) -> None:
        """Leave open forms and forget counted failures, so that the old trouble does not hand off again.

        The same `event_id` again changes nothing.

        Raises:
            EngineError: the assistant could not be told now.
        """
        ...


class CustomerOrders(Protocol):
    """A customer's orders for the desk's context pane."""

    async def list_orders(self, shop_customer_id: str) -> Sequence[Mapping[str, Any]]:
        """Return order_number, status, total, currency, placed_at, items of each, newest first.

        Raises:
            ProviderError: the shop's system does not answer.
        """
        ...
