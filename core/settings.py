"""What the operator decides: environment variables that begin with YITI_, read once at start-up."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from core.errors import ConfigError

PREFIX = "YITI_"
REPOSITORY = Path(__file__).resolve().parent.parent
MIN_SECRET_BYTES = 32
LAUNCHER_KEYS = frozenset({"YITI_PYTHON"})  # read by the script ./yiti, before there is a server


class Settings(BaseSettings):
    """Every setting of the server; docs/how-to/configure.md lists them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_nested_delimiter="__")

    home: Path = Field(default=REPOSITORY / "var", description="Where databases, models, indexes and secrets lie.")
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="The port to listen on.")
    public_url: str | None = Field(default=None, description="How browsers reach the server, as scheme://host[:port].")
    trusted_proxies: int = Field(default=0, ge=0, le=5, description="Reverse proxies whose X-Forwarded-For counts.")
    database_url: str | None = Field(default=None, description="Default: SQLite in the home folder.")
    redis_url: str | None = Field(default=None, description="Needed from the second server replica on.")
    secret_key: SecretStr | None = Field(default=None, description="The installation's key; default: made once.")
    model_key: SecretStr | None = Field(default=None, description="Signs models; default: made once.")

    engine_url: str | None = Field(default=None, description="An engine run elsewhere; default: one is started.")
    engine_secret: SecretStr | None = Field(default=None, description="Shared with an engine run elsewhere.")
    engine_timeout_s: float = Field(default=10.0, gt=0, le=60)
    engine_start_timeout_s: float = Field(default=120.0, gt=0, le=900)
    engine_python: Path = Field(default=REPOSITORY / ".venv-engine" / "bin" / "python")
    engine_tracker_url: str | None = Field(default=None, description="Default: SQLite in the home folder.")
    concurrent_turns: int = Field(default=8, ge=1, le=256)

    demo: bool = Field(default=True, description="The demo shop: its page, its customers, its orders.")
    widgets: tuple[dict[str, Any], ...] = Field(default=(), description="JSON list; see channels/web/README.md.")
    order_gateway: Literal["demo", "http"] = "demo"
    order_api_url: str | None = None
    order_api_key: SecretStr | None = None

    log_form: Literal["console", "json"] = "console"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if self.order_gateway == "http" and not self.order_api_url:
            raise ValueError("YITI_ORDER_GATEWAY is http, so YITI_ORDER_API_URL must say where the shop's API is")
        if self.order_gateway == "http" and self.demo:
            raise ValueError("YITI_ORDER_GATEWAY is http, so YITI_DEMO must be false: the demo signs anybody in")
        if self.engine_url and not self.engine_secret:
            raise ValueError("YITI_ENGINE_URL is set, so YITI_ENGINE_SECRET must hold the secret shared with it")
        if self.secret_key and len(self.secret_key.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"YITI_SECRET_KEY needs {MIN_SECRET_BYTES} bytes or more")
        return self

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home / 'yiti.db'}"

    @property
    def tracker_url(self) -> str:
        """Where the engine keeps its trackers."""
        return self.engine_tracker_url or f"sqlite:///{self.home / 'tracker.db'}"


def load_settings() -> Settings:
    """Read the settings; the only place that looks at the environment.

    Raises:
        ConfigError: an unknown key (with the nearest known one), or a value that does not fit, named.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for key in os.environ:
        if key.startswith(PREFIX) and key not in LAUNCHER_KEYS and key.split("__", maxsplit=1)[0] not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else " docs/how-to/configure.md lists the settings."
            raise ConfigError(f"{key} is not a setting of Yiti.{hint}", code="unknown_setting", key=key)
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(_name_fault(fault["loc"], fault["msg"]) for fault in error.errors(include_input=False))
        raise ConfigError(f"The settings do not fit: {faults}.", code="bad_setting") from error
    except SettingsError as error:
        raise ConfigError(f"The settings do not fit: {_name_unread(error)}.", code="bad_setting") from error


def _name_unread(error: SettingsError) -> str:
    """Name the setting whose value should be JSON and is not."""
    name = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), None)
    return f"{PREFIX}{name.upper()}: it is not valid JSON" if name else "one is not valid JSON"


def _name_fault(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    return f"{PREFIX}{'.'.join(str(part) for part in location).upper()}: {message.removeprefix('Value error, ')}"
