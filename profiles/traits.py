"""Traits: what we know of a customer, each with where it came from and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.errors import InvalidInputError

LONGEST_TRAIT = 500
KNOWN_TRAITS = frozenset({"name", "language", "tier"})


class TraitSource(StrEnum):
    """Who said so; from the most to the least trusted."""

    AGENT = "agent"
    SHOP = "shop"
    TOKEN = "token"  # noqa: S105 - a source's name: the shop's signed statement about its visitor
    CUSTOMER = "customer"

    @property
    def rank(self) -> int:
        """Return the order of trust; the lower number is trusted more."""
        return list(TraitSource).index(self)


@dataclass(frozen=True)
class Trait:
    """One fact about a customer."""

    name: str
    value: str
    source: TraitSource
    at: datetime

    def replaces(self, known: Trait | None) -> bool:
        """Tell whether this fact counts instead of the known one.

        A more trusted source wins; of equally trusted ones the newer. An equal value changes nothing.
        """
        if known is None:
            return True
        if self.value == known.value and self.source.rank >= known.source.rank:
            return False
        if self.source is not known.source:
            return self.source.rank < known.source.rank
        return self.at >= known.at

    def as_stored(self) -> dict[str, str]:
        """Return the form the customer's row keeps under the trait's name."""
        return {"value": self.value, "source": self.source.value, "at": self.at.isoformat()}


def trait(name: str, value: str, source: TraitSource, at: datetime) -> Trait:
    """Make a trait of a cleaned value.

    Raises:
        InvalidInputError: code `bad_trait`; the value is empty, too long or holds control characters.
    """
    cleaned = " ".join(value.split())
    if not 1 <= len(cleaned) <= LONGEST_TRAIT or not cleaned.isprintable():
        raise InvalidInputError(
            f"The trait {name!r} needs 1 to {LONGEST_TRAIT} printable characters; this has {len(cleaned)}.",
            code="bad_trait",
            trait=name,
        )
    return Trait(name, cleaned, source, at)


def merge_traits(
    stored: Mapping[str, Mapping[str, Any]], new: list[Trait]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the traits after the new facts, in stored form, and the names of those that changed."""
    merged = {name: dict(value) for name, value in stored.items()}
    changed = []
    for fact in new:
        if fact.replaces(stored_trait(fact.name, merged.get(fact.name))):
            merged[fact.name] = fact.as_stored()
            changed.append(fact.name)
    return merged, changed


def stored_trait(name: str, stored: Mapping[str, Any] | None) -> Trait | None:
    """Read a trait back from the form the row keeps."""
    if stored is None:
        return None
    return Trait(name, stored["value"], TraitSource(stored["source"]), datetime.fromisoformat(stored["at"]))
