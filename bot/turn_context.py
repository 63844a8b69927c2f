"""What one turn knows beside the tracker, for the action calls made within it."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from bot.nlu.message_vector import MessageVector


@dataclass
class TurnContext:
    """The gateway's metadata, and what was read from the message once it is parsed."""

    message_id: str
    metadata: Mapping[str, Any]
    language: str = "other"
    sentiment: Mapping[str, Any] = field(default_factory=dict)
    vector: MessageVector | None = None
    n_actions: int = 0
    action_s: float = 0.0

    def latest_message_extras(self) -> dict[str, Any]:
        """Return what an action call adds to `tracker.latest_message`."""
        extras: dict[str, Any] = {
            "metadata": {
                **self.metadata,
                "message_id": self.message_id,
                "language": self.language,
                "sentiment": dict(self.sentiment),
            }
        }
        if self.vector is not None:
            extras["vector"] = self.vector.as_base64()
            extras["vector_encoder"] = self.vector.encoder
        return extras


current_turn: ContextVar[TurnContext | None] = ContextVar("current_turn", default=None)
