"""Gives each message its weighted character n-grams as a sparse feature."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.sparse_featurizer.sparse_featurizer import SparseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.block import parse_settings
from bot.nlu.char_ngrams import CharNgrams

_FILE = "ngrams.json"


@dataclass(frozen=True)
class CharNgramSettings:
    """`least_texts` drops rare n-grams; `scale` is the length of a row as a feature."""

    shortest: int = 1
    longest: int = 4
    least_texts: int = 2
    most: int = 40_000
    scale: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.longest:
            raise ValueError(f"shortest is {self.shortest} and longest {self.longest}; 1 <= shortest <= longest.")
        if self.least_texts < 1 or self.most < 1 or self.scale <= 0:
            raise ValueError("least_texts, most and scale must be above 0.")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class CharNgramFeaturizer(SparseFeaturizer, GraphComponent):
    """Learns the n-grams of the training texts."""

    @classmethod
    def required_components(cls) -> list[type]:
        """Need no tokens, but Rasa's classifiers expect a tokenizer before a featurizer."""
        return [Tokenizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return no defaults; the settings class has them."""
        return {}

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Check the block of config.yml."""
        parse_settings(CharNgramSettings, config, cls.__name__)

    def __init__(
        self,
        settings: CharNgramSettings,
        storage: ModelStorage,
        resource: Resource,
        name: str,
        ngrams: CharNgrams | None,
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._resource = resource
        self._identifier = name
        self._ngrams = ngrams

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> CharNgramFeaturizer:
        """Build the untrained component from its block in config.yml."""
        settings = parse_settings(CharNgramSettings, config, cls.__name__)
        return cls(settings, model_storage, resource, execution_context.node_name, None)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **_: Any,
    ) -> CharNgramFeaturizer:
        """Load the trained component; a model without it is broken and does not load."""
        settings = parse_settings(CharNgramSettings, config, cls.__name__)
        with model_storage.read_from(resource) as folder:
            ngrams = CharNgrams.from_document(json.loads((folder / _FILE).read_text(encoding="utf-8")))
        return cls(settings, model_storage, resource, execution_context.node_name, ngrams)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn the n-grams."""
        settings = self._settings
        texts = [example.get(TEXT) for example in training_data.training_examples if example.get(TEXT)]
        self._ngrams = CharNgrams.fit(
            texts,
            shortest=settings.shortest,
            longest=settings.longest,
            least_texts=settings.least_texts,
            most=settings.most,
        )
        with self._storage.write_to(self._resource) as folder:
            (folder / _FILE).write_text(json.dumps(self._ngrams.to_document()), encoding="utf-8")
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Add the feature to every training example with a text."""
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the feature to each message with a text."""
        if self._ngrams is None:
            raise RuntimeError("The n-grams are used before they were learned.")
        spoken = [message for message in messages if message.get(TEXT)]
        rows = self._ngrams.transform([message.get(TEXT) for message in spoken]) * self._settings.scale
        for number, message in enumerate(spoken):
            message.add_features(Features(rows[number], FEATURE_TYPE_SENTENCE, TEXT, self._identifier))
        return messages
