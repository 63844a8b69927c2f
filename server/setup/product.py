"""The steps that a fresh clone needs before it can serve, in the order they need each other."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from core.errors import ConfigError
from core.secrets import read_or_make_secret
from core.settings import REPOSITORY, Settings
from knowledge_index.build import build_index
from knowledge_index.index_folder import live_version
from server.setup.database import migrate
from server.setup.environments import make_engine_environment
from server.setup.pages import build_page
from server.setup.steps import Step, StepRunner, run_command
from text_encoder import load
from text_encoder.errors import EncoderError
from text_encoder.use_files import write_files

Show = Callable[[str], None]
ENCODER_PROFILE = "use"
ARTICLES = REPOSITORY / "data" / "knowledge"


def encoder_folder(settings: Settings) -> Path:
    """Where the encoder's files lie."""
    return settings.home / "encoders"


def index_folder(settings: Settings) -> Path:
    """Where the knowledge index lies."""
    return settings.home / "index"


def models_folder(settings: Settings) -> Path:
    """Where trained assistants lie."""
    return settings.home / "models"


def model_key_file(settings: Settings) -> Path:
    """Return the file with the key that signs models, made at first use."""
    path = settings.home / "secrets" / "model.key"
    if settings.model_key is not None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_text(settings.model_key.get_secret_value() + "\n")
    else:
        read_or_make_secret(path)
    return path


def prepare_product(settings: Settings, console: Console) -> None:
    """Do whatever is not done yet: environments, pages, encoder, model, index, database."""
    runner = StepRunner(console)
    make_home(settings)
    runner.run([encoder_step(settings)])
    assistant = [] if settings.engine_url else [engine_step(), training_step(settings)]
    pages = [Step("customer's widget", build_page("widget")), Step("console", build_page("console"))]
    runner.run(assistant, [*pages, index_step(settings), database_step(settings)])


def encoder_step(settings: Settings) -> Step:
    """Make the sentence encoder's files from its installed package."""

    def run(show: Show) -> str:
        try:
            made = write_files(encoder_folder(settings), report=show)
        except EncoderError as error:
            raise ConfigError(str(error), code="encoder") from error
        return "made" if made else "up to date"

    return Step("sentence encoder", run)


def engine_step() -> Step:
    """Install the Rasa engine."""
    return Step("Rasa engine", make_engine_environment)


def training_step(settings: Settings, *, force: bool = False) -> Step:
    """Train the assistant; bot.train itself sees whether there is a sound model for the present data."""

    def run(show: Show) -> str:
        said: list[str] = []
        command: list[str | Path] = [
            settings.engine_python, "-m", "bot.train",
            "--out", models_folder(settings),
            "--key", model_key_file(settings),
            "--encoders", encoder_folder(settings),
        ]  # fmt: skip

        def watch(line: str) -> None:
            said.append(line)
            show(line)

        run_command(
            [*command, *(["--force"] if force else [])],
            cwd=REPOSITORY,
            show=watch,
            failure="The assistant could not be trained.",
        )
        return "up to date" if any("is up to date" in line for line in said) else "trained"

    return Step("assistant", run)


def index_step(settings: Settings) -> Step:
    """Build the knowledge index, unless no article changed."""

    def run(show: Show) -> str:
        encoder = load(ENCODER_PROFILE, dir=encoder_folder(settings))
        before = live_version(index_folder(settings))
        manifest = build_index(
            ARTICLES,
            index_folder(settings),
            encoder,
            progress=lambda step, done, total: show(f"{step} {done} of {total}"),
        )
        if manifest.version == before:
            return "up to date"
        return f"built from {len(manifest.articles)} articles"

    return Step("knowledge index", run)


def database_step(settings: Settings) -> Step:
    """Bring the database's tables up to date."""

    def run(_show: Show) -> str:
        make_home(settings)
        return migrate(settings.database)

    return Step("database", run)


def current_model(settings: Settings) -> Path | None:
    """Return the model that was trained on the present data, if there is one.

    Raises:
        ConfigError: the engine is not installed, or the data cannot be read.
    """
    script = ["-m", "bot.train", "--print-fingerprint", "--encoders"]
    command: list[str | Path] = [settings.engine_python, *script, encoder_folder(settings)]
    try:
        answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise ConfigError(
            f"The Rasa engine is not installed ({settings.engine_python}); run `./yiti setup`.", code="no_engine"
        ) from error
    if answer.returncode != 0:
        raise ConfigError(f"The assistant's data cannot be read:\n{answer.stderr.strip()}", code="training_data")
    model = models_folder(settings) / f"{answer.stdout.strip()}.tar.gz"
    return model if model.exists() and (model.parent / f"{answer.stdout.strip()}.json").exists() else None


def make_home(settings: Settings) -> None:
    """Make the home folder.

    Raises:
        ConfigError: it cannot be made or written.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        (settings.home / ".writable").touch()
        (settings.home / ".writable").unlink()
    except OSError as error:
        raise ConfigError(
            f"The home folder {settings.home} cannot be written ({error.strerror}); set YITI_HOME to one that can.",
            code="home",
        ) from error


def check_port(settings: Settings) -> None:
    """Refuse to go on when the port is taken, before minutes are spent on anything else.

    Raises:
        ConfigError: something listens there already, or we may not listen there.
    """
    if settings.port == 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise ConfigError(
                f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}). Stop what uses it, or "
                f"choose another: YITI_PORT={settings.port + 1} make run.",
                code="port_in_use",
            ) from error
