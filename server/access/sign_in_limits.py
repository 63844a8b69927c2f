"""The rule that slows guessing: how long a login or an address must wait after failed sign-ins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class LimitKind(StrEnum):
    """What failed sign-ins are counted by."""

    LOGIN = "login"
    ADDRESS = "address"


@dataclass(frozen=True)
class SignInLimit:
    """How many failures are free, and how the delay grows after them.

    The n-th failure past `n_free` makes the next try wait `first_delay_s * 2 ** (n - 1)` seconds, at most
    `longest_delay_s`. Failures older than `forget_after_s` are forgotten.
    """

    n_free: int
    first_delay_s: float = 1.0
    longest_delay_s: float = 300.0
    forget_after_s: float = 3600.0

    def delay_s(self, n_failures: int) -> float:
        """Return the seconds to wait after this many failures in a row."""
        if n_failures < self.n_free:
            return 0.0
        exponent = min(n_failures - self.n_free, 32)
        return min(self.first_delay_s * 2.0**exponent, self.longest_delay_s)


@dataclass(frozen=True)
class FailedTries:
    """The failures counted under one key, and when the last one was."""

    n_failures: int
    last_at: datetime | None

    def wait_s(self, limit: SignInLimit, now: datetime) -> float:
        """Return how many seconds the next try has still to wait; 0.0 when it may go ahead."""
        if self.last_at is None or self.is_forgotten(limit, now):
            return 0.0
        free_at = self.last_at + timedelta(seconds=limit.delay_s(self.n_failures))
        return max(0.0, (free_at - now).total_seconds())

    def one_more(self, limit: SignInLimit, now: datetime) -> FailedTries:
        """Return the count with one more failure at `now`."""
        return FailedTries(1 if self.is_forgotten(limit, now) else self.n_failures + 1, now)

    def is_forgotten(self, limit: SignInLimit, now: datetime) -> bool:
        """Tell whether the last failure is too long ago to count."""
        return self.last_at is not None and now - self.last_at > timedelta(seconds=limit.forget_after_s)


BY_LOGIN = SignInLimit(n_free=5)
BY_ADDRESS = SignInLimit(n_free=20, longest_delay_s=900.0)
LIMITS = {LimitKind.LOGIN: BY_LOGIN, LimitKind.ADDRESS: BY_ADDRESS}
