"""Command `python -m bot.train`: trains the assistant, unless there is a signed model for the present data."""

from __future__ import annotations

import argparse
import io
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import EngineError
from bot.logs import configure_structlog, ignore_library_warnings
from bot.model_files import (
    TRAINING_FOLDERS,
    check_model,
    find_model,
    make_key,
    remove_old_models,
    training_fingerprint,
    write_manifest,
)
from bot.nlu.encoders import FOLDER_VARIABLE, encoder_folder
from bot.training_files import TrainingDataError, check_training_files


def main(arguments: Sequence[str] | None = None) -> int:
    """Train if need be; print the model's path on stdout and progress on stderr; return 0, or 1 with a sentence."""
    options = _parser().parse_args(arguments)
    project = options.project.resolve()
    if options.print_fingerprint:
        sys.stdout.write(f"{training_fingerprint(project)}\n")
        return 0
    out, key_file = options.out.resolve(), options.key.resolve()
    os.environ[FOLDER_VARIABLE] = str((options.encoders or encoder_folder()).resolve())
    try:
        model = _trained(project, out, key_file, force=options.force)
    except (EngineError, TrainingDataError) as error:
        _say(str(error))
        return 1
    sys.stdout.write(f"{model}\n")
    return 0


def _trained(project: Path, out: Path, key_file: Path, *, force: bool) -> Path:
    key = make_key(key_file)
    fingerprint = training_fingerprint(project)
    model = find_model(out, fingerprint)
    if model is not None and not force and _is_sound(model, key):
        _say(f"the model {fingerprint} is up to date")
        return model
    counts = check_training_files(project)
    _say(f"{counts.n_examples} examples of {counts.n_intents} intents in {counts.n_files} files are in order")
    began = time.monotonic()
    _say("loading Rasa")
    _train(project, out, fingerprint)
    model = out / f"{fingerprint}.tar.gz"
    facts = {
        "fingerprint": fingerprint,
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "training_s": round(time.monotonic() - began, 1),
        "n_intents": counts.n_intents,
        "n_examples": counts.n_examples,
    }
    write_manifest(model, facts, key)
    for old in remove_old_models(out):
        _say(f"removed the old model {old.name}")
    _say(f"trained {model.name} in {facts['training_s']} s")
    return model


def _is_sound(model: Path, key: bytes) -> bool:
    try:
        check_model(model, key)
    except EngineError as failure:
        _say(str(failure))
        return False
    return True


def _train(project: Path, out: Path, fingerprint: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["RASA_CACHE_DIRECTORY"] = str(out / ".cache")
    os.environ["LOG_LEVEL"] = "WARNING"  # Rasa: no progress bars
    _show_progress()
    os.chdir(project)  # config.yml names its folders from here, as Rasa's own commands read it

    from rasa.model_training import train  # noqa: PLC0415  (Rasa takes many seconds to import)
    from rasa.shared.exceptions import RasaException  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix=".training-", dir=out) as folder, redirect_stdout(io.StringIO()):
        try:
            result = train(
                domain="domain" if Path("domain").is_dir() else "domain.yml",
                config="config.yml",
                training_files=[path for path in TRAINING_FOLDERS if Path(path).is_dir()],
                output=folder,
                fixed_model_name=fingerprint,
                force_training=True,
            )
        except RasaException as error:
            raise TrainingDataError(f"Rasa refuses to train: {error}") from error
        if result.model is None:
            raise TrainingDataError(f"Rasa trained nothing (code {result.code}).")
        shutil.move(result.model, out / f"{fingerprint}.tar.gz")


class _Progress(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        _say(text if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {text}")


def _show_progress() -> None:
    logging.basicConfig(handlers=[_Progress()], level=logging.WARNING, force=True)
    logging.getLogger("rasa.engine.training.hooks").setLevel(logging.INFO)
    ignore_library_warnings()
    configure_structlog()


def _say(line: str) -> None:
    sys.stderr.write(f"training: {line}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot.train", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("var/models"), help="folder of the models")
    parser.add_argument(
        "--key", type=Path, default=Path("var/secrets/model.key"), help="key to sign with; made if absent"
    )
    parser.add_argument("--project", type=Path, default=Path(), help="folder of config.yml, domain and data")
    parser.add_argument("--encoders", type=Path, help="folder of the sentence encoder's files (default: var/encoders)")
    parser.add_argument("--force", action="store_true", help="train also when the model is up to date")
    parser.add_argument("--print-fingerprint", action="store_true", help="print what a model would be named, and stop")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
