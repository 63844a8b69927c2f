"""The windows of a single process, on a clock that moves when told."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from channels.web.limits import Allowance, InProcessLimits


@given(st.lists(st.floats(min_value=0, max_value=5), max_size=60))
def test_no_window_ever_holds_more_than_its_allowance(gaps: list[float]) -> None:

    at = [0.0]
    limits = InProcessLimits(now_s=lambda: at[0])
    passed: list[float] = []

    async def go() -> None:
        for gap in gaps:
            at[0] += gap
            if await limits.take("a", (Allowance(3, 10), Allowance(5, 30))) == 0.0:
                passed.append(at[0])

    asyncio.run(go())

    for count, per_s in ((3, 10), (5, 30)):
        for first, later in zip(passed, passed[count:], strict=False):
            assert later - first >= per_s - 1e-6


async def test_keys_gone_quiet_are_forgotten() -> None:
    at = [0.0]
    limits = InProcessLimits(now_s=lambda: at[0])
    await limits.take("old", (Allowance(1, 10),))
    at[0] = 100.0

    for number in range(1000):
        await limits.take(f"new-{number % 2}", (Allowance(1, 10),))

    assert "old" not in limits._taken
