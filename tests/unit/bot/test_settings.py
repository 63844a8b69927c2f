"""Blocks of config.yml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from bot.nlu.settings import SettingsError, read_settings


@dataclass(frozen=True)
class Settings:
    scale: float = 1.0
    folder: str = "data"
    entities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.scale <= 0:
            raise ValueError("scale must be above 0.")


def test_reads_values_and_defaults() -> None:
    assert read_settings(Settings, {"scale": 2, "entities": ["a"]}, "C") == Settings(2.0, "data", ("a",))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"scael": 1}, "C has no key 'scael' in config.yml; it knows: entities, folder, scale"),
        ({"scale": "2"}, "C.scale is '2' in config.yml; it must be of type float"),
        ({"scale": True}, "C.scale is True"),
        ({"scale": -1}, "C: scale must be above 0"),
        ({"entities": "product"}, "must be a list of texts"),
        ({"folder": None}, "must be of type str"),
    ],
)
def test_refuses_what_it_does_not_know(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(Settings, config, "C")
