"""The widgets of this installation: the operator's, and the demo shop's with a key to sign its users."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import SecretStr, ValidationError

from channels.web.widgets import UserKey, Widget, WidgetDirectory
from core.errors import ConfigError
from core.secrets import InstallationKey
from core.settings import Settings

DEMO_WIDGET = "demo"
DEMO_KEY_ID = "demo-shop"


@dataclass(frozen=True, slots=True)
class Widgets:
    """All widgets; `demo_key` signs the demo shop's users and is None without the demo."""

    directory: WidgetDirectory
    demo_key: bytes | None


def read_widgets(settings: Settings, key: InstallationKey) -> Widgets:
    """Read the operator's widgets and add the demo's.

    Raises:
        ConfigError: a widget does not fit; the message names it and the field.
    """
    widgets = [_widget(number, json.dumps(given)) for number, given in enumerate(settings.widgets, start=1)]
    if not settings.demo:
        return Widgets(WidgetDirectory(widgets), None)
    demo_key = key.derive("demo.user-tokens")
    demo = Widget(
        id=DEMO_WIDGET,
        name="一和 Yihe",
        names={"zh": "一和客服", "en": "Yihe Support"},
        user_keys=(UserKey(kid=DEMO_KEY_ID, key=SecretStr(demo_key.hex())),),
    )
    return Widgets(WidgetDirectory([*widgets, demo]), demo_key.hex().encode())


def _widget(number: int, given: str) -> Widget:
    try:
        return Widget.model_validate_json(given)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise ConfigError(f"YITI_WIDGETS: widget {number} does not fit: {faults}.", code="bad_widget") from error
