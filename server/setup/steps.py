"""Runs set-up steps with progress; a step whose inputs did not change is skipped."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from core.errors import ConfigError

STAMP = ".yiti-stamp"
KEPT_LINES = 40
QUIET_LINE_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that must be done before the product runs.

    `run` gets a function that shows a line of progress, and returns what to say when done.
    """

    name: str
    run: Callable[[Callable[[str], None]], str]


class StepRunner:
    """Shows steps as they run, in lanes that go side by side."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def run(self, *lanes: Sequence[Step]) -> None:
        """Run each lane's steps in order, lanes side by side; the first failure ends the set-up.

        Raises:
            ConfigError: a step failed; the message says which one and what to do.
        """
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<22}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[now]}", markup=True),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        failed = threading.Event()
        with progress, ThreadPoolExecutor(max_workers=len(lanes)) as pool:
            running = [pool.submit(self._run_lane, lane, progress, failed) for lane in lanes]
        for lane in running:
            lane.result()

    def _run_lane(self, lane: Sequence[Step], progress: Progress, failed: threading.Event) -> None:
        for step in lane:
            if failed.is_set():
                return
            task = progress.add_task(step.name, total=None, now="")
            began = time.monotonic()
            try:
                said = step.run(self._shower(progress, task, step.name))
            except BaseException:
                failed.set()
                raise
            finally:
                progress.remove_task(task)
            took = time.monotonic() - began
            self._console.print(f"[green]✓[/green] {step.name:<22} {said} [dim]({took:.1f} s)[/dim]", highlight=False)

    def _shower(self, progress: Progress, task: TaskID, name: str) -> Callable[[str], None]:
        """Return how a step shows where it is: beside its spinner, or as a line now and then where no terminal is."""
        shown_at = time.monotonic()

        def show(line: str) -> None:
            nonlocal shown_at
            progress.update(task, now=escape(line.strip()[:80]))
            if not self._console.is_terminal and time.monotonic() - shown_at > QUIET_LINE_EVERY_S:
                shown_at = time.monotonic()
                self._console.print(f"  … {name}: {line.strip()[:80]}", markup=False, highlight=False, soft_wrap=True)

        return show


def run_command(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    show: Callable[[str], None],
    failure: str,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end, showing its last line.

    Raises:
        ConfigError: it failed; the message is `failure` followed by the end of its output.
    """
    tail: deque[str] = deque(maxlen=KEPT_LINES)
    try:
        process = subprocess.Popen(  # noqa: S603 - the commands are ours
            [str(part) for part in command],
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise ConfigError(f"{failure} {command[0]} could not be started: {error.strerror}.") from error
    if process.stdout is not None:
        for line in process.stdout:
            if line.strip():
                tail.append(line.rstrip())
                show(line)
    if process.wait() != 0:
        shown = "\n    ".join(tail)
        raise ConfigError(f"{failure} `{' '.join(str(part) for part in command[:4])} …` said:\n    {shown}")


def fingerprint(paths: Iterable[Path], *more: str) -> str:
    """Return a digest of files' names and contents and of the words given."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(str(path).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for word in more:
        digest.update(word.encode() + b"\0")
    return digest.hexdigest()


def is_stamped(folder: Path, mark: str) -> bool:
    """Say whether a folder was finished for this fingerprint."""
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == mark


def put_stamp(folder: Path, mark: str) -> None:
    """Mark a folder as finished for this fingerprint."""
    (folder / STAMP).write_text(mark)
