"""Nothing times infinity is nothing, where a chain of slopes would make it NaN.

An adjoint is exactly zero where a branch was not taken: min(x, exp(x)) at 1000 passes 0 to an
exponential that overflows. It is infinite below a function of infinite slope, acos at 1 or u*log(u)
at 0, and what lies below may have slope 0 there, as x**2*log(x**2) at 0. Both products are 0. So is
what an exponential passes on where it has come to 0: in exp(-exp(x**2)) the inner slope is infinite
long before it could weigh anything. Everywhere else adjoints are multiplied as they are.
"""

from __future__ import annotations

from symopt.autodiff.partials import partials
from symopt.ir.ops import COMPARISONS, LOGIC, REDUCTIONS
from symopt.ir.program import Graph, Load

STEEP = {"asin", "acos", "acosh", "xlogx", "vanishing"}
"""Functions with an infinite slope where their value is finite.

Square roots and powers have slope 0 there.
"""
LEVEL = {
    "exp",
    "sigmoid",
    "softplus",
    "tanh",
    "coth",
    "sech",
    "csch",
    "sech2",
    "erf",
    "erfc",
    "gauss",
}
"""Functions whose slope goes to 0 as an exponential does: faster than any slope below can grow."""
LINEAR = {"add", "sub", "neg", "select"}
TAME = (
    COMPARISONS
    | LOGIC
    | LINEAR
    | {
        "const",
        "input",
        "sum",
        "mul",
        "abs",
        "sqrt",
        "sign",
        "floor",
        "sin",
        "cos",
        "tanh",
        "atan",
        "erf",
        "erfc",
        "sigmoid",
        "softplus",
        "asinh",
        "gauss",
        "sech2",
        "sech",
        "log_cosh",
        "sinc",
        "hypot",
        "logaddexp",
    }
)
"""Operations whose slopes are finite where their arguments are."""


class ZeroSafe:
    """Says which products of adjoint and slope need care."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._masked: set[int] = set()
        self._steep: set[int] = set()
        self._wild: list[bool] = []

    def product(self, number: int, arg: int, seed: int, term: int) -> int:
        """Build what a node passes to ``arg``: 0 where its adjoint is, NaN below a steep slope."""
        op = self.graph.nodes[number].op
        if op in LINEAR or op in REDUCTIONS or self.graph.value(term) is not None:
            return term
        if op in STEEP:
            return self._unless_zero("steep", seed, term)
        if number in self._masked and self._is_wild(number):
            return self._unless_zero("guarded", seed, term)
        if number not in self._steep or arg not in self.graph.nodes[number].args:
            return term
        slope = partials(self.graph, number)[self.graph.nodes[number].args.index(arg)]
        if slope is None:
            return term
        return self._unless_zero("steep", slope, term)

    def pass_on(self, number: int, arg: int, *, masked: bool) -> None:
        """Note that ``arg`` has an adjoint from ``number``, which a select may mask."""
        op = self.graph.nodes[number].op
        if masked or op == "vanishing" or op in LEVEL or number in self._masked:
            self._masked.add(arg)
        if op in STEEP or number in self._steep:
            self._steep.add(arg)

    def _unless_zero(self, op: str, factor: int, term: int) -> int:
        if self.graph.value(factor) is not None:
            return term
        return self.graph.op(op, factor, term)

    def _is_wild(self, number: int) -> bool:
        """Return whether a slope at a node or below it may be infinite."""
        for node in self.graph.nodes[len(self._wild) :]:
            own = node.op not in TAME and not self._is_whole_power(node.op, node.args)
            own = own or (
                isinstance(node.payload, Load) and node.payload.near
            )  # NaN beside the array
            self._wild.append(own or any(self._wild[arg] for arg in node.args))
        return self._wild[number]

    def _is_whole_power(self, op: str, args: tuple[int, ...]) -> bool:
        power = None
        if op == "pow":
            power = self.graph.value(args[1])
        return power is not None and power >= 1.0
