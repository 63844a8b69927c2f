"""Gives every component of a process the same sentence encoder."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import text_encoder

FOLDER_VARIABLE = "YITI_ENCODER_DIR"
DEFAULT_FOLDER = "var/encoders"


def encoder_folder() -> Path:
    """Return where the encoder's files are.

    An environment variable, because Rasa builds the components from config.yml alone and the place of files made on
    this machine is no part of what was trained.
    """
    return Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)


@lru_cache(maxsize=4)
def shared_encoder(profile: str) -> text_encoder.Encoder:
    """Load an encoder once for all components of this process.

    Raises:
        text_encoder.EncoderError: its files are missing or altered.
    """
    return text_encoder.load(profile, dir=encoder_folder())
