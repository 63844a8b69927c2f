"""Tokens of the web channel: ours for visitors and access, the shop's for its signed-in users.

Every algorithm is fixed by us or by the key; a token's own header never chooses it. Source: RFC 8725 sections
3.1, 3.2, 3.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
from jwt.types import Options

from channels.web.widgets import Widget
from conversations.inbound import Sender
from core.clock import Clock
from core.errors import ConfigError, NotAllowedError
from core.ids import new_id

ALGORITHM = "HS256"
ISSUER = "yiti"
VISITOR_TOKEN_S = 180 * 24 * 3600
ACCESS_TOKEN_S = 15 * 60
USER_TOKEN_MAX_S = 3600
CLOCK_SKEW_S = 60
MIN_KEY_BYTES = 32
MAX_TOKEN_CHARS = 4096
MAX_SUBJECT_CHARS = 128
MAX_CLAIM_CHARS = 200
USER_CLAIMS = ("name", "email", "phone_number", "locale")

_UNCHECKED: Options = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}  # our clock checks times below


@dataclass(frozen=True, slots=True)
class User:
    """A person the shop vouches for."""

    id: str
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who holds an access token: a browser, and the user signed in there, if any."""

    widget_id: str
    id: str
    user: User | None = None
    expires_at_s: float = 0.0

    @property
    def conversation_key(self) -> str:
        """The key of this caller's one conversation; the user's once signed in."""
        return f"user:{self.user.id}" if self.user else self.anonymous_key

    @property
    def anonymous_key(self) -> str:
        """The key of what this browser says while nobody is signed in."""
        return f"visitor:{self.id}"


def sender_of(visitor: Visitor) -> Sender:
    """Return the address the record knows this caller by."""
    if visitor.user is not None:
        return Sender("user", visitor.user.id, dict(visitor.user.claims))
    return Sender("visitor", visitor.id)


class WebTokens:
    """Signs and reads the installation's own visitor and access tokens."""

    def __init__(self, key: bytes, clock: Clock, *, access_token_s: int = ACCESS_TOKEN_S) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise ConfigError(
                f"The web channel's signing key has {len(key)} bytes; it needs {MIN_KEY_BYTES}.",
                code="weak_key",
            )
        self._key = key
        self.access_token_s = access_token_s
        self._clock = clock

    def new_visitor_id(self) -> str:
        """Return an id for a browser never seen before."""
        return new_id()

    def issue_visitor(self, widget_id: str, visitor_id: str) -> str:
        """Sign the long token by which a browser is known again for 180 days from now."""
        return self._sign("visitor", widget_id, visitor_id, VISITOR_TOKEN_S)

    def read_visitor(self, widget_id: str, token: str) -> str:
        """Return the visitor's id.

        Raises:
            NotAllowedError: not ours, of another widget (code bad_token), or too old (token_expired).
        """
        return str(self._read("visitor", token, widget_id)["sub"])

    def issue_access(self, visitor: Visitor) -> str:
        """Sign the short token that messages and events are asked with; it lasts 15 minutes."""
        extra: dict[str, Any] = {}
        if visitor.user is not None:
            extra = {"user": visitor.user.id, "claims": dict(visitor.user.claims)}
        return self._sign("access", visitor.widget_id, visitor.id, self.access_token_s, **extra)

    def read_access(self, token: str) -> Visitor:
        """Return who holds this access token.

        Raises:
            NotAllowedError: not ours (code bad_token) or too old (token_expired).
        """
        payload = self._read("access", token, None)
        user = User(payload["user"], payload.get("claims", {})) if "user" in payload else None
        return Visitor(widget_id=payload["aud"], id=payload["sub"], user=user, expires_at_s=float(payload["exp"]))

    def _sign(self, use: Literal["visitor", "access"], widget_id: str, subject: str, ttl_s: int, **extra: Any) -> str:
        now_s = int(self._clock.now().timestamp())
        payload = {
            "iss": ISSUER,
            "use": use,
            "aud": widget_id,
            "sub": subject,
            "iat": now_s,
            "exp": now_s + ttl_s,
        }
        return jwt.encode(payload | extra, self._key, algorithm=ALGORITHM)

    def _read(self, use: Literal["visitor", "access"], token: str, widget_id: str | None) -> dict[str, Any]:
        try:
            payload: dict[str, Any] = jwt.decode(
                _bounded(token),
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=widget_id,
                options={
                    **_UNCHECKED,
                    "require": ["exp", "iat", "sub", "aud"],
                    "verify_aud": widget_id is not None,
                },
            )
        except jwt.PyJWTError as error:
            raise _bad_token(use) from error
        if payload.get("use") != use:
            raise _bad_token(use)
        if payload["exp"] <= self._clock.now().timestamp():
            raise NotAllowedError(
                f"This {use} token has expired; open a session for a new one.", code="token_expired", which=use
            )
        return payload


class UserTokens:
    """Reads the tokens by which a shop's own server says who is signed in."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def read(self, widget: Widget, token: str) -> User:
        """Return the user this token names.

        Raises:
            NotAllowedError: unknown key id, wrong algorithm or signature, other audience, a claim missing, a
                life over one hour (code bad_token), or too old (token_expired).
        """
        try:
            header = jwt.get_unverified_header(_bounded(token))
            key = widget.find_user_key(str(header.get("kid", "")))
            if key is None:
                raise _bad_token("user")
            payload = jwt.decode(
                token,
                key.key.get_secret_value(),
                algorithms=[key.algorithm],
                audience=widget.id,
                options={**_UNCHECKED, "require": ["sub", "aud", "iat", "exp"]},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise _bad_token("user") from error
        self._check_times(payload)
        subject = payload["sub"]
        if not 1 <= len(subject) <= MAX_SUBJECT_CHARS or not subject.isprintable():
            raise _bad_token("user")
        return User(subject, _claims(payload))

    def _check_times(self, payload: Mapping[str, Any]) -> None:
        now_s = self._clock.now().timestamp()
        issued_s, expires_s = _seconds(payload["iat"]), _seconds(payload["exp"])
        not_before_s = _seconds(payload.get("nbf", issued_s))
        if expires_s - issued_s > USER_TOKEN_MAX_S:
            raise NotAllowedError(
                "A user token may last one hour at most; shorten exp - iat.", code="bad_token", which="user"
            )
        if max(issued_s, not_before_s) > now_s + CLOCK_SKEW_S:
            raise NotAllowedError(
                "This user token is not valid yet; check the signing server's clock.", code="bad_token", which="user"
            )
        if expires_s <= now_s - CLOCK_SKEW_S:
            raise NotAllowedError(
                "This user token has expired; ask your site for a new one.", code="token_expired", which="user"
            )


def _claims(payload: Mapping[str, Any]) -> dict[str, str]:
    chosen = {name: payload.get(name) for name in USER_CLAIMS}
    return {
        name: value.strip()[:MAX_CLAIM_CHARS]
        for name, value in chosen.items()
        if isinstance(value, str) and value.strip() and value.isprintable()
    }


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad_token("user")
    return float(value)


def _bounded(token: str) -> str:
    if len(token) > MAX_TOKEN_CHARS or not token.isascii():
        raise jwt.DecodeError("too long, or not of a token's characters")
    return token


def _bad_token(use: str) -> NotAllowedError:
    return NotAllowedError(f"This is not a valid {use} token for this widget.", code="bad_token", which=use)
