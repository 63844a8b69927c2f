"""Rasa tokenizer for Chinese, English and both in one message; no token crosses a labelled entity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.constants import ENTITIES, ENTITY_ATTRIBUTE_END, ENTITY_ATTRIBUTE_START
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.block import parse_settings
from bot.nlu.tokens import split_tokens


@dataclass(frozen=True)
class MixedScriptTokenizerSettings:
    """The keys of Rasa's own tokenizers that make sense here."""

    intent_tokenization_flag: bool = False
    intent_split_symbol: str = "_"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class MixedScriptTokenizer(Tokenizer):
    """Each Han character, run of letters and run of digits is a token."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return the keys Rasa's base class asks for."""
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_"}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MixedScriptTokenizer:
        """Build the component from its block in config.yml."""
        parse_settings(MixedScriptTokenizerSettings, config, cls.__name__)
        return cls(config)

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """Split one attribute of a message."""
        text: str = message.get(attribute)
        labels = message.get(ENTITIES, []) or []
        cuts = {
            label[edge] for label in labels for edge in (ENTITY_ATTRIBUTE_START, ENTITY_ATTRIBUTE_END) if edge in label
        }
        return [Token(text[start:end], start) for start, end in split_tokens(text, cuts)]
