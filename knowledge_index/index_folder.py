"""An index on disk: a folder of checked files per version, and a pointer that is swapped atomically."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from core.errors import ConfigError
from knowledge_index.lexical import LexicalIndex
from knowledge_index.models import Article, Manifest, Passage
from knowledge_index.retrieval import Entries, Retriever

FORMAT = 1
MANIFEST, ARTICLES, VECTORS, ENTRIES, LEXICAL, TERMS = (
    "manifest.json",
    "articles.json",
    "vectors.npy",
    "entries.npz",
    "lexical.npz",
    "terms.json",
)
DATA_FILES = (ARTICLES, VECTORS, ENTRIES, LEXICAL, TERMS)
POINTER = "current"
VERSIONS = "versions"
N_KEPT_VERSIONS = 3

_ADVICE = "Build it anew with `./yiti index`."


class ArticleTexts(BaseModel):
    """The articles and their passages, as stored."""

    model_config = ConfigDict(extra="forbid")

    articles: tuple[Article, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class IndexData:
    """All of an index: texts, entries, their vectors (length 1, not centred), lexical statistics."""

    texts: ArticleTexts
    entries: Entries
    text_hashes: npt.NDArray[np.uint8]
    vectors: npt.NDArray[np.float32]
    lexical: LexicalIndex

    def retriever(self) -> Retriever:
        """Make the search over this data."""
        return Retriever(self.vectors, self.entries, self.lexical)


def write_version(out: Path, manifest: Manifest, data: IndexData) -> Manifest:
    """Write a version beside the others and point `current` at it; return the manifest with checksums.

    Older versions past the last few are removed.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        (out / VERSIONS).mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".building-", dir=out / VERSIONS))
        try:
            _write_data(work, data)
            manifest = manifest.model_copy(update={"files": {name: _sha256(work / name) for name in DATA_FILES}})
            (work / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
            for path in work.iterdir():
                _sync(path)
            work.chmod(0o755)
            work.rename(out / VERSIONS / manifest.version)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        point_to(out, manifest.version)
        _remove_old(out, keep=manifest.version)
    except OSError as error:
        raise ConfigError(f"Cannot write the knowledge index to {out}: {error}.", code="index_not_writable") from error
    return manifest


def point_to(out: Path, version: str) -> None:
    """Make `version` the live one; readers see the old or the new pointer, nothing between."""
    handle, name = tempfile.mkstemp(prefix=f".{POINTER}-", dir=out)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{version}\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).chmod(0o644)
    Path(name).replace(out / POINTER)


def live_version(out: Path) -> str | None:
    """Return the version the pointer names, or None without a pointer."""
    try:
        return (out / POINTER).read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def list_versions(out: Path) -> list[str]:
    """List the versions on disk, the newest first."""
    folder = out / VERSIONS
    if not folder.is_dir():
        return []
    return sorted((path.name for path in folder.iterdir() if not path.name.startswith(".")), reverse=True)


def read_manifest(out: Path, version: str) -> Manifest:
    """Read a version's manifest and check each file's bytes against it.

    Raises:
        ConfigError: code `index_damaged` or `index_foreign`.
    """
    folder = out / VERSIONS / version
    if not version or Path(version).name != version:
        raise ConfigError(f"{out / POINTER} names no version: {version!r}. {_ADVICE}", code="index_damaged")
    try:
        raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder / MANIFEST} is missing or unreadable. {_ADVICE}", code="index_damaged") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        found = raw.get("format") if isinstance(raw, dict) else None
        raise ConfigError(f"{folder} has index format {found!r}, not {FORMAT}. {_ADVICE}", code="index_foreign")
    try:
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{folder / MANIFEST} is not a manifest. {_ADVICE}", code="index_damaged") from error
    for name in DATA_FILES:
        path = folder / name
        if not path.is_file() or _sha256(path) != manifest.files.get(name):
            raise ConfigError(f"{path} is missing or damaged. {_ADVICE}", code="index_damaged", path=str(path))
    return manifest


def read_version(out: Path, version: str, *, encoder_name: str) -> tuple[Manifest, IndexData]:
    """Read a version; the vectors are mapped into memory.

    Raises:
        ConfigError: code `index_damaged`, `index_foreign` or `index_other_encoder`.
    """
    manifest = read_manifest(out, version)
    if manifest.encoder != encoder_name:
        raise ConfigError(
            f"The knowledge index {version} was built with encoder {manifest.encoder!r}, but {encoder_name!r} is"
            f" running; their vectors cannot be compared. {_ADVICE}",
            code="index_other_encoder",
            index_encoder=manifest.encoder,
            running_encoder=encoder_name,
        )
    folder = out / VERSIONS / version
    try:
        return manifest, _read_data(folder, manifest)
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise ConfigError(f"{folder} does not hold together. {_ADVICE}", code="index_damaged") from error


def _write_data(folder: Path, data: IndexData) -> None:
    (folder / ARTICLES).write_text(data.texts.model_dump_json(), encoding="utf-8")
    np.save(folder / VECTORS, data.vectors, allow_pickle=False)
    entries, lexical = data.entries, data.lexical
    np.savez(
        folder / ENTRIES,
        kinds=entries.kinds,
        articles=entries.articles,
        passages=entries.passages,
        topics=entries.topics,
        text_hashes=data.text_hashes,
    )
    np.savez(
        folder / LEXICAL,
        starts=lexical.starts,
        rows=lexical.rows,
        weights=lexical.weights,
        idf=lexical.idf,
        n_texts=np.array(lexical.n_texts),
        mean_length=np.array(lexical.mean_length),
    )
    (folder / TERMS).write_text(json.dumps(list(lexical.terms), ensure_ascii=False), encoding="utf-8")


def _read_data(folder: Path, manifest: Manifest) -> IndexData:
    texts = ArticleTexts.model_validate_json((folder / ARTICLES).read_bytes())
    vectors = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
    with np.load(folder / ENTRIES, allow_pickle=False) as arrays:
        entries = Entries(*(arrays[name] for name in ("kinds", "articles", "passages", "topics")))
        text_hashes = arrays["text_hashes"]
    terms = TypeAdapter(list[str]).validate_json((folder / TERMS).read_bytes())
    with np.load(folder / LEXICAL, allow_pickle=False) as arrays:
        lexical = LexicalIndex(
            terms={term: number for number, term in enumerate(terms)},
            starts=arrays["starts"],
            rows=arrays["rows"],
            weights=arrays["weights"],
            idf=arrays["idf"],
            n_texts=int(arrays["n_texts"]),
            mean_length=float(arrays["mean_length"]),
        )
    if vectors.shape != (manifest.n_entries, manifest.dimension) or lexical.n_texts != len(texts.articles):
        raise ValueError("The files' sizes do not agree.")
    return IndexData(texts, entries, text_hashes, vectors, lexical)


def _remove_old(out: Path, keep: str) -> None:
    for version in [name for name in list_versions(out) if name != keep][N_KEPT_VERSIONS - 1 :]:
        shutil.rmtree(out / VERSIONS / version, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
