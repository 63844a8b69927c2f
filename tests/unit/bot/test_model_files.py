"""Names, signatures and order of trained models."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ModelError
from bot.model_files import (
    check_model,
    find_model,
    make_key,
    manifest_path,
    newest_model,
    read_key,
    remove_old_models,
    training_fingerprint,
    write_manifest,
)

KEY = b"k" * 32


def put_model(folder: Path, name: str, trained_at: str = "2026-01-01T00:00:00+00:00") -> Path:
    model = folder / f"{name}.tar.gz"
    model.write_bytes(name.encode())
    write_manifest(model, {"fingerprint": name, "trained_at": trained_at}, KEY)
    return model


def test_a_signed_model_is_accepted(tmp_path: Path) -> None:
    model = put_model(tmp_path, "a")

    assert check_model(model, KEY)["fingerprint"] == "a"
    assert find_model(tmp_path, "a") == model


def test_an_altered_model_is_refused(tmp_path: Path) -> None:
    model = put_model(tmp_path, "a")
    model.write_bytes(b"other")

    with pytest.raises(ModelError, match="altered after it was signed"):
        check_model(model, KEY)


def test_an_altered_manifest_is_refused(tmp_path: Path) -> None:
    model = put_model(tmp_path, "a")
    manifest_path(model).write_text(manifest_path(model).read_text().replace("2026", "2027"))

    with pytest.raises(ModelError, match="not signed with this installation's key"):
        check_model(model, KEY)


def test_another_key_is_refused(tmp_path: Path) -> None:
    model = put_model(tmp_path, "a")

    with pytest.raises(ModelError, match="not signed"):
        check_model(model, b"x" * 32)


def test_an_unsigned_or_missing_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(b"b")

    with pytest.raises(ModelError, match="has no manifest"):
        check_model(tmp_path / "b.tar.gz", KEY)
    with pytest.raises(ModelError, match="There is no model"):
        check_model(tmp_path / "c.tar.gz", KEY)
    with pytest.raises(ModelError, match="holds no trained model"):
        newest_model(tmp_path)


def test_the_newest_models_are_kept(tmp_path: Path) -> None:
    for year in range(2020, 2025):
        put_model(tmp_path, f"m{year}", f"{year}-01-01T00:00:00+00:00")

    remove_old_models(tmp_path, keep=3)

    assert sorted(path.name for path in tmp_path.glob("*.tar.gz")) == ["m2022.tar.gz", "m2023.tar.gz", "m2024.tar.gz"]
    assert newest_model(tmp_path).name == "m2024.tar.gz"


def test_the_fingerprint_follows_data_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "data" / "nlu").mkdir(parents=True)
    example = tmp_path / "data" / "nlu" / "a.yml"
    example.write_text("one")
    first = training_fingerprint(tmp_path)
    (tmp_path / "data" / "knowledge").mkdir()
    (tmp_path / "data" / "knowledge" / "a.yml").write_text("x")

    assert training_fingerprint(tmp_path) == first
    example.write_text("two")
    assert training_fingerprint(tmp_path) != first


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "model.key"

    assert make_key(path) == make_key(path)
    assert path.stat().st_mode & 0o077 == 0


def test_a_missing_or_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_key(tmp_path / "none")
    (tmp_path / "short").write_text("abc")
    with pytest.raises(ModelError, match="shorter than 16"):
        read_key(tmp_path / "short")
