"""The thin edge of a route: typed bodies and queries in, JSON out."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from sanic import HTTPResponse, Request, raw

from core.access import Principal
from core.errors import InvalidInputError, NotAllowedError

AsyncHandler = Callable[..., Awaitable[Any]]
Model = TypeVar("Model", bound=BaseModel)
MAX_REPORTED_FIELDS = 10


class RequestModel(BaseModel):
    """Base of every request body and query; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


def body(model: type[BaseModel]) -> Callable[[AsyncHandler], AsyncHandler]:
    """Parse the JSON body into `model` and pass it as the keyword `body`.

    Raises:
        InvalidInputError: not JSON, or not of this shape; `details["fields"]` names each field and its fault.
    """

    def wrap(handler: AsyncHandler) -> AsyncHandler:
        @functools.wraps(handler)
        async def with_body(request: Request, *args: Any, **kwargs: Any) -> Any:
            return await handler(request, *args, body=parse_json(request, model), **kwargs)

        return with_body

    return wrap


def query(model: type[BaseModel]) -> Callable[[AsyncHandler], AsyncHandler]:
    """Parse the query string into `model` and pass it as the keyword `query`; a repeated key is refused."""

    def wrap(handler: AsyncHandler) -> AsyncHandler:
        @functools.wraps(handler)
        async def with_query(request: Request, *args: Any, **kwargs: Any) -> Any:
            values: dict[str, str] = {}
            for key, value in request.query_args:
                if key in values:
                    raise InvalidInputError(f"The query parameter {key!r} is given twice.", code="repeated_parameter")
                values[key] = value
            try:
                parsed = model.model_validate(values)
            except ValidationError as error:
                raise invalid("The query string", error) from error
            return await handler(request, *args, query=parsed, **kwargs)

        return with_query

    return wrap


def parse_json(request: Request, model: type[Model]) -> Model:
    """Parse a request's JSON body into `model`."""
    content_type = (request.headers.get("content-type") or "").split(";")[0].strip().lower()
    if content_type != "application/json":
        raise InvalidInputError(
            f"The content type is {content_type or 'missing'!r}; send application/json.",
            code="unsupported_media_type",
        )
    try:
        document = orjson.loads(request.body or b"")
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"The body is not valid JSON: {error}.", code="invalid_json") from error
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise invalid("The body", error) from error


def invalid(what: str, error: ValidationError) -> InvalidInputError:
    """Translate pydantic's error into ours, naming fields but repeating no value."""
    fields = [
        {"field": ".".join(str(part) for part in fault["loc"]) or "(whole)", "problem": fault["msg"]}
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ][:MAX_REPORTED_FIELDS]
    listed = "; ".join(f"{fault['field']}: {fault['problem']}" for fault in fields)
    return InvalidInputError(f"{what} is not of the expected shape: {listed}.", code="invalid_fields", fields=fields)


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    """Answer with JSON; moments become ISO 8601 in UTC, pydantic models and dataclasses become objects."""
    content = orjson.dumps(value, default=_encode, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)
    return raw(content, status=status, headers=headers, content_type="application/json")


def _encode(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def address_of(request: Request) -> str:
    """Return where the request comes from, as limits count it: IPv6 by its /64 network."""
    given = request.remote_addr or request.ip or ""
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return given
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def principal_of(request: Request) -> Principal:
    """Return the signed-in person; only for routes whose mark asks for one."""
    principal: Principal | None = getattr(request.ctx, "principal", None)
    if principal is None:
        raise NotAllowedError("Sign in first.", code="unauthenticated")
    return principal
