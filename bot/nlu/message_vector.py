"""The sentence vector that travels on a Rasa message, but never into the parse result or the tracker."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

_KEY = "sentence_vector"


class _Message(Protocol):
    def get(self, key: str, default: Any = None) -> Any: ...

    def set(self, key: str, value: Any, add_to_output: bool = False) -> None: ...


@dataclass(frozen=True)
class MessageVector:
    """A unit vector of shape (dimension,), float32, and the name of the encoder that made it."""

    encoder: str
    values: np.ndarray

    def as_base64(self) -> str:
        """Return the float32 values, little-endian, as base64 text."""
        return base64.b64encode(np.ascontiguousarray(self.values, dtype="<f4").tobytes()).decode("ascii")


def set_message_vector(message: _Message, vector: MessageVector) -> None:
    """Attach a vector to a message, outside its output."""
    message.set(_KEY, vector)


def find_message_vector(message: _Message) -> MessageVector | None:
    """Return the vector attached to a message, if an encoder ran."""
    found = message.get(_KEY)
    return found if isinstance(found, MessageVector) else None
