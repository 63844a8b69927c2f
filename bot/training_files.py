"""Checks the NLU files before training and names file and line of what is wrong; Rasa itself skips much in silence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

_LABEL = re.compile(r"\[(?P<text>[^\]\[]*)\](?:\((?P<entity>[^)(]*)\)|(?P<detail>\{[^}{]*\}))")
_OPENED_LABEL = re.compile(r"\](?=[({])")
_BROKEN_START = re.compile(r"\[[^\]\[]*\((?:[a-z0-9_]+)\)")
_ENTITY_NAME = re.compile(r"[A-Za-z0-9_]+")
_LISTED = ("intent", "synonym", "regex", "lookup")


class TrainingDataError(Exception):
    """The training data cannot be used; the message names file and line where there is one."""


@dataclass(frozen=True)
class TrainingCounts:
    """How much there is to train on."""

    n_files: int
    n_intents: int
    n_examples: int


@dataclass(frozen=True)
class _Example:
    path: Path
    line: int
    intent: str
    text: str


def check_training_files(project: Path) -> TrainingCounts:
    """Check config.yml and every example under data/nlu.

    Raises:
        TrainingDataError: names all that is wrong, one `file:line: sentence` a line.
    """
    problems = list(_config_problems(project / "config.yml"))
    paths = sorted(path for pattern in ("*.yml", "*.yaml") for path in (project / "data" / "nlu").rglob(pattern))
    if not paths:
        raise TrainingDataError(f"{project / 'data' / 'nlu'} holds no training data.")
    examples: list[_Example] = []
    for path in paths:
        examples += _read_examples(path, problems)
    first_of: dict[str, _Example] = {}
    for example in examples:
        problems += [f"{example.path}:{example.line}: {problem}" for problem in example_problems(example.text)]
        plain = _LABEL.sub(lambda label: label["text"], example.text).strip().lower()
        first = first_of.setdefault(plain, example)
        if first.intent != example.intent:
            problems.append(
                f"{example.path}:{example.line}: this example of {example.intent!r} is also one of {first.intent!r}, "
                f"at {first.path}:{first.line}."
            )
    if problems:
        raise TrainingDataError("\n".join(problems))
    return TrainingCounts(len(paths), len({example.intent for example in examples}), len(examples))


def example_problems(text: str) -> list[str]:
    """Return what is wrong with the labels of one example."""
    problems = []
    for label in _LABEL.finditer(text):
        if not label["text"].strip():
            problems.append("a label without text.")
        if label["detail"] is not None:
            problems += _detail_problems(label["detail"])
        elif not _ENTITY_NAME.fullmatch(label["entity"].split(":")[0]):
            problems.append(f"{label['entity']!r} is no entity's name.")
    rest = _LABEL.sub("", text)
    if _OPENED_LABEL.search(rest) or _BROKEN_START.search(rest):
        problems.append("a label that is not closed; write [text](entity).")
    return problems


def _detail_problems(detail: str) -> list[str]:
    try:
        document = json.loads(detail)
    except ValueError:
        return [f"{detail} is not JSON."]
    return [] if "entity" in document else [f"{detail} names no entity."]


def _config_problems(path: Path) -> Iterator[str]:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingDataError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        yield _yaml_problem(path, error)
        return
    # Rasa fills in what is missing and writes the file anew; training must leave it as it is.
    for key in ("recipe", "assistant_id", "language", "pipeline", "policies"):
        if not isinstance(config, dict) or not config.get(key):
            yield f"{path}:1: the key {key!r} is missing."


def _read_examples(path: Path, problems: list[str]) -> list[_Example]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        problems.append(f"{path}:1: the file is not UTF-8.")
        return []
    except yaml.MarkedYAMLError as error:
        problems.append(_yaml_problem(path, error))
        return []
    sections = _value_of(root, "nlu")
    if not isinstance(sections, yaml.SequenceNode):
        problems.append(f"{path}:1: the file has no list `nlu:`.")
        return []
    found: list[_Example] = []
    for section in sections.value:
        found += _section_examples(path, section, problems)
    return found


def _section_examples(path: Path, section: yaml.Node, problems: list[str]) -> list[_Example]:
    here = f"{path}:{section.start_mark.line + 1}"
    kind = next((name for name in _LISTED if _value_of(section, name) is not None), None)
    if kind is None:
        problems.append(f"{here}: a section needs one of {', '.join(_LISTED)}.")
        return []
    name, examples = _value_of(section, kind), _value_of(section, "examples")
    if not isinstance(examples, yaml.ScalarNode) or examples.style != "|":
        if isinstance(examples, yaml.SequenceNode):
            return []  # Rasa's long form, one mapping an example; Rasa's schema checks it
        problems.append(f"{here}: {kind} {name.value!r} needs `examples: |` and its examples below.")
        return []
    found = []
    for number, line in enumerate(examples.value.split("\n")):
        at = examples.start_mark.line + 2 + number
        if not line.strip():
            continue
        if not line.startswith("- ") or not line[2:].strip():
            problems.append(f"{path}:{at}: an example begins with `- ` and has a text.")
        elif kind == "intent":
            found.append(_Example(path, at, name.value, line[2:].strip()))
    if not examples.value.strip():
        problems.append(f"{here}: {kind} {name.value!r} has no example.")
    return found


def _value_of(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _yaml_problem(path: Path, error: yaml.MarkedYAMLError) -> str:
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    return f"{path}:{line}: the file is not YAML: {error.problem}."
