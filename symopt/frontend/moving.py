"""Which nodes of a graph depend on parameters."""

from __future__ import annotations

from symopt.ir.keys import Key
from symopt.ir.program import Graph, Load

MOVING_KINDS = {"x", "where"}


def is_parameter(key: Key) -> bool:
    """Return whether an input is a parameter, or an entry that depends on parameters."""
    if isinstance(key, Load):
        return key.array[0] in MOVING_KINDS
    return key[0] == "x"


class Moving:
    """The nodes of a graph that depend on parameters; asked as ``number in moving``."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._known: list[bool] = []

    def __contains__(self, number: int) -> bool:
        nodes = self.graph.nodes
        for node in nodes[len(self._known) :]:
            own = node.op == "input" and is_parameter(node.payload)  # type: ignore[arg-type]
            self._known.append(own or any(self._known[arg] for arg in node.args))
        return self._known[number]
