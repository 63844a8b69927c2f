"""The families of expected failures; each carries a stable code and facts."""

from __future__ import annotations

from typing import ClassVar


class YitiError(Exception):
    """An expected failure, named for whoever must act on it.

    `str(error)` says what was wrong, with which value, and what is right. `code` is stable and meant for
    programs; `details` are facts that may be shown to the caller. Neither holds a secret or a customer's text.
    """

    default_code: ClassVar[str] = "error"

    def __init__(self, message: str, *, code: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details: dict[str, object] = details


class ConfigError(YitiError):
    """The operator's configuration is wrong; start-up stops."""

    default_code = "bad_configuration"


class InvalidInputError(YitiError):
    """The caller sent something that cannot be used."""

    default_code = "invalid_input"


class NotAllowedError(YitiError):
    """The caller may not do this, or has not proved who they are.

    The codes in `UNPROVEN` mean "sign in (again)"; every other code means "known, but not allowed".
    """

    default_code = "not_allowed"
    UNPROVEN: ClassVar[frozenset[str]] = frozenset(
        {
            "unauthenticated",
            "bad_credentials",
            "session_expired",
            "token_expired",
            "bad_token",
            "identity_required",
        }
    )


class NotFoundError(YitiError):
    """Nothing has this id, or the caller must not learn that something has."""

    default_code = "not_found"


class ConflictError(YitiError):
    """The request was overtaken by somebody else's."""

    default_code = "conflict"


class TooManyRequestsError(YitiError):
    """The caller is over a limit; `retry_after_s` says when to come back."""

    default_code = "too_many_requests"

    def __init__(self, message: str, *, retry_after_s: float, code: str | None = None, **details: object) -> None:
        super().__init__(message, code=code, **details)
        self.retry_after_s = retry_after_s


class ProviderError(YitiError):
    """Another company's system failed; `retry_after_s` is None when trying again cannot help."""

    default_code = "provider_failed"

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, code: str | None = None, **details: object
    ) -> None:
        super().__init__(message, code=code, **details)
        self.retry_after_s = retry_after_s


class EngineError(YitiError):
    """The Rasa engine gave no usable answer."""

    default_code = "engine_failed"
