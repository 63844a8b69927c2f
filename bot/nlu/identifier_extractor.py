"""Adds order numbers and last four phone digits to the entities of each message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.block import parse_settings
from bot.nlu.found_entities import add_entities
from bot.nlu.identifiers import FoundEntity, find_order_numbers, find_phone_last4

_FINDERS: dict[str, Callable[[str], list[FoundEntity]]] = {
    "order_number": find_order_numbers,
    "phone_last4": find_phone_last4,
}


@dataclass(frozen=True)
class IdentifierSettings:
    """`entities` names what is looked for."""

    entities: tuple[str, ...] = tuple(_FINDERS)

    def __post_init__(self) -> None:
        unknown = set(self.entities) - set(_FINDERS)
        if unknown:
            raise ValueError(f"entities names {sorted(unknown)}; known are {', '.join(_FINDERS)}.")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class IdentifierExtractor(GraphComponent, EntityExtractorMixin):
    """Finds what is recognised by its form alone."""

    def __init__(self, settings: IdentifierSettings) -> None:
        self._finders = [_FINDERS[entity] for entity in settings.entities]

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> IdentifierExtractor:
        """Build the component from its block in config.yml."""
        return cls(parse_settings(IdentifierSettings, config, cls.__name__))

    def process(self, messages: list[Message]) -> list[Message]:
        """Append what was found; `start` and `end` are character offsets."""
        for message in messages:
            text = message.get(TEXT) or ""
            add_entities(message, [entity for find in self._finders for entity in find(text)], self)
        return messages
