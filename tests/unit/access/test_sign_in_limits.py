from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.access.sign_in_limits import FailedTries, SignInLimit

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LIMIT = SignInLimit(n_free=3, first_delay_s=2.0, longest_delay_s=30.0, forget_after_s=600.0)


@pytest.mark.parametrize(("n_failures", "delay_s"), [(0, 0), (2, 0), (3, 2), (4, 4), (5, 8), (7, 30), (10_000, 30)])
def test_the_delay_doubles_after_the_free_failures_up_to_the_longest(n_failures: int, delay_s: float) -> None:
    assert LIMIT.delay_s(n_failures) == delay_s


def test_the_wait_runs_from_the_last_failure() -> None:
    tries = FailedTries(5, NOW)

    assert tries.wait_s(LIMIT, NOW + timedelta(seconds=3)) == 5
    assert tries.wait_s(LIMIT, NOW + timedelta(seconds=8)) == 0


def test_old_failures_are_forgotten() -> None:
    tries = FailedTries(50, NOW)

    later = tries.one_more(LIMIT, NOW + timedelta(seconds=601))

    assert later.n_failures == 1
    assert tries.one_more(LIMIT, NOW + timedelta(seconds=600)).n_failures == 51


def test_the_first_try_ever_waits_for_nothing() -> None:
    assert FailedTries(0, None).wait_s(LIMIT, NOW) == 0
