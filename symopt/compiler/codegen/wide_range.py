"""Programs whose sines and remainders reach every argument, where the fast ones are NaN.

The fast functions keep a loop over lanes free of branches; what they leave out (a sine of
|x| > 2**48, a remainder of a quotient above 2**53) costs a hundred times as much. Both agree, in
bits, wherever the fast ones are not NaN.
"""

from __future__ import annotations

from collections.abc import Callable

from symopt.ir.program import Graph, Node, Program


def _sine(g: Graph, x: int) -> int:
    return g.op("sin_far", x)


def _cosine(g: Graph, x: int) -> int:
    return g.op("cos_far", x)


def _over_square(g: Graph, above: int, name: str, x: int) -> int:
    """Return above/f(x)**2, with what f(x) rounds away."""
    below = g.op(name, x)
    size = g.op("div", above, g.op("mul", below, below))
    return g.op("sub", size, g.op("mul", g.op("mul", g.const(2.0), g.op(f"{name}_part", x)), size))


def _sinc(g: Graph, x: int) -> int:
    return g.op("div", _sine(g, x), x)


def _sinc_slope(g: Graph, x: int) -> int:
    return g.op("div", g.op("sub", _cosine(g, x), _sinc(g, x)), x)


def _sinc_curvature(g: Graph, x: int) -> int:
    twice = g.op("mul", g.const(2.0), _sinc_slope(g, x))
    return g.op("neg", g.op("div", g.op("add", _sine(g, x), twice), x))


FAR: dict[str, Callable[..., int]] = {
    "sin": _sine,
    "cos": _cosine,
    "tan": lambda g, x: g.op("div", _sine(g, x), _cosine(g, x)),
    "cot": lambda g, x: g.op("div", _cosine(g, x), _sine(g, x)),
    "sec": lambda g, x: g.op("div", g.const(1.0), _cosine(g, x)),
    "csc": lambda g, x: g.op("div", g.const(1.0), _sine(g, x)),
    "tan_slope": lambda g, x: _over_square(g, g.const(1.0), "cos_far", x=x),
    "cot_slope": lambda g, x: _over_square(g, g.const(-1.0), "sin_far", x=x),
    "sec_slope": lambda g, x: _over_square(g, _sine(g, x), "cos_far", x=x),
    "csc_slope": lambda g, x: _over_square(g, g.op("neg", _cosine(g, x)), "sin_far", x=x),
    "sinc": _sinc,
    "sinc_slope": _sinc_slope,
    "sinc_curvature": _sinc_curvature,
    "mod": lambda g, x, y: g.op("mod_far", x, y),
}
"""What stands for a function where the fast one is NaN."""


def everywhere(program: Program) -> Program | None:
    """Return the program with the slow functions beside the fast ones, or None."""
    operations = {node.op for node in program.nodes}
    if not operations & set(FAR) or operations & {"sin_far", "cos_far", "mod_far"}:
        return None

    def build(graph: Graph, _: int, node: Node, args: tuple[int, ...]) -> int | None:
        if node.op not in FAR:
            return None
        fast = graph.op(node.op, *args)
        return graph.op("select", graph.op("eq", fast, fast), fast, FAR[node.op](graph, *args))

    return program.rewrite(build)
