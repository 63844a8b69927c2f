"""Turns what a plain module refuses into the one error whose message Rasa shows: InvalidConfigException."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from rasa.shared.exceptions import InvalidConfigException

import text_encoder
from bot.nlu.encoders import shared_encoder
from bot.nlu.settings import SettingsError, read_settings

S = TypeVar("S")


def parse_settings(model: type[S], config: Mapping[str, Any], component: str) -> S:
    """Parse a component's block of config.yml.

    Raises:
        InvalidConfigException: an unknown key, or a value of the wrong type.
    """
    try:
        return read_settings(model, config, component)
    except SettingsError as error:
        raise InvalidConfigException(str(error)) from error


def component_encoder(profile: str, component: str) -> text_encoder.Encoder:
    """Load the encoder a component names.

    Raises:
        InvalidConfigException: its files are missing or altered.
    """
    try:
        return shared_encoder(profile)
    except text_encoder.EncoderError as error:
        raise InvalidConfigException(f"{component}: {error}") from error
