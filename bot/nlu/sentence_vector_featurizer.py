"""Gives each message the vector of its sentence, as a dense feature and for use after the parse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.block import component_encoder, parse_settings
from bot.nlu.message_vector import MessageVector, set_message_vector
from text_encoder import Encoder

_BATCH = 64


@dataclass(frozen=True)
class SentenceVectorSettings:
    """`scale` is the length of a vector as a feature: the longer, the more the classifier trusts it."""

    encoder: str = "use"
    scale: float = 6.0

    def __post_init__(self) -> None:
        if self.scale <= 0:
            raise ValueError(f"scale is {self.scale}; it must be above 0.")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceVectorFeaturizer(DenseFeaturizer, GraphComponent):
    """Encodes the text of messages; training texts in batches."""

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
        parse_settings(SentenceVectorSettings, config, cls.__name__)

    def __init__(self, settings: SentenceVectorSettings, encoder: Encoder, name: str) -> None:
        self._settings = settings
        self._encoder = encoder
        self._identifier = name

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceVectorFeaturizer:
        """Build the component from its block in config.yml."""
        settings = parse_settings(SentenceVectorSettings, config, cls.__name__)
        encoder = component_encoder(settings.encoder, cls.__name__)
        if encoder.dimension <= 0:
            raise InvalidConfigException(f"Encoder {settings.encoder!r} gives no vectors.")
        return cls(settings, encoder, execution_context.node_name)

    def process(self, messages: list[Message]) -> list[Message]:
        """Set the vector of each message, as a feature and by `message_vector`."""
        self._featurize(messages)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Add the feature to every training example with a text."""
        examples = training_data.training_examples
        for begin in range(0, len(examples), _BATCH):
            self._featurize(examples[begin : begin + _BATCH], keep=False)
        return training_data

    def _featurize(self, messages: Sequence[Message], *, keep: bool = True) -> None:
        spoken = [message for message in messages if message.get(TEXT)]
        vectors = self._encoder.encode([message.get(TEXT) for message in spoken]) if spoken else []
        for message, vector in zip(spoken, vectors, strict=True):
            scaled = (vector * self._settings.scale).astype(np.float32).reshape(1, -1)
            message.add_features(Features(scaled, FEATURE_TYPE_SENTENCE, TEXT, self._identifier))
            if keep:
                set_message_vector(message, MessageVector(self._encoder.name, vector))
