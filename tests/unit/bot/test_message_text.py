"""Folding keeps the way back to what the customer wrote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.message_text import MODEL_TEXT_CAP, clean, fold, for_models


def test_full_width_folds_and_spans_lead_back() -> None:
    folded = fold("单号ＡＢ－１２")

    start = folded.text.index("ab-12")
    assert folded.original_span(start, start + 5) == (2, 7)


def test_one_character_that_folds_to_many_spans_itself() -> None:
    folded = fold("㎏!")

    assert folded.text == "kg!"
    assert folded.original_span(0, 2) == (0, 1)
    assert folded.original_span(1, 2) == (0, 1)


@given(st.text(st.characters(), max_size=60))
def test_any_text_folds_to_one_origin_per_character(text: str) -> None:
    folded = fold(text)

    assert len(folded.origins) == len(folded.text) + 1
    assert list(folded.origins) == sorted(folded.origins)
    assert folded.origins[-1] == len(text)


def test_clean_keeps_length_and_drops_what_cannot_be_stored() -> None:
    assert clean("a\ud800b\x00c") == "a\ufffdb c"


def test_for_models_caps_and_squeezes() -> None:
    assert for_models("  Ａ  b\n") == "a b"
    assert len(for_models("长" * 4000)) == MODEL_TEXT_CAP
