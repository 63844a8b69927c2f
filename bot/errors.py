"""The engine's own failures; each carries the code that the gateway answers with."""

from __future__ import annotations


class EngineError(Exception):
    """The engine could not do what it was asked; `code` and `status` are what the caller gets."""

    code = "turn_failed"
    status = 500


class TurnError(EngineError):
    """A turn ended in an error; nothing of it is stored."""


class ActionError(EngineError):
    """A custom action could not be run, or its answer is not one of an action server."""

    code = "action_failed"
    status = 502


class BadRequestError(EngineError):
    """The body of a request is not what the gateway takes."""

    code = "bad_request"
    status = 400


class UnauthorizedError(EngineError):
    """The request does not carry the engine's secret."""

    code = "unauthorized"
    status = 401


class NotReadyError(EngineError):
    """No model is loaded yet, or none could be."""

    code = "not_ready"
    status = 503


class ModelError(EngineError):
    """A model file is missing, not signed by our own training, or altered since."""

    code = "model_refused"
