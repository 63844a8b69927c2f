"""Imports every module that defines tables, so that their metadata is complete."""

from __future__ import annotations

import importlib

MODEL_MODULES = (
    "core.audit",
    "conversations.models",
    "handoff.models",
    "profiles.models",
    "server.access.models",
)


def import_all_models() -> None:
    """Import the tables of all packages."""
    for module in MODEL_MODULES:
        importlib.import_module(module)
