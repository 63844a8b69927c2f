"""Finds the words that the training data labels with an entity or lists in a lookup table."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.block import parse_settings
from bot.nlu.found_entities import add_entities
from bot.nlu.keywords import KeywordFinder

_FILE = "words.json"


@dataclass(frozen=True)
class KeywordSettings:
    """`entities` names the entities whose words are learned."""

    entities: tuple[str, ...] = ("product",)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class KeywordExtractor(GraphComponent, EntityExtractorMixin):
    """A gazetteer made of labels and lookup tables; the synonym mapper after it gives the words their values."""

    def __init__(
        self, settings: KeywordSettings, storage: ModelStorage, resource: Resource, finder: KeywordFinder
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._resource = resource
        self._finder = finder

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> KeywordExtractor:
        """Build the untrained component from its block in config.yml."""
        return cls(parse_settings(KeywordSettings, config, cls.__name__), model_storage, resource, KeywordFinder({}))

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **_: Any,
    ) -> KeywordExtractor:
        """Load the trained component; a model without it is broken and does not load."""
        with model_storage.read_from(resource) as folder:
            words = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        settings = parse_settings(KeywordSettings, config, cls.__name__)
        return cls(settings, model_storage, resource, KeywordFinder(words))

    def train(self, training_data: TrainingData) -> Resource:
        """Collect the words of labels and lookup tables."""
        words: dict[str, set[str]] = defaultdict(set)
        for example in training_data.entity_examples:
            for label in example.get(ENTITIES, []):
                words[label["entity"]].add(example.get(TEXT)[label["start"] : label["end"]])
        for table in training_data.lookup_tables:
            if isinstance(table["elements"], list):
                words[table["name"]].update(table["elements"])
        self._finder = KeywordFinder({entity: words[entity] for entity in self._settings.entities})
        with self._storage.write_to(self._resource) as folder:
            (folder / _FILE).write_text(json.dumps(self._finder.words, ensure_ascii=False), encoding="utf-8")
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Append what was found; `start` and `end` are character offsets."""
        for message in messages:
            add_entities(message, self._finder.find(message.get(TEXT) or ""), self)
        return messages
