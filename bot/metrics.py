"""Counts what the engine does, and renders it as Prometheus text."""

from __future__ import annotations

import resource
from collections import Counter

_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one process since its start."""

    def __init__(self) -> None:
        self._turns: Counter[str] = Counter()
        self._buckets: Counter[float] = Counter()
        self._turn_s = 0.0
        self._n_timed = 0
        self._n_actions = 0
        self._action_s = 0.0
        self.start_s = 0.0

    def count_turn(self, outcome: str, seconds: float | None = None) -> None:
        """Count a turn by its outcome, and time it when it ran."""
        self._turns[outcome] += 1
        if seconds is not None:
            self._n_timed += 1
            self._turn_s += seconds
            self._buckets[next((bound for bound in _BOUNDS_S if seconds <= bound), float("inf"))] += 1

    def count_actions(self, n_actions: int, seconds: float) -> None:
        """Count the action calls of a turn."""
        self._n_actions += n_actions
        self._action_s += seconds

    def render(self, *, ready: bool, n_live: int) -> str:
        """Return the text exposition."""
        lines = ["# TYPE yiti_engine_turns_total counter"]
        lines += [f'yiti_engine_turns_total{{outcome="{name}"}} {count}' for name, count in sorted(self._turns.items())]
        lines.append("# TYPE yiti_engine_turn_seconds histogram")
        total = 0
        for bound in _BOUNDS_S:
            total += self._buckets[bound]
            lines.append(f'yiti_engine_turn_seconds_bucket{{le="{bound}"}} {total}')
        lines += [
            f'yiti_engine_turn_seconds_bucket{{le="+Inf"}} {self._n_timed}',
            f"yiti_engine_turn_seconds_sum {self._turn_s:.6f}",
            f"yiti_engine_turn_seconds_count {self._n_timed}",
            "# TYPE yiti_engine_actions_total counter",
            f"yiti_engine_actions_total {self._n_actions}",
            "# TYPE yiti_engine_action_seconds_total counter",
            f"yiti_engine_action_seconds_total {self._action_s:.6f}",
            "# TYPE yiti_engine_ready gauge",
            f"yiti_engine_ready {int(ready)}",
            "# TYPE yiti_engine_live_trackers gauge",
            f"yiti_engine_live_trackers {n_live}",
            "# TYPE yiti_engine_start_seconds gauge",
            f"yiti_engine_start_seconds {self.start_s:.3f}",
            "# TYPE yiti_engine_peak_memory_bytes gauge",
            f"yiti_engine_peak_memory_bytes {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}",
        ]
        return "\n".join(lines) + "\n"
