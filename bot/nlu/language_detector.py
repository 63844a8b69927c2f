"""Writes the language of each message into Rasa's parse result, as `language`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.block import parse_settings
from bot.nlu.language import read_language


@dataclass(frozen=True)
class LanguageDetectorSettings:
    """The component has no keys."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class LanguageDetector(GraphComponent):
    """Reads zh, en, mixed or other from the script of a message."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LanguageDetector:
        """Build the component from its block in config.yml."""
        parse_settings(LanguageDetectorSettings, config, cls.__name__)
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Set `language` on each message."""
        for message in messages:
            message.set("language", read_language(message.get(TEXT) or "").label, add_to_output=True)
        return messages
