"""Errors as answers: every failure of a request becomes `application/problem+json`.

Source: RFC 9457, Problem Details for HTTP APIs.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

import orjson
from sanic import HTTPResponse, Request, Sanic, raw
from sanic.exceptions import PayloadTooLarge, SanicException

from core.errors import (
    ConflictError,
    EngineError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    ProviderError,
    TooManyRequestsError,
    YitiError,
)
from core.logs import get_logger

log = get_logger(__name__)

INVALID_STATUS = {
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too_long": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "invalid_fields": HTTPStatus.UNPROCESSABLE_ENTITY,
}


def status_of(error: YitiError) -> HTTPStatus:
    """Return the HTTP status that fits an expected failure."""
    match error:
        case InvalidInputError():
            return INVALID_STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
        case NotAllowedError():
            unproven = error.code in NotAllowedError.UNPROVEN
            return HTTPStatus.UNAUTHORIZED if unproven else HTTPStatus.FORBIDDEN
        case NotFoundError():
            return HTTPStatus.NOT_FOUND
        case ConflictError():
            return HTTPStatus.CONFLICT
        case TooManyRequestsError():
            return HTTPStatus.TOO_MANY_REQUESTS
        case ProviderError():
            return HTTPStatus.BAD_GATEWAY
        case EngineError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(status: HTTPStatus, code: str, detail: str, **more: Any) -> HTTPResponse:
    """Build one problem answer."""
    document = {
        "type": f"urn:yiti:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": detail,
        **more,
    }
    return raw(orjson.dumps(document, default=str), status=status.value, content_type="application/problem+json")


def answer_with_problems(app: Sanic[Any, Any]) -> None:
    """Make the app answer every failure with a problem; what is nobody's expectation is logged whole."""

    @app.exception(YitiError)
    async def expected(_request: Request, error: YitiError) -> HTTPResponse:
        details = {"details": error.details} if error.details else {}
        response = problem(status_of(error), error.code, error.message, **details)
        if isinstance(error, TooManyRequestsError):
            response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
        return response

    @app.exception(SanicException)
    async def refused(_request: Request, error: SanicException) -> HTTPResponse:
        status = HTTPStatus(error.status_code or 500)
        code = "too_large" if isinstance(error, PayloadTooLarge) else status.name.lower()
        return problem(status, code, f"{status.phrase}.")

    @app.exception(Exception)
    async def unexpected(request: Request, error: Exception) -> HTTPResponse:
        log.error("http.unexpected", path=request.path, request_id=str(request.id), exc_info=error)
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side; it has been logged.",
            request_id=str(request.id),
        )
