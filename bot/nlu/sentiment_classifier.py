"""Writes how the customer feels into Rasa's parse result, as `sentiment`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.block import component_encoder, parse_settings
from bot.nlu.message_vector import find_message_vector
from bot.nlu.sentiment import SentimentDataError, SentimentModel, SentimentReading, read_examples
from text_encoder import Encoder

_PAYLOAD_PREFIX = "/"
_NEUTRAL = SentimentReading("neutral", 0.0)
_BATCH = 64


@dataclass(frozen=True)
class SentimentSettings:
    """`examples` is a folder of CSV files with the columns text, label, lang."""

    examples: str = "data/sentiment"
    encoder: str = "use"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class SentimentClassifier(GraphComponent):
    """Learns from its own labelled texts, not from the intents' examples."""

    def __init__(
        self,
        settings: SentimentSettings,
        storage: ModelStorage,
        resource: Resource,
        encoder: Encoder,
        model: SentimentModel | None,
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._resource = resource
        self._encoder = encoder
        self._model = model

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentimentClassifier:
        """Build the untrained component from its block in config.yml."""
        settings = parse_settings(SentimentSettings, config, cls.__name__)
        return cls(settings, model_storage, resource, component_encoder(settings.encoder, cls.__name__), None)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **_: Any,
    ) -> SentimentClassifier:
        """Load the trained component; a model without it is broken and does not load."""
        settings = parse_settings(SentimentSettings, config, cls.__name__)
        encoder = component_encoder(settings.encoder, cls.__name__)
        with model_storage.read_from(resource) as folder:
            return cls(settings, model_storage, resource, encoder, SentimentModel.load(folder))

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Let Rasa's training cache notice changed examples."""
        folder = Path(config.get("examples", SentimentSettings.examples))
        digest = hashlib.sha256()
        for path in sorted(folder.glob("*.csv")):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the CSV files.

        Raises:
            InvalidConfigException: no file, or a line that is no example; names file and line.
        """
        files = sorted(Path(self._settings.examples).glob("*.csv"))
        if not files:
            raise InvalidConfigException(f"SentimentClassifier: {self._settings.examples} holds no CSV file.")
        try:
            texts, labels = read_examples(files)
        except SentimentDataError as error:
            raise InvalidConfigException(f"SentimentClassifier: {error}") from error
        batches = [self._encoder.encode(texts[begin : begin + _BATCH]) for begin in range(0, len(texts), _BATCH)]
        self._model = SentimentModel.fit(texts, labels, np.vstack(batches))
        with self._storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Set `sentiment` on each message; a button's payload is neutral."""
        for message in messages:
            reading = self._read(message)
            message.set("sentiment", {"label": reading.label, "score": reading.score}, add_to_output=True)
        return messages

    def _read(self, message: Message) -> SentimentReading:
        text = message.get(TEXT) or ""
        if self._model is None or not text.strip() or text.startswith(_PAYLOAD_PREFIX):
            return _NEUTRAL
        known = find_message_vector(message)
        vectors = known.values.reshape(1, -1) if known else self._encoder.encode([text])
        return self._model.read([text], vectors)[0]
