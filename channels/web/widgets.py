"""The widgets of an installation: which sites may embed them and how their users prove who they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from core.errors import ConfigError, NotFoundError

MIN_SHARED_KEY_BYTES = 32
Language = Literal["zh", "en"]
DEFAULT_PORTS = {"http": 80, "https": 443}


def normal_origin(value: str) -> str:
    """Return an origin as browsers send it: lower case, no path, no default port.

    Raises:
        ValueError: not `http(s)://host[:port]`.
    """
    parts = urlsplit(value.strip())
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise ValueError(f"{value!r} is not an origin such as https://shop.example.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port
    if port is None or port == DEFAULT_PORTS[parts.scheme]:
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"


class UserKey(BaseModel):
    """One key a shop signs its users' tokens with; the algorithm belongs to the key, never to the token.

    `key` is the shared secret for HS256 and the public key in PEM for EdDSA.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kid: str = Field(min_length=1, max_length=64)
    algorithm: Literal["HS256", "EdDSA"] = "HS256"
    key: SecretStr

    @model_validator(mode="after")
    def _check_strength(self) -> Self:
        secret = self.key.get_secret_value().encode()
        if self.algorithm == "HS256" and len(secret) < MIN_SHARED_KEY_BYTES:
            raise ValueError(f"the HS256 key {self.kid!r} has {len(secret)} bytes; it needs {MIN_SHARED_KEY_BYTES}")
        return self


class Widget(BaseModel):
    """One widget: `origins` are the sites that may embed it and call it from their pages.

    `greetings` stand above an empty conversation, `starters` below them as questions to begin with, by language.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    name: str = Field(min_length=1, max_length=80)
    names: dict[Language, str] = Field(default_factory=dict)
    greetings: dict[Language, str] = Field(default_factory=dict)
    starters: dict[Language, tuple[str, ...]] = Field(default_factory=dict)
    origins: tuple[Annotated[str, AfterValidator(normal_origin)], ...] = ()
    languages: tuple[Language, ...] = Field(default=("zh", "en"), min_length=1)
    identity_required: bool = False
    user_keys: tuple[UserKey, ...] = ()

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        kids = [key.kid for key in self.user_keys]
        if len(set(kids)) != len(kids):
            raise ValueError("two user keys have the same kid")
        if self.identity_required and not self.user_keys:
            raise ValueError("identity_required needs at least one user key")
        return self

    def find_user_key(self, kid: str) -> UserKey | None:
        """Return the key with this id, if the widget has it."""
        return next((key for key in self.user_keys if key.kid == kid), None)

    def public_config(self) -> dict[str, object]:
        """Return what any page may know of this widget."""
        return {
            "id": self.id,
            "name": self.name,
            "names": dict(self.names),
            "greetings": dict(self.greetings),
            "starters": {language: list(questions) for language, questions in self.starters.items()},
            "languages": list(self.languages),
            "identity_required": self.identity_required,
        }


class WidgetDirectory:
    """All widgets of the installation, by id."""

    def __init__(self, widgets: Iterable[Widget]) -> None:
        self._widgets: dict[str, Widget] = {}
        for widget in widgets:
            if widget.id in self._widgets:
                raise ConfigError(f"Two widgets have the id {widget.id!r}; ids are unique.", code="duplicate_widget")
            self._widgets[widget.id] = widget

    def get(self, widget_id: str) -> Widget:
        """Return the widget.

        Raises:
            NotFoundError: no widget has this id.
        """
        widget = self._widgets.get(widget_id)
        if widget is None:
            raise NotFoundError(
                "No widget has this id; look it up in the installation's settings.", code="unknown_widget"
            )
        return widget

    @property
    def origins(self) -> frozenset[str]:
        """Every site that may use some widget."""
        return frozenset(origin for widget in self._widgets.values() for origin in widget.origins)
