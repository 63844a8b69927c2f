"""Reading a folder of Markdown articles with front matter; a broken file is listed and the rest goes on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from core.errors import ConfigError
from knowledge_index.models import LANGUAGES, Article, ArticleHead, ArticleProblem, Language

MAX_FILE_BYTES = 1_000_000
CATEGORIES_FILE = "categories.yml"
UNANSWERABLE_FILE = "unanswerable.csv"
GOLDEN_FILE = "golden.csv"
_SIDE_FILES = (CATEGORIES_FILE, UNANSWERABLE_FILE, GOLDEN_FILE)
_FENCE = "---"


class BrokenArticleError(Exception):
    """A file is no article; `line` counts from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class ArticleFolder:
    """What a folder of articles held."""

    articles: tuple[Article, ...]
    problems: tuple[ArticleProblem, ...]
    categories: dict[str, dict[Language, str]]


def list_article_files(folder: Path) -> list[Path]:
    """List the Markdown files in `folder`'s subfolders in a stable order; a README is no article.

    Raises:
        ConfigError: the folder does not exist.
    """
    if not folder.is_dir():
        raise ConfigError(f"There is no folder of articles at {folder}.", code="articles_missing", path=str(folder))
    return sorted(path for path in folder.glob("*/**/*.md") if path.is_file() and path.stem.lower() != "readme")


def fingerprint_folder(folder: Path) -> str:
    """Return a digest that changes when any article, the categories, or the golden or unanswerable questions do."""
    digest = hashlib.sha256()
    for path in [*list_article_files(folder), *(folder / name for name in _SIDE_FILES)]:
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def read_folder(folder: Path) -> ArticleFolder:
    """Read all articles. Two of one id and language: the first stays, the second is a problem."""
    articles: dict[tuple[str, str], Article] = {}
    problems: list[ArticleProblem] = []
    for path in list_article_files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            article = read_article(path)
        except BrokenArticleError as error:
            problems.append(ArticleProblem(file=name, line=error.line, message=error.message))
            continue
        key = (article.head.id, article.head.language)
        if key in articles:
            message = f"Another file already has id {key[0]!r} in language {key[1]!r}."
            problems.append(ArticleProblem(file=name, line=1, message=message))
        else:
            articles[key] = article
    return ArticleFolder(tuple(articles.values()), tuple(problems), read_categories(folder))


def read_article(path: Path) -> Article:
    """Read one file.

    Raises:
        BrokenArticleError: with the line and what is wrong there.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BrokenArticleError(f"The file is larger than {MAX_FILE_BYTES:,} bytes; split it.")
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BrokenArticleError(f"Cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BrokenArticleError("Not UTF-8 text; save the file as UTF-8.", line) from error
    return parse_article(content)


def parse_article(content: str) -> Article:
    """Parse front matter and body.

    Raises:
        BrokenArticleError: with the line and what is wrong there.
    """
    lines = content.replace("\r\n", "\n").split("\n")
    if lines[0].strip() != _FENCE:
        raise BrokenArticleError("Does not start with a line '---' and front matter.")
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == _FENCE), None)
    if end is None:
        raise BrokenArticleError("The front matter is not closed by a line '---'.")
    head = _parse_head(lines[1:end])
    if head.valid_from and head.valid_until and head.valid_until < head.valid_from:
        raise BrokenArticleError("valid_until is before valid_from.", _line_of("valid_until", lines))
    body = "\n".join(lines[end + 1 :]).strip("\n")
    if not body.strip():
        raise BrokenArticleError("There is no text after the front matter.", end + 1)
    return Article(head=head, body=body)


def read_categories(folder: Path) -> dict[str, dict[Language, str]]:
    """Read the categories' titles by language, in the order they are to be shown; {} without a file.

    Raises:
        ConfigError: the file is there but is not `key: {zh: ..., en: ...}`.
    """
    path = folder / CATEGORIES_FILE
    if not path.is_file():
        return {}
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return {str(key): {lang: str(titles[lang]) for lang in LANGUAGES} for key, titles in loaded.items()}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not a list of `key: {{zh: ..., en: ...}}`: {error}.", code="bad_categories"
        ) from error


def _parse_head(lines: list[str]) -> ArticleHead:
    try:
        values = yaml.safe_load("\n".join(lines))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 2
        raise BrokenArticleError(f"The front matter is not YAML: {error.problem or error}.", line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise BrokenArticleError(f"The front matter is not YAML: {error}.", 2) from error
    if not isinstance(values, dict):
        raise BrokenArticleError("The front matter is not a list of `key: value`.", 2)
    try:
        return ArticleHead.model_validate(values)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = str(fault["loc"][0]) if fault["loc"] else ""
        raise BrokenArticleError(f"{key}: {fault['msg']}.", _line_of(key, ["", *lines])) from error


def _line_of(key: str, lines: list[str]) -> int:
    return next((number for number, line in enumerate(lines, 1) if line.startswith(f"{key}:")), 1)
