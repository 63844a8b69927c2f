"""Serves the assistant's custom actions to the engine, and to nobody else."""

from __future__ import annotations

import hmac

from pydantic import ValidationError
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionMissingDomainException, ActionNotFoundException
from sanic import Blueprint, HTTPResponse, Request

from core.access import own_auth
from core.errors import InvalidInputError, NotAllowedError
from core.http import json_response
from core.logs import get_logger

log = get_logger(__name__)


def action_routes(executor: ActionExecutor, secret: str) -> Blueprint:
    """Build the route that Rasa calls when it predicted a custom action.

    The answers are those that Rasa's `RemoteAction` knows: 200 with events and responses, 400 when an action
    declines to run, 404 for one that does not exist. An action's unexpected error is a 500 and is logged.
    """
    blueprint = Blueprint("actions", url_prefix="/actions")
    expected = f"Bearer {secret}".encode()

    @blueprint.post("/webhook")
    @own_auth("the engine's shared secret")
    async def run_action(request: Request) -> HTTPResponse:
        shown = request.headers.get("authorization", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(shown, expected):
            raise NotAllowedError("The engine's secret is missing or wrong.", code="unauthenticated")
        call = request.json
        if not isinstance(call, dict):
            raise InvalidInputError("The body is not an action call.", code="invalid_action_call")
        name = str(call.get("next_action"))
        try:
            result = await executor.run(call)
        except ActionExecutionRejection as error:
            return json_response({"error": str(error), "action_name": error.action_name}, status=400)
        except ActionNotFoundException as error:
            log.exception("action.unknown", action=name)
            return json_response({"error": str(error), "action_name": error.action_name}, status=404)
        except (ActionMissingDomainException, ValidationError) as error:
            raise InvalidInputError(f"Action {name!r} was called wrongly.", code="invalid_action_call") from error
        return json_response(result.model_dump() if result else None)

    return blueprint
