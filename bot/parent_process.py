"""Ends this process when the one that started it is gone, however that one ended."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_CHECK_S = 1.0


def die_with(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent ends; end now if the parent is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise SystemExit(f"The parent process {parent_pid} is gone.")


async def watch(parent_pid: int, when_gone: Callable[[], None]) -> None:
    """Call `when_gone` once the parent is gone; for systems where the kernel does not tell."""
    while os.getppid() == parent_pid:  # noqa: ASYNC110  (nobody sets an event when a process dies)
        await asyncio.sleep(_CHECK_S)
    when_gone()
