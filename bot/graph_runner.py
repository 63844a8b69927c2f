"""Runs Rasa's prediction graph in an order found once; Rasa itself builds the graph anew for each prediction."""

from __future__ import annotations

from typing import Any

from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner

_Order = list[tuple[str, tuple[str, ...]]]  # nodes with the nodes each needs


class OrderedGraphRunner(DaskGraphRunner):
    """The same nodes with the same inputs as Rasa's runner, without its scheduler."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._orders: dict[tuple[tuple[str, ...], frozenset[str]], _Order] = {}

    def run(self, inputs: dict[str, Any] | None = None, targets: list[str] | None = None) -> dict[str, Any]:
        """Run the nodes that the targets need and return the targets' outputs by node name."""
        wanted = tuple(targets or self._graph_schema.target_names)
        given = inputs or {}
        results: dict[str, Any] = {name: (name, value) for name, value in given.items()}
        for name, needs in self._order(wanted, frozenset(given)):
            results[name] = self._instantiated_nodes[name](*(results[need] for need in needs))
        return {name: results[name][1] for name in wanted}

    def _order(self, targets: tuple[str, ...], given: frozenset[str]) -> _Order:
        key = (targets, given)
        if key not in self._orders:
            self._orders[key] = self._find_order(targets, given)
        return self._orders[key]

    def _find_order(self, targets: tuple[str, ...], given: frozenset[str]) -> _Order:
        nodes = self._graph_schema.nodes
        order: _Order = []
        done = set(given)

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in done:
                return
            if name in path:
                raise GraphRunError(f"The graph's node {name!r} needs itself.")
            if name not in nodes:
                raise GraphRunError(
                    f"The graph has no node {name!r}, which {path[-1] if path else 'a target'!r} needs."
                )
            needs = tuple(nodes[name].needs.values())
            for need in needs:
                visit(need, (*path, name))
            done.add(name)
            order.append((name, needs))

        for target in targets:
            visit(target, ())
        return order
