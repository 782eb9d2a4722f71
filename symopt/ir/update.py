"""An optimizer's update as programs: what the compiler needs of a rule, without SymPy.

The programs are written for one coordinate. Their inputs are ``"theta"`` and ``("state", name)``
(old values), ``("hyper", name)``, ``"t"``, ``"T"``, ``"n"``, ``("grad", k)`` (the k-th gradient the
rule asks for), ``("value", k)`` (the k-th value of the cost), ``("sum", k)`` (the k-th sum over all
parameters), ``("solve", k)`` (the k-th solution of linear equations), ``("normal", k)`` (the k-th
draw of normal numbers) and ``("power", k)`` (base**(rate*t + offset), kept as a running product).
"""

from __future__ import annotations

from dataclasses import dataclass

from symopt.ir.program import Graph, Key, Node, Program

Initial = float | str
"""The start of a state: a number, a hyperparameter's name, ``"theta0"`` or ``"grad0"``."""


@dataclass(frozen=True)
class Stage:
    """A quantity of all coordinates at once that the update needs: grad, value, sum, solve.

    The ``matrix`` of linear equations is "hessian" or "gauss_newton".
    """

    kind: str
    number: int
    matrix: str = ""


INPUTS = {
    "grad": ("point",),
    "value": ("place",),
    "sum": ("summand",),
    "solve": ("corner", "scale", "shift", "right"),
}
"""The outputs of the program that each kind of stage is made of."""


MOST_DRAWS = 128
"""Different draws of normal numbers that a rule may ask for in a step."""


@dataclass(frozen=True)
class State:
    """A state of the rule: one number a coordinate (``vector``), or one for the whole run."""

    name: str
    initial: Initial
    vector: bool


@dataclass(frozen=True, kw_only=True)
class Update:
    """One step of a rule.

    Attributes
    ----------
    program
        Outputs ``("point", k)`` (where the k-th gradient is taken), ``("place", k)`` (the k-th
        value), ``("summand", k)``; for linear equations ``("corner", k)`` (where the matrix is
        taken), ``("scale", k)``, ``("shift", k)`` (scale*matrix + shift*identity) and ``("right",
        k)``; and ``("new", name)`` for ``"theta"`` and every state.
    hypers
        Outputs ``("hyper", name)`` of those that are expressions in the step, and
        ``("base", k)``, ``("rate", k)``, ``("offset", k)`` of the powers; inputs are
        ``("given", name)``, ``"t"``, ``"T"``, ``"n"`` and ``("power", k)``.
    """

    program: Program
    hypers: Program
    stages: tuple[Stage, ...]
    states: tuple[State, ...]
    given: tuple[str, ...]
    powers: int
    iterate: str = "theta"
    draws: int = 0

    def __str__(self) -> str:
        """Return the stages, hyperparameters and next values as three-address lines."""
        stages = [f"stage {stage.number}: {stage.kind}" for stage in self.stages]
        parts = ["\n".join(stages)]
        if self.hypers.outputs:
            parts.append(f"once a step\n{self.hypers}")
        parts.append(f"for each coordinate\n{self.program}")
        return "\n\n".join(part for part in parts if part)

    @property
    def gradients(self) -> int:
        """How many gradients one step takes."""
        return sum(stage.kind == "grad" for stage in self.stages)


VECTOR = ("theta", "grad", "solve", "normal")
"""Inputs that differ from coordinate to coordinate."""
LATE = (*VECTOR, "sum", "value")
"""Inputs that are not known before the cost is evaluated."""


def find_dependent_nodes(program: Program, states: set[str], kinds: tuple[str, ...]) -> list[bool]:
    """Return, for each node, whether it depends on inputs of these kinds or on these states."""
    result: list[bool] = []
    for node in program.nodes:
        result.append(
            _depends_directly(node.payload, states, kinds)  # type: ignore[arg-type]
            if node.op == "input"
            else any(result[arg] for arg in node.args)
        )
    return result


def _depends_directly(key: Key, states: set[str], kinds: tuple[str, ...]) -> bool:
    if isinstance(key, str):
        return key in kinds
    return key[0] in kinds or (key[0] == "state" and key[1] in states)


def find_dependent_states(
    program: Program, initial: dict[str, Initial], kinds: tuple[str, ...]
) -> set[str]:
    """Return the states that inputs of these kinds reach, now or through other states."""
    found = {name for name, start in initial.items() if start in ("theta0", "grad0")}
    while True:
        nodes = find_dependent_nodes(program, found, kinds)
        more = found | {name for name in initial if nodes[program.outputs["new", name]]}
        if more == found:
            return found
        found = more


def reassociate(program: Program, late_states: set[str]) -> Program:
    """Return the program with each product's early factors joined into one.

    Early is what is known once a step: eta*m/(1 - beta**t) becomes (eta/(1 - beta**t))*m, whose
    quotient serves all coordinates and lanes.
    """
    late = find_dependent_nodes(program, late_states, LATE)

    def build(graph: Graph, number: int, node: Node, args: tuple[int, ...]) -> int | None:  # noqa: ARG001
        if node.op not in PRODUCTS or not late[number]:
            return None
        return _product(graph, _factors(program, late, number), late, made)

    made: dict[int, int] = {}
    return program.rewrite(build, made)


PRODUCTS = ("mul", "div", "neg")
Factors = tuple[list[int], list[int], bool]


def _factors(program: Program, late: list[bool], root: int) -> Factors:
    """Return what is multiplied, what it is divided by, and whether the sign changes."""
    above: list[int] = []
    below: list[int] = []
    negative = False
    stack = [(root, False)]
    while stack:
        number, divides = stack.pop()
        op, args, _ = program.nodes[number]
        if op not in PRODUCTS or not late[number]:
            (below if divides else above).append(number)
        elif op == "neg":
            negative = not negative
            stack.append((args[0], divides))
        else:
            stack += [(args[1], divides != (op == "div")), (args[0], divides)]
    return above, below, negative


def _product(graph: Graph, factors: Factors, late: list[bool], made: dict[int, int]) -> int:
    above, below, negative = factors

    def joined(numbers: list[int], start: int | None = None) -> int | None:
        for number in numbers:
            if start is None:
                start = made[number]
            else:
                start = graph.op("mul", start, made[number])
        return start

    scale = joined([number for number in above if not late[number]])
    divisor = joined([number for number in below if not late[number]])
    if divisor is not None:
        scale = graph.op("div", graph.const(1.0) if scale is None else scale, divisor)
    if negative:
        if scale is None:
            scale = graph.const(-1.0)
        else:
            scale = graph.op("neg", scale)
    product = joined([number for number in above if late[number]], scale)
    if product is None:
        product = graph.const(1.0)
    quotient = joined([number for number in below if late[number]])
    if quotient is None:
        return product
    return graph.op("div", product, quotient)
