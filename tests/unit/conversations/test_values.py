"""Messages, understandings and rows in their stored and wire forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.inbound import InboundType, Sender, check_text
from conversations.messages import Choice, Content, MessageKind
from conversations.protocols import Intent, Sentiment, Understanding
from core.errors import InvalidInputError
from tests.unit.conversations.fakes import inbound

texts = st.text(max_size=30)
contents = st.builds(
    Content,
    text=texts,
    kind=st.sampled_from(MessageKind),
    choices=st.lists(st.builds(Choice, texts, texts), max_size=3).map(tuple),
    source=st.none() | st.dictionaries(texts, texts),
    quote=st.none() | texts,
    card=st.none() | st.dictionaries(texts, texts),
)


@given(contents)
def test_a_content_is_read_back_as_it_was_written(content: Content) -> None:
    assert Content.from_data(content.as_data()) == content


def test_an_understanding_is_read_back_without_the_text_and_with_three_readings() -> None:
    ranking = tuple(Intent(name, 0.2) for name in "abcd")
    understood = Understanding(
        "我很生气", Intent("a", 0.2), ranking, sentiment=Sentiment("negative", -0.9), language="zh"
    )

    read = Understanding.from_data(understood.as_data())

    assert read == Understanding("", Intent("a", 0.2), ranking[:3], (), Sentiment("negative", -0.9), "zh")


def test_an_understanding_without_anything_is_one_too() -> None:
    assert Understanding.from_data({"intent": {"name": None, "confidence": 0.0}, "ranking": [{"name": None}]}) == (
        Understanding()
    )


@pytest.mark.parametrize("length", [4_000, 4_001])
def test_characters_are_counted_and_not_bytes(length: int) -> None:
    if length == 4_000:
        check_text("字" * length)
        return
    with pytest.raises(InvalidInputError, match="has 4001 characters; at most 4000") as refused:
        check_text("字" * length)
    assert refused.value.details == {"characters": 4_001, "limit": 4_000}


def test_a_message_is_the_same_by_its_words_and_not_by_when_it_came() -> None:
    first = inbound("你好", external_id="1", metadata={"try": 1})

    assert inbound("你好", external_id="1", metadata={"try": 2}).fingerprint == first.fingerprint
    assert inbound("你好 ", external_id="1").fingerprint != first.fingerprint
    assert inbound("你好", type=InboundType.CHOICE).fingerprint != first.fingerprint


def test_a_sender_is_the_same_by_its_address_and_claims_in_any_order() -> None:
    first = Sender("user", "u", {"name": "张三", "aud": "shop"})

    assert Sender("user", "u", {"aud": "shop", "name": "张三"}).fingerprint == first.fingerprint
    assert Sender("visitor", "u", first.claims).fingerprint != first.fingerprint
    assert Sender("user", "u", {"name": "李四", "aud": "shop"}).fingerprint != first.fingerprint
