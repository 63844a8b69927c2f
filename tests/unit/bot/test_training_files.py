"""What is wrong with training data is named by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.training_files import TrainingDataError, check_training_files, example_problems

CONFIG = "recipe: default.v1\nassistant_id: x\nlanguage: zh\npipeline:\n- name: A\npolicies:\n- name: B\n"


def project(tmp_path: Path, nlu: str, config: str = CONFIG) -> Path:
    (tmp_path / "data" / "nlu").mkdir(parents=True)
    (tmp_path / "config.yml").write_text(config)
    (tmp_path / "data" / "nlu" / "nlu.yml").write_text(nlu)
    return tmp_path


def nlu(*examples: str) -> str:
    return "nlu:\n- intent: greet\n  examples: |\n" + "".join(f"    {example}\n" for example in examples)


def test_counts_what_is_in_order(tmp_path: Path) -> None:
    counts = check_training_files(project(tmp_path, nlu("- hi", "- hello [you](name)", "")))

    assert (counts.n_files, counts.n_intents, counts.n_examples) == (1, 1, 2)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (("- hi", "- order [AB-1(order_number)"), "nlu.yml:5: a label that is not closed"),
        (("- [AB](order_number",), "nlu.yml:4: a label that is not closed"),
        (("- hi", "hello"), "nlu.yml:5: an example begins with `- `"),
        (("- ok", "-"), "nlu.yml:5: an example begins with `- `"),
        (('- [a]{"entity": }',), "nlu.yml:4: .* is not JSON"),
        (('- [a]{"value": "b"}',), "nlu.yml:4: .* names no entity"),
        (("- [ ](product)",), "nlu.yml:4: a label without text"),
        (("- [a](order number)",), "nlu.yml:4: 'order number' is no entity's name"),
    ],
)
def test_names_the_line_of_a_broken_example(tmp_path: Path, examples: tuple[str, ...], message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        check_training_files(project(tmp_path, nlu(*examples)))


def test_names_both_places_of_an_example_of_two_intents(tmp_path: Path) -> None:
    both = nlu("- Hi") + "- intent: bye\n  examples: |\n    - cu\n    - hi\n"

    with pytest.raises(
        TrainingDataError, match=r"nlu.yml:8: this example of 'bye' is also one of 'greet', at .*nlu.yml:4"
    ):
        check_training_files(project(tmp_path, both))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nlu: [\n", r"nlu.yml:\d: the file is not YAML"),
        ("rules: []\n", "nlu.yml:1: the file has no list `nlu:`"),
        ("nlu:\n- examples: |\n    - a\n", "nlu.yml:2: a section needs one of"),
        ("nlu:\n- intent: a\n", "nlu.yml:2: intent 'a' needs `examples: |`"),
        ("nlu:\n- intent: a\n  examples: |\n\n", "nlu.yml:2: intent 'a' has no example"),
    ],
)
def test_names_the_line_of_a_broken_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        check_training_files(project(tmp_path, text))


def test_refuses_a_config_that_rasa_would_rewrite(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"config.yml:1: the key 'assistant_id' is missing"):
        check_training_files(project(tmp_path, nlu("- hi"), CONFIG.replace("assistant_id: x\n", "")))


@pytest.mark.parametrize(
    "text", ["plain", "[a](b) and [c](d:e)", '[a]{"entity": "b", "role": "c"}', "a (b) [c]", "笑(哈哈)"]
)
def test_accepts_examples_as_people_write_them(text: str) -> None:
    assert example_problems(text) == []


def test_the_shipped_data_is_in_order() -> None:
    counts = check_training_files(Path(__file__).parents[3])

    assert counts.n_intents >= 20
