"""Calls the action server over one kept-alive connection pool and checks its answers with a compiled schema."""

from __future__ import annotations

import copy
import json
from typing import Any

import aiohttp
import jsonschema
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain

from bot.errors import ActionError

_DOMAIN_KEYS = ("intents", "entities", "slots", "forms", "actions", "session_config")


class ActionRefusedError(Exception):
    """The action server says this action does not apply now."""

    def __init__(self, action_name: str, reason: str | None) -> None:
        super().__init__(f"Action {action_name} declined: {reason or 'no reason given'}")
        self.action_name = action_name
        self.reason = reason


class ActionEndpoint:
    """The action server. `kwargs` and `url` are what Rasa's own endpoint has and its code looks at."""

    def __init__(self, url: str, secret: str, *, timeout_s: float) -> None:
        self.url = url
        self.kwargs: dict[str, Any] = {}
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=2.0)
        self._session: aiohttp.ClientSession | None = None
        self._validator = _compiled_validator()
        self._extract: tuple[Domain, dict[str, Any]] | None = None

    async def request(self, json: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Post one action call and return the checked answer.

        Raises:
            ActionRefusedError: status 400, as rasa-sdk answers an ActionExecutionRejection.
            ActionError: no connection, no answer in time, another status, or an answer of the wrong shape.
        """
        name = json.get("next_action")
        try:
            async with self._open_session().post(self.url, data=_encode(json)) as answer:
                raw = await answer.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ActionError(f"Action {name} could not be called: {type(error).__name__}.") from error
        document = _decode(raw)
        if answer.status == 400 and isinstance(document, dict) and "action_name" in document:
            raise ActionRefusedError(document["action_name"], document.get("error"))
        if answer.status != 200:
            raise ActionError(f"Action {name} was answered with status {answer.status}.")
        self.check(name, document)
        return document

    def check(self, name: str | None, document: Any) -> None:
        """Raise ActionError unless the document is an action server's answer."""
        problem = jsonschema.exceptions.best_match(self._validator.iter_errors(document))
        if problem is not None:
            raise ActionError(f"Action {name} was answered with a wrong document: at {problem.json_path}.")

    def domain_extract(self, domain: Domain) -> dict[str, Any]:
        """Return what action code reads of the domain; the responses, by far the most of it, stay here."""
        if self._extract is None or self._extract[0] is not domain:
            document = domain.as_dict()
            self._extract = domain, {key: document[key] for key in _DOMAIN_KEYS if key in document}
        return self._extract[1]

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(limit=64, keepalive_timeout=60.0)
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=self._timeout, connector=connector)
        return self._session


def _compiled_validator() -> jsonschema.Draft7Validator:
    schema = copy.deepcopy(RemoteAction.action_response_format_spec())
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    return validator(schema)


def _encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _decode(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
