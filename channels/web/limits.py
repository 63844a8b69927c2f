"""How much one visitor or address may send: sliding windows, in this process or shared through Redis."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from redis.exceptions import RedisError

from core.errors import TooManyRequestsError
from core.logs import get_logger

log = get_logger(__name__)

SWEEP_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `count` in any `per_s` seconds."""

    count: int
    per_s: float


MESSAGES = (Allowance(10, 10), Allowance(60, 60))
SESSIONS = (Allowance(20, 600),)
SESSION_REFRESHES = (Allowance(60, 600),)
SIGNALS = (Allowance(60, 10),)


class Limits(Protocol):
    """Counts what was let through, by key."""

    async def take(self, key: str, allowances: Sequence[Allowance]) -> float:
        """Count one and return 0.0, or count nothing and return the seconds until one would pass."""
        ...


async def require(limits: Limits, key: str, allowances: Sequence[Allowance], what: str) -> None:
    """Count one of `what` for `key`.

    Raises:
        TooManyRequestsError: an allowance is used up; `retry_after_s` says until when.
    """
    wait_s = await limits.take(key, allowances)
    if wait_s > 0:
        spoken = " and ".join(f"{allowance.count} in {allowance.per_s:g} s" for allowance in allowances)
        raise TooManyRequestsError(
            f"Too many {what}; at most {spoken}.", retry_after_s=wait_s, code="rate_limited", limit=spoken
        )


class InProcessLimits:
    """Windows of a single process; keys that have gone quiet are forgotten."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._taken: dict[str, tuple[float, deque[float]]] = {}
        self._calls = 0

    async def take(self, key: str, allowances: Sequence[Allowance]) -> float:
        """Count one and return 0.0, or count nothing and return the seconds until one would pass."""
        now_s = self._now_s()
        self._sweep(now_s)
        longest_s = max(allowance.per_s for allowance in allowances)
        _, taken = self._taken.get(key, (0.0, deque[float]()))
        while taken and taken[0] <= now_s - longest_s:
            taken.popleft()
        wait_s = max(_wait_s(taken, allowance, now_s) for allowance in allowances)
        if wait_s > 0:
            return wait_s
        taken.append(now_s)
        self._taken[key] = (now_s + longest_s, taken)
        return 0.0

    def _sweep(self, now_s: float) -> None:
        self._calls += 1
        if self._calls % SWEEP_EVERY == 0:
            self._taken = {key: value for key, value in self._taken.items() if value[0] > now_s}


def _wait_s(taken: deque[float], allowance: Allowance, now_s: float) -> float:
    if len(taken) < allowance.count:
        return 0.0
    frees_at_s = taken[-allowance.count] + allowance.per_s
    return max(0.0, frees_at_s - now_s)


_TAKE = """
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local longest_ms = 0
for i = 2, #ARGV, 2 do longest_ms = math.max(longest_ms, tonumber(ARGV[i + 1])) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms - longest_ms)
local wait_ms = 0
for i = 2, #ARGV, 2 do
  local oldest = redis.call('ZREVRANGE', KEYS[1], ARGV[i] - 1, ARGV[i] - 1, 'WITHSCORES')
  if oldest[2] then wait_ms = math.max(wait_ms, tonumber(oldest[2]) + ARGV[i + 1] - now_ms) end
end
if wait_ms > 0 then return wait_ms end
redis.call('ZADD', KEYS[1], now_ms, ARGV[1])
redis.call('PEXPIRE', KEYS[1], longest_ms)
return 0
"""


class RedisLimits:
    """Windows that all replicas share; one script, so two replicas never both take the last one.

    While Redis cannot be reached each replica counts for itself: customers keep writing, floods stay bounded.
    """

    def __init__(self, redis: Any, prefix: str = "yiti:limit:") -> None:
        self._take = redis.register_script(_TAKE)
        self._prefix = prefix
        self._alone = InProcessLimits()

    async def take(self, key: str, allowances: Sequence[Allowance]) -> float:
        """Count one and return 0.0, or count nothing and return the seconds until one would pass."""
        numbers = [str(n) for one in allowances for n in (one.count, int(one.per_s * 1000))]
        try:
            wait_ms = await self._take(keys=[self._prefix + key], args=[uuid4().hex, *numbers])
        except RedisError as error:
            log.warning("web.limits_not_shared", error=type(error).__name__)
            return await self._alone.take(key, allowances)
        return float(wait_ms) / 1000
