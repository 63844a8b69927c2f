from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import InvalidInputError
from profiles.traits import Trait, TraitSource, merge_traits, stored_trait, trait

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def tier(value: str, source: TraitSource, at: datetime = NOW) -> Trait:
    return trait("tier", value, source, at)


@pytest.mark.parametrize(
    ("known", "new", "kept"),
    [
        (tier("gold", TraitSource.SHOP), tier("vip", TraitSource.CUSTOMER, LATER), "gold"),
        (tier("gold", TraitSource.CUSTOMER, LATER), tier("vip", TraitSource.SHOP, NOW), "vip"),
        (tier("gold", TraitSource.SHOP, NOW), tier("vip", TraitSource.SHOP, LATER), "vip"),
        (tier("gold", TraitSource.SHOP, LATER), tier("vip", TraitSource.SHOP, NOW), "gold"),
        (tier("gold", TraitSource.SHOP), tier("vip", TraitSource.AGENT), "vip"),
    ],
)
def test_the_more_trusted_and_then_the_newer_fact_counts(known: Trait, new: Trait, kept: str) -> None:
    merged, changed = merge_traits({"tier": known.as_stored()}, [new])

    assert merged["tier"]["value"] == kept
    assert changed == (["tier"] if kept == new.value else [])


def test_the_same_value_again_changes_nothing() -> None:
    stored = {"tier": tier("gold", TraitSource.SHOP).as_stored()}

    assert merge_traits(stored, [tier("gold", TraitSource.SHOP, LATER)]) == (stored, [])


def test_a_trait_is_read_back_as_it_was() -> None:
    fact = trait("name", "  王   伟 ", TraitSource.SHOP, NOW)

    assert fact.value == "王 伟"
    assert stored_trait("name", fact.as_stored()) == fact


@pytest.mark.parametrize("value", ["", "  ", "x" * 501, "a\x1bb"])
def test_a_value_that_cannot_be_shown_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError, match="'name' needs 1 to 500 printable characters"):
        trait("name", value, TraitSource.CUSTOMER, NOW)
