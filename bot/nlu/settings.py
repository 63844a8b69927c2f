"""Parses a component's block of config.yml into a typed value and refuses what it does not know."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

S = TypeVar("S")


class SettingsError(ValueError):
    """A block of config.yml has an unknown key or a value of the wrong type."""


def read_settings(model: type[S], config: Mapping[str, Any], component: str) -> S:
    """Build `model`, a dataclass whose every field has a default, from one block of config.yml.

    A list in the file becomes a tuple of strings; a whole number is good for a float.

    Raises:
        SettingsError: names the component, the key, and what is right.
    """
    known = {field.name: _default_of(field) for field in dataclasses.fields(model)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in config.items():
        if key not in known:
            raise SettingsError(f"{component} has no key {key!r} in config.yml; it knows: {', '.join(sorted(known))}.")
        values[key] = _checked(value, known[key], f"{component}.{key}")
    try:
        return model(**values)
    except ValueError as error:
        raise SettingsError(f"{component}: {error}") from error


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise TypeError(f"Settings field {field.name!r} needs a default.")


def _checked(value: Any, default: Any, where: str) -> Any:
    if isinstance(default, tuple):
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise SettingsError(f"{where} is {value!r} in config.yml; it must be a list of texts.")
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise SettingsError(f"{where} is {value!r} in config.yml; it must be of type {type(default).__name__}.")
    return value
