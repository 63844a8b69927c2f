"""Set-up steps: progress, failures with their cause, and skipping what is done."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from core.errors import ConfigError
from server.setup.steps import Step, StepRunner, fingerprint, is_stamped, put_stamp, run_command


def test_steps_of_a_lane_run_in_order_and_say_what_they_did() -> None:
    written, order = io.StringIO(), list[str]()

    def step(name: str) -> Step:
        return Step(name, lambda _show: order.append(name) or f"did {name}")

    StepRunner(Console(file=written)).run([step("a"), step("b")], [step("c")])

    assert order.index("a") < order.index("b")
    assert all(f"did {name}" in written.getvalue() for name in "abc")


def test_a_failed_step_ends_its_lane_with_its_message() -> None:
    ran: list[str] = []

    def fail(_show: object) -> str:
        raise ConfigError("The index is broken.")

    with pytest.raises(ConfigError, match="The index is broken"):
        StepRunner(Console(file=io.StringIO())).run(
            [Step("index", fail), Step("after", lambda _show: ran.append("after") or "")]
        )

    assert ran == []


def test_a_failed_command_is_told_with_the_end_of_its_output(tmp_path: Path) -> None:
    shown: list[str] = []

    with pytest.raises(ConfigError, match=r"(?s)It did not work\..*the reason"):
        run_command(
            [sys.executable, "-c", "print('working'); print('the reason'); raise SystemExit(3)"],
            cwd=tmp_path,
            show=shown.append,
            failure="It did not work.",
        )

    assert [line.strip() for line in shown] == ["working", "the reason"]


def test_a_command_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no-such-program could not be started"):
        run_command(["no-such-program"], cwd=tmp_path, show=print, failure="Not possible.")


def test_a_fingerprint_changes_with_content_names_and_words(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("1")
    before = fingerprint([one, other])
    assert fingerprint([other, one]) == before
    assert fingerprint([one]) != before
    assert fingerprint([one, other], "word") != before

    one.write_text("2")

    assert fingerprint([one, other]) != before


def test_a_stamp_is_good_for_its_fingerprint_only(tmp_path: Path) -> None:
    assert not is_stamped(tmp_path, "a")

    put_stamp(tmp_path, "a")

    assert is_stamped(tmp_path, "a")
    assert not is_stamped(tmp_path, "b")
