"""What an action may know of the present turn: the message, who sent it, and in which language to answer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from rasa_sdk import Tracker

from actions.orders import Language
from core.ids import new_id

_LONGEST_EVIDENCE = 300


@dataclass(frozen=True)
class Turn:
    """One message of a customer, read once from Rasa's tracker.

    `entities` holds the first value of each entity. `profile` is the server's summary of the customer and was proved
    only when `verified`; nothing in it comes from the message.
    """

    text: str
    intent: str
    confidence: float
    entities: Mapping[str, str]
    language: Language
    message_id: str
    customer_id: str | None
    verified: bool
    profile: Mapping[str, Any]
    vector: npt.NDArray[np.float32] | None = field(compare=False)
    vector_encoder: str | None

    @classmethod
    def from_tracker(cls, tracker: Tracker) -> Turn:
        """Read the latest message and the metadata that the server sent with it."""
        message = tracker.latest_message
        metadata: Mapping[str, Any] = message.get("metadata") or {}
        intent = message.get("intent") or {}
        entities: dict[str, str] = {}
        for found in message.get("entities") or []:
            entities.setdefault(found["entity"], str(found["value"]))
        return cls(
            text=message.get("text") or "",
            intent=intent.get("name") or "",
            confidence=float(intent.get("confidence") or 0.0),
            entities=entities,
            language=_language(tracker.get_slot("language"), metadata),
            message_id=metadata.get("message_id") or new_id(),
            customer_id=metadata.get("customer_id"),
            verified=metadata.get("verified") is True,
            profile=metadata.get("profile") or {},
            vector=_vector(message.get("vector") or metadata.get("vector")),
            vector_encoder=message.get("vector_encoder") or metadata.get("vector_encoder"),
        )

    def with_profile(self, profile: Mapping[str, Any]) -> Turn:
        """Return the same turn with a profile that was looked up."""
        return replace(self, profile=profile)

    @property
    def is_button(self) -> bool:
        """Say whether a button was pressed instead of words written."""
        return self.text.startswith("/")

    @property
    def shop_customer_id(self) -> str | None:
        """The shop's own id of the customer, or None when the customer has not proved who they are."""
        return self.profile.get("shop_customer_id") if self.verified else None

    @property
    def name(self) -> str | None:
        """The customer's name, or None when not proved."""
        return self.profile.get("name") if self.verified else None

    @property
    def evidence(self) -> str:
        """The customer's own words for a handoff packet."""
        return self.text[:_LONGEST_EVIDENCE]


def _language(slot: object, metadata: Mapping[str, Any]) -> Language:
    for found in (slot, metadata.get("language"), (metadata.get("profile") or {}).get("language")):
        if found in ("zh", "en"):
            return "zh" if found == "zh" else "en"
    return "en"


def _vector(encoded: object) -> npt.NDArray[np.float32] | None:
    if not isinstance(encoded, str):
        return None
    try:
        return np.frombuffer(base64.b64decode(encoded, validate=True), dtype="<f4").astype(np.float32)
    except (binascii.Error, ValueError):
        return None
