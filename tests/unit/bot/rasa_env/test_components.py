"""Every component of the shipped config.yml is built from its block and refuses a misspelt key."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.char_ngram_featurizer import CharNgramFeaturizer
from bot.nlu.identifier_extractor import IdentifierExtractor
from bot.nlu.keyword_extractor import KeywordExtractor
from bot.nlu.language_detector import LanguageDetector
from bot.nlu.message_vector import find_message_vector
from bot.nlu.sentence_vector_featurizer import SentenceVectorFeaturizer
from bot.nlu.sentiment_classifier import SentimentClassifier
from bot.nlu.tokenizer import MixedScriptTokenizer

REPOSITORY = Path(__file__).parents[4]
OURS = [
    block
    for block in yaml.safe_load((REPOSITORY / "config.yml").read_text(encoding="utf-8"))["pipeline"]
    if block["name"].startswith("bot.")
]


class FakeEncoder:
    """Vectors from the letters of a text."""

    name = "fake"
    dimension = 4

    def encode(self, texts: list[str]) -> np.ndarray:
        rows = np.array([[1.0, "差" in text, "好" in text, len(text) % 2] for text in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def _fake_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("bot.nlu.sentence_vector_featurizer", "bot.nlu.sentiment_classifier"):
        monkeypatch.setattr(importlib.import_module(module), "component_encoder", lambda _profile, _name: FakeEncoder())


def build(component: type[GraphComponent], tmp_path: Path, **config: Any) -> Any:
    context = ExecutionContext(GraphSchema({}), node_name="node")
    merged = {**component.get_default_config(), **config}
    return component.create(merged, LocalModelStorage(tmp_path), Resource("node"), context)


def load_again(component: type[GraphComponent], tmp_path: Path, **config: Any) -> Any:
    context = ExecutionContext(GraphSchema({}), node_name="node")
    return component.load({**config}, LocalModelStorage(tmp_path), Resource("node"), context)


@pytest.mark.parametrize("block", OURS, ids=lambda block: block["name"])
def test_shipped_block_builds_and_a_misspelt_key_is_refused(block: dict[str, Any], tmp_path: Path) -> None:
    module, _, name = block["name"].rpartition(".")
    component = getattr(importlib.import_module(module), name)
    config = {key: value for key, value in block.items() if key != "name"}

    build(component, tmp_path, **config)
    with pytest.raises(InvalidConfigException, match="has no key 'misspelt'"):
        build(component, tmp_path, **config, misspelt=1)


def test_tokens_follow_labels(tmp_path: Path) -> None:
    tokenizer = build(MixedScriptTokenizer, tmp_path)
    message = Message({"text": "iphones坏了", "entities": [{"entity": "product", "start": 0, "end": 6}]})

    tokenizer.process([message])

    assert [token.text for token in message.get("text_tokens")] == ["iphone", "s", "坏", "了"]


def test_language_is_in_the_parse_result(tmp_path: Path) -> None:
    message = Message({"text": "你好"})

    build(LanguageDetector, tmp_path).process([message])

    assert message.as_dict(only_output_properties=True)["language"] == "zh"


def test_the_vector_is_a_feature_and_stays_out_of_the_parse_result(tmp_path: Path) -> None:
    message = Message({"text": "你好"})

    build(SentenceVectorFeaturizer, tmp_path, scale=3.0).process([message])

    (feature,) = message.features
    vector = find_message_vector(message)
    assert vector is not None
    assert vector.encoder == "fake"
    np.testing.assert_allclose(feature.features[0], 3.0 * vector.values, rtol=1e-6)
    assert "sentence_vector" not in message.as_dict(only_output_properties=True)


def test_ngrams_are_the_same_after_loading(tmp_path: Path) -> None:
    data = TrainingData(
        [Message({"text": text, "intent": "a"}) for text in ("你好", "你好吗", "order 123", "order 456")]
    )
    trained = build(CharNgramFeaturizer, tmp_path)
    trained.train(data)
    loaded = load_again(CharNgramFeaturizer, tmp_path)
    before, after = Message({"text": "你好 order 789"}), Message({"text": "你好 order 789"})

    trained.process([before])
    loaded.process([after])

    rows = before.features[0].features, after.features[0].features
    assert rows[0].nnz > 5
    assert (rows[0] != rows[1]).nnz == 0


def test_identifiers_keep_what_was_found_before(tmp_path: Path) -> None:
    message = Message({"text": "AB-123456 尾号1234", "entities": [{"entity": "x", "start": 0, "end": 9, "value": "v"}]})

    build(IdentifierExtractor, tmp_path).process([message])

    assert [(entity["entity"], entity["value"]) for entity in message.get("entities")] == [
        ("x", "v"),
        ("phone_last4", "1234"),
    ]


def test_keywords_are_learned_from_labels_and_lookup_tables(tmp_path: Path) -> None:
    data = TrainingData(
        [
            Message(
                {
                    "text": "我的耳机",
                    "intent": "a",
                    "entities": [{"entity": "product", "start": 2, "end": 4, "value": "耳机"}],
                }
            )
        ],
        lookup_tables=[{"name": "product", "elements": ["air fryer"]}],
    )
    build(KeywordExtractor, tmp_path, entities=["product"]).train(data)
    message = Message({"text": "耳机 and Air Fryer"})

    load_again(KeywordExtractor, tmp_path, entities=["product"]).process([message])

    assert [entity["value"] for entity in message.get("entities")] == ["耳机", "Air Fryer"]


def test_sentiment_is_learned_from_files_and_kept(tmp_path: Path) -> None:
    examples = tmp_path / "sentiment"
    examples.mkdir()
    rows = [
        "很差,negative,zh",
        "太差了,negative,zh",
        "差,negative,zh",
        "在哪,neutral,zh",
        "什么,neutral,zh",
        "很好,positive,zh",
        "好,positive,zh",
    ]
    (examples / "a.csv").write_text("text,label,lang\n" + "\n".join(rows * 3), encoding="utf-8")
    build(SentimentClassifier, tmp_path, examples=str(examples)).train(TrainingData([]))
    messages = [Message({"text": text}) for text in ("真差", "真好", "/thank")]

    load_again(SentimentClassifier, tmp_path, examples=str(examples)).process(messages)

    readings = [message.as_dict(only_output_properties=True)["sentiment"] for message in messages]
    assert [reading["label"] for reading in readings] == ["negative", "positive", "neutral"]
    assert -1 <= readings[0]["score"] < 0 < readings[1]["score"] <= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label,lang\n好,positive,zh\n差,bad,zh\n", r"a.csv:3: label 'bad'"),
        ("text\n好\n", r"a.csv:1: the first line must name the columns"),
        ("text,label,lang\n好,positive,zh\n", r"need all three labels"),
    ],
)
def test_a_broken_sentiment_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")

    with pytest.raises(InvalidConfigException, match=message):
        build(SentimentClassifier, tmp_path, examples=str(tmp_path)).train(TrainingData([]))
