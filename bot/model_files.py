"""Trained models on disk: named by what they were trained on, described by a manifest, signed with our key.

Imports no Rasa, so that anybody can ask in a moment whether there is a model for the present data.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.errors import ModelError
from text_encoder.use_files import encoder_name

REPOSITORY = Path(__file__).resolve().parents[1]
TRAINING_FOLDERS = ("data/nlu", "data/rules", "data/stories")
N_KEPT = 3

_DATA = ("config.yml", "domain.yml", "domain", *TRAINING_FOLDERS, "data/sentiment")
_CODE = ("bot/nlu", "bot/requirements.txt")
_SUFFIXES = frozenset({".yml", ".yaml", ".csv", ".py", ".txt", ".json"})
_SIGNATURE = "signature"
_FINGERPRINT_CHARACTERS = 16


def training_fingerprint(project: Path) -> str:
    """Name what a model would be trained on now: data, domain, config, components, libraries and encoder."""
    digest = hashlib.sha256(f"encoder {encoder_name()}\n".encode())
    for root, entries in ((project, _DATA), (REPOSITORY, _CODE)):
        for path in _files(root, entries):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:_FINGERPRINT_CHARACTERS]


def find_model(folder: Path, fingerprint: str) -> Path | None:
    """Return the model of a fingerprint, if it was trained; it is checked when it is loaded."""
    model = folder / f"{fingerprint}.tar.gz"
    return model if model.is_file() and manifest_path(model).is_file() else None


def newest_model(folder: Path) -> Path:
    """Return the model trained last.

    Raises:
        ModelError: the folder holds none.
    """
    models = trained_models(folder)
    if not models:
        raise ModelError(f"{folder} holds no trained model; train one with `python -m bot.train --out {folder}`.")
    return models[0]


def trained_models(folder: Path) -> list[Path]:
    """Return the models of a folder, the newest first."""
    described = [(path, path.with_name(path.name.removesuffix(".json") + ".tar.gz")) for path in folder.glob("*.json")]
    present = [
        (_read_manifest(manifest).get("trained_at", ""), model) for manifest, model in described if model.is_file()
    ]
    return [model for _, model in sorted(present, reverse=True)]


def manifest_path(model: Path) -> Path:
    """Return where a model's manifest is."""
    return model.with_name(model.name.removesuffix(".tar.gz") + ".json")


def write_manifest(model: Path, facts: Mapping[str, Any], key: bytes) -> None:
    """Describe and sign a model; the model counts as trained from here on."""
    manifest = {**facts, "sha256": _sha256(model), "size_bytes": model.stat().st_size}
    manifest[_SIGNATURE] = _sign(manifest, key)
    target = manifest_path(model)
    fresh = target.with_suffix(".json.new")
    fresh.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(target)


def check_model(model: Path, key: bytes) -> dict[str, Any]:
    """Return a model's manifest if our own training signed it and nobody changed it since.

    Raises:
        ModelError: says what is missing or wrong.
    """
    if not model.is_file():
        raise ModelError(f"There is no model {model}.")
    if not manifest_path(model).is_file():
        raise ModelError(f"Model {model} has no manifest; only models of `python -m bot.train` are loaded.")
    manifest = _read_manifest(manifest_path(model))
    signature = manifest.pop(_SIGNATURE, None)
    if not isinstance(signature, str) or not hmac.compare_digest(signature, _sign(manifest, key)):
        raise ModelError(f"Model {model} is not signed with this installation's key; train it again.")
    if manifest.get("sha256") != _sha256(model):
        raise ModelError(f"Model {model} was altered after it was signed; train it again.")
    return manifest


def remove_old_models(folder: Path, keep: int = N_KEPT) -> list[Path]:
    """Remove all but the newest models and return those removed."""
    old = trained_models(folder)[keep:]
    for model in old:
        manifest_path(model).unlink(missing_ok=True)
        model.unlink(missing_ok=True)
    return old


def read_key(path: Path) -> bytes:
    """Read the signing key.

    Raises:
        ModelError: there is none, or it is too short to be one.
    """
    try:
        key = path.read_text(encoding="utf-8").strip().encode()
    except OSError as error:
        raise ModelError(f"The key {path} cannot be read; `python -m bot.train --key {path}` makes one.") from error
    if len(key) < 16:
        raise ModelError(f"The key {path} is shorter than 16 characters.")
    return key


def make_key(path: Path) -> bytes:
    """Return the signing key, made now if there is none; only its owner can read the file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n", encoding="utf-8")
    return read_key(path)


def _files(root: Path, entries: tuple[str, ...]) -> Iterator[Path]:
    for entry in entries:
        path = root / entry
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink():
            yield from sorted(file for file in path.rglob("*") if file.is_file() and file.suffix in _SUFFIXES)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"The manifest {path} is not JSON.") from error
    if not isinstance(manifest, dict):
        raise ModelError(f"The manifest {path} is not a JSON object.")
    return manifest


def _sign(manifest: Mapping[str, Any], key: bytes) -> str:
    canonical = json.dumps(manifest, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    return hmac.new(key, canonical, hashlib.sha256).hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
