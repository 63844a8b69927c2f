"""Settings refuse what they do not know and name what does not fit."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from core.settings import load_settings


def test_defaults_need_no_other_server() -> None:
    settings = load_settings()

    assert settings.database.startswith("sqlite+aiosqlite:///")
    assert settings.redis_url is None
    assert settings.engine_url is None
    assert settings.host == "127.0.0.1"


def test_a_misspelt_setting_is_refused_with_the_nearest_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YITI_DATABSE_URL", "sqlite+aiosqlite:///x.db")

    with pytest.raises(ConfigError, match=r"YITI_DATABSE_URL is not .* Did you mean YITI_DATABASE_URL\?"):
        load_settings()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("YITI_PORT", "eighty", "YITI_PORT: Input should be a valid integer"),
        ("YITI_PORT", "70000", "YITI_PORT: Input should be less than or equal to 65535"),
        ("YITI_ORDER_GATEWAY", "http", "YITI_ORDER_API_URL must say where the shop's API is"),
        ("YITI_ENGINE_URL", "http://engine:5005", "YITI_ENGINE_SECRET must hold the secret"),
        ("YITI_SECRET_KEY", "short", "YITI_SECRET_KEY needs 32 bytes or more"),
        ("YITI_WIDGETS", "[{", "YITI_WIDGETS: it is not valid JSON"),
    ],
)
def test_a_value_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch, key: str, value: str, said: str) -> None:
    monkeypatch.setenv(key, value)

    with pytest.raises(ConfigError, match=said):
        load_settings()


def test_the_demo_s_open_sign_in_never_leads_to_a_real_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YITI_ORDER_GATEWAY", "http")
    monkeypatch.setenv("YITI_ORDER_API_URL", "https://shop.example/yiti")

    with pytest.raises(ConfigError, match="YITI_DEMO must be false"):
        load_settings()

    monkeypatch.setenv("YITI_DEMO", "false")
    assert load_settings().order_gateway == "http"


def test_the_key_that_chooses_the_launcher_s_python_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YITI_PYTHON", "python3.12")

    assert load_settings().port == 8080


def test_a_secret_is_never_in_the_message_or_the_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YITI_SECRET_KEY", "correct-horse-battery-staple-correct")
    monkeypatch.setenv("YITI_PORT", "x")

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert "correct-horse" not in str(caught.value)
    monkeypatch.setenv("YITI_PORT", "1")
    assert "correct-horse" not in repr(load_settings())


def test_widgets_are_given_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YITI_WIDGETS", '[{"id": "shop", "name": "Shop", "origins": ["https://shop.example"]}]')

    assert load_settings().widgets[0]["origins"] == ["https://shop.example"]
