"""Puts found entities on a Rasa message, where nothing was found before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.identifiers import FoundEntity


def add_entities(message: Message, found: Iterable[FoundEntity], extractor: EntityExtractorMixin) -> None:
    """Append entities to a message; what an earlier component found in the same place stays instead."""
    present = message.get(ENTITIES, []) or []
    taken = [(entity["start"], entity["end"]) for entity in present]
    fresh = [
        asdict(entity) for entity in found if not any(entity.start < end and start < entity.end for start, end in taken)
    ]
    message.set(ENTITIES, present + extractor.add_extractor_name(fresh), add_to_output=True)
