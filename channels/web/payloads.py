"""What browsers send: bodies, queries and socket frames, each refused when it has a field too many."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from core.errors import InvalidInputError
from core.http import RequestModel, invalid

MAX_PAYLOAD_CHARS = 500
MAX_FRAME_BYTES = 64 * 1024
MAX_WAIT_S = 25
MAX_EVENTS = 500
LINE_CONTROLS = "\t\n\r"


def clean_text(value: str) -> str:
    """Refuse what is not text: control characters (a file read as text has them) and lone surrogates.

    Raises:
        ValueError: such a character is in it, or nothing is left without spaces.
    """
    if any(ord(char) < 32 and char not in LINE_CONTROLS for char in value):
        raise ValueError("control characters are not text; send words")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("a lone surrogate is not a character")
    if not value.strip():
        raise ValueError("the text is empty")
    return value


Text = Annotated[str, AfterValidator(clean_text)]  # the record refuses what is too long, with a code of its own
ClientMessageId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Token = Annotated[str, Field(min_length=1, max_length=4096)]
ConversationRef = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Language = Literal["zh", "en"]


class OpenSession(RequestModel):
    """`POST session`: with both tokens, the visitor's open conversation becomes the user's."""

    widget: str = Field(min_length=1, max_length=64)
    visitor_token: Token | None = None
    user_jwt: Token | None = None
    language: Language | None = None


class SendMessage(RequestModel):
    """`POST messages`: what the customer says or chooses; `client_msg_id` makes a resend the same message."""

    client_msg_id: ClientMessageId
    type: Literal["text", "choice"] = "text"
    text: Text
    payload: str | None = Field(default=None, max_length=MAX_PAYLOAD_CHARS)
    language: Language | None = None
    conversation: ConversationRef | None = None

    @model_validator(mode="after")
    def _check_payload(self) -> Self:
        if (self.type == "choice") != (self.payload is not None):
            raise ValueError("payload belongs to type choice, and to no other")
        return self


class ReadEvents(RequestModel):
    """`GET events`: everything after a sequence number, waiting up to `wait` seconds for the first."""

    after: int = Field(default=0, ge=0, le=2**53)
    wait: float = Field(default=0, ge=0, le=MAX_WAIT_S)
    limit: int = Field(default=MAX_EVENTS, ge=1, le=MAX_EVENTS)
    conversation: ConversationRef | None = None


class AuthFrame(RequestModel):
    """The first frame of a socket, and again whenever the access token was renewed."""

    t: Literal["auth"]
    access_token: Token
    after: int = Field(default=0, ge=0, le=2**53)
    conversation: ConversationRef | None = None


class MessageFrame(SendMessage):
    """A message by socket."""

    t: Literal["msg"]


class TypingFrame(RequestModel):
    """The customer is writing, or has stopped."""

    t: Literal["typing"]
    on: bool = True


class ReadFrame(RequestModel):
    """The customer has seen everything up to `seq`."""

    t: Literal["read"]
    seq: int = Field(ge=0, le=2**53)


class PingFrame(RequestModel):
    """A sign of life; answered with pong."""

    t: Literal["ping"]


ClientFrame = AuthFrame | MessageFrame | TypingFrame | ReadFrame | PingFrame
_FRAMES: TypeAdapter[ClientFrame] = TypeAdapter(Annotated[ClientFrame, Field(discriminator="t")])


def parse_frame(frame: str | bytes | None) -> ClientFrame:
    """Parse one socket frame.

    Raises:
        InvalidInputError: binary, not JSON, or not a frame we know.
    """
    if not isinstance(frame, str):
        raise InvalidInputError("Binary frames are not understood; send JSON text.", code="invalid_frame")
    try:
        return _FRAMES.validate_json(frame)
    except ValidationError as error:
        if any(fault["type"] == "json_invalid" for fault in error.errors(include_input=False)):
            raise InvalidInputError("The frame is not valid JSON.", code="invalid_json") from error
        raise invalid("The frame", error) from error


def frame_client_id(frame: str | bytes | None) -> str | None:
    """Return the client_msg_id of a frame that could not be parsed whole, so that its error can name it."""
    try:
        document: Any = orjson.loads(frame or b"")
    except orjson.JSONDecodeError:
        return None
    value = document.get("client_msg_id") if isinstance(document, dict) else None
    return value if isinstance(value, str) and len(value) <= 64 else None
