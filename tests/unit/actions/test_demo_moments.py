from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from actions.order_gateways.demo_moments import resolve_day, resolve_moment
from core.errors import ConfigError

NOW = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)  # noon in the shop


def test_a_relative_moment_is_in_the_shops_time_zone() -> None:
    assert resolve_moment("-3d 20:15", NOW) == datetime(2026, 3, 7, 12, 15, tzinfo=UTC)


def test_a_moment_of_today_that_is_still_to_come_was_yesterdays() -> None:
    assert resolve_moment("-0d 15:00", NOW) == datetime(2026, 3, 9, 7, 0, tzinfo=UTC)
    assert resolve_moment("-0d 11:00", NOW) == datetime(2026, 3, 10, 3, 0, tzinfo=UTC)


def test_a_customers_own_moment_stays_where_it_was() -> None:
    assert resolve_moment("2026-01-02T03:04:05+00:00", NOW) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert resolve_day("2026-01-02", NOW) == date(2026, 1, 2)


def test_a_relative_day_is_counted_from_the_shops_today() -> None:
    assert resolve_day("+2d", datetime(2026, 3, 10, 20, 0, tzinfo=UTC)) == date(2026, 3, 13)


def test_nonsense_names_itself() -> None:
    with pytest.raises(ConfigError, match="'soon' is no moment"):
        resolve_moment("soon", NOW)
