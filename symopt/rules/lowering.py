"""A rule's equations as programs for one coordinate."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, count
from typing import Any, Protocol

import sympy as sp

from symopt.errors import RuleError
from symopt.frontend.expressions import Lowering
from symopt.ir.dependence import (
    LATE,
    VECTOR,
    find_dependent_nodes,
    find_dependent_states,
    reassociate,
)
from symopt.ir.keys import Base, Given, Hyper, NewState, Normal, Offset, OldState, Power, Rate
from symopt.ir.program import Graph
from symopt.ir.update import INPUTS, MOST_DRAWS, Initial, Stage, State, Update
from symopt.passes.fma import form_fma, write_out_powers
from symopt.rules.symbols import (
    GlobalReduction,
    Matrix,
    T,
    diagonal,
    grad,
    hvp,
    identity,
    n,
    normal,
    optimal_value,
    solve,
    t,
    theta,
    value,
)


class Equations(Protocol):
    """What is read of a rule."""

    @property
    def name(self) -> str:
        """Its name, for messages."""

    @property
    def iterate(self) -> str:
        """What is reported as the iterate."""

    @property
    def states(self) -> Mapping[str, Initial]:
        """Where each state starts."""

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """The values that are numbers, schedules or arrays."""

    @property
    def schedules(self) -> Mapping[str, sp.Expr]:
        """The hyperparameters that change with the step."""

    @property
    def box(self) -> tuple[str, str] | None:
        """The states that hold the bounds of theta, a number for each coordinate."""

    @property
    def equations(self) -> Mapping[sp.Symbol, sp.Expr]:
        """The next value of each state and of theta."""


STAGES: dict[type[sp.Basic], str] = {
    grad: "grad",
    value: "value",
    solve: "solve",
    hvp: "hvp",
}
"""The kinds of stages; the rest are sums."""
OPTIMAL_VALUE = "optimal_value"
"""The cost's smallest value among what a kernel is given."""


class Reader:
    """Turns a rule's equations into programs for one coordinate."""

    def __init__(self, rule: Equations) -> None:
        self.rule = rule
        self.graph, self.hyper_graph = Graph(), Graph()
        self.outputs: dict[Any, int] = {}
        self.hyper_outputs: dict[Any, int] = {}
        self.stages: list[Stage] = []
        self.powers: dict[sp.Expr, int] = {}
        self.given: dict[str, None] = {}
        self.draws: dict[sp.Expr, int] = {}
        self.next: dict[sp.Symbol, int] = {}
        self.lowering = Lowering(self.graph, self._leaf)
        self.hyper_lowering = Lowering(self.hyper_graph, self._hyper_leaf)

    def update(self) -> Update:
        """Return the programs."""
        equations = self.rule.equations
        for symbol, expression in equations.items():
            self._stages_of(expression)
            node = self._lowered(expression, self.lowering)
            self.next[symbol] = node
            if symbol.name.endswith("'"):
                self.outputs[NewState(symbol.name[:-1])] = node
        for name, schedule in self.rule.schedules.items():
            self.hyper_outputs[Hyper(name)] = self._schedule(name, schedule)
        program = write_out_powers(self.graph.program(self.outputs))
        live = {
            name: start
            for name, start in self.rule.states.items()
            if NewState(name) in self.outputs
        }
        vector = find_dependent_states(program, self._placed(live), VECTOR)
        self._check_numbers(find_dependent_nodes(program, vector, VECTOR), program.outputs)
        program = form_fma(reassociate(program, find_dependent_states(program, live, LATE)))
        states = [State(name, start, name in vector) for name, start in live.items()]
        return Update(
            program=program,
            hypers=form_fma(self.hyper_graph.program(self.hyper_outputs)),
            stages=tuple(self.stages),
            states=tuple(states),
            given=tuple(self.given),
            powers=len(self.powers),
            iterate=self.rule.iterate,
            draws=len(self.draws),
            box=self.rule.box,
        )

    def _placed(self, states: Mapping[str, Initial]) -> dict[str, Initial]:
        """Return where states start, those of bounds with a number for each entry, as theta0."""
        return {**states, **dict.fromkeys(self.rule.box or (), "theta0")}

    def _stages_of(self, expression: sp.Expr) -> None:
        """Build what the expression needs of all coordinates, innermost first."""
        self._check_matrices(expression)
        for part in sp.postorder_traversal(expression):
            if part in self.lowering.made:
                continue
            if isinstance(part, normal):
                number = self.draws.setdefault(part, len(self.draws))
                if number == MOST_DRAWS:
                    raise RuleError(
                        f"{self.rule.name}: more than {MOST_DRAWS} draws of normal() in a step"
                    )
                self.lowering.made[part] = self.graph.input(Normal(number))
            elif isinstance(part, GlobalReduction):
                self.lowering.made[part] = self._stage_of(part)

    def _stage_of(self, part: GlobalReduction) -> int:
        """Build the inputs of a stage, and return the node of its result."""
        kind = STAGES.get(type(part), "sum")
        number = sum(stage.kind == kind for stage in self.stages)
        if isinstance(part, solve):
            arguments, matrix = self._equations_of(part)
        else:
            arguments, matrix = (part.args, "")
        for role, argument in zip(INPUTS[kind], arguments, strict=True):
            self.outputs[role(number)] = self._lowered(argument, self.lowering)
        stage = Stage(kind, number, matrix)
        self.stages.append(stage)
        return self.graph.input(stage.key)

    def _equations_of(self, part: solve) -> tuple[tuple[sp.Expr, ...], str]:
        """Return point, scale, shift, stretch, right side and matrix of linear equations."""
        left, right = part.args
        matrices = sorted(left.atoms(Matrix), key=str)
        expanded = sp.expand(left)
        if len(matrices) == 1:
            (matrix,) = matrices
            parts = (matrix, identity, diagonal)
            factors = [expanded.coeff(part) for part in parts]
            total = sum(factor * part for factor, part in zip(factors, parts, strict=True))
            if sp.expand(expanded - total) == 0 and not any(one.has(*parts) for one in factors):
                return (matrix.args[0], *factors, right), type(matrix).__name__
        raise RuleError(
            f"{self.rule.name}: solve({left}, ...); expected a multiple of hessian(point) or "
            "gauss_newton(point), "
            "and perhaps of identity and diagonal, as in "
            "solve(hessian(theta) + damping*identity, grad(theta))"
        )

    def _check_matrices(self, expression: sp.Expr) -> None:
        """Refuse a matrix that is multiplied as if it were a number."""
        outside = expression.replace(solve, lambda *_: sp.Integer(0)).atoms(Matrix)
        if outside:
            matrix = min(outside, key=str)
            raise RuleError(
                f"{self.rule.name}: {matrix} stands outside of solve(A, v); a rule is written for "
                "one coordinate: hvp(point, v) is the Hessian times a vector"
            )

    def _check_numbers(self, differs: list[bool], outputs: Mapping[Any, int]) -> None:
        """Refuse a matrix with a factor or damping that differs from coordinate to coordinate."""
        for key, node in outputs.items():
            if key[0] in ("scale", "shift", "stretch") and differs[node]:
                raise RuleError(
                    f"{self.rule.name}: the factors of a matrix in solve(...) differ from "
                    "coordinate to coordinate; "
                    "expected one number for all, as a hyperparameter or a norm"
                )

    def _leaf(self, symbol: sp.Basic) -> int:
        if symbol in self.next:
            return self.next[symbol]
        name = symbol.name
        if symbol in (theta, t, T, n):
            return self.graph.input(name)
        if symbol == optimal_value:
            self.given[OPTIMAL_VALUE] = None
            return self.graph.input(Hyper(OPTIMAL_VALUE))
        if name in self.rule.states:
            return self.graph.input(OldState(name))
        if name in self.rule.hyperparameters:
            if name not in self.rule.schedules:
                self.given[name] = None
            return self.graph.input(Hyper(name))
        if symbol in (identity, diagonal):
            word = "identity" if symbol == identity else "diagonal"
            raise RuleError(
                f"{self.rule.name}: {word} stands outside of solve(...); a rule is written for "
                "one coordinate"
            )
        raise RuleError(
            f"{self.rule.name}: the equations hold {name}, which is no state, hyperparameter, t or "
            "T"
        )

    def _hyper_leaf(self, symbol: sp.Basic) -> int:
        name = symbol.name
        if symbol in (t, T, n):
            return self.hyper_graph.input(name)
        if name in self.rule.schedules:
            return self.hyper_outputs[Hyper(name)]
        self.given[name] = None
        return self.hyper_graph.input(Given(name))

    def _schedule(self, name: str, value: sp.Expr) -> int:
        """Build a schedule whose decimal numbers are arguments, so that values never compile."""
        return self._lowered(with_numbers_as_symbols(name, value), self.hyper_lowering)

    def _lowered(self, expression: sp.Expr, lowering: Lowering) -> int:
        """Build an expression; base**(rate*t + offset) becomes a running product."""
        for part in sp.ordered(expression.atoms(sp.Pow)):
            base, exponent = part.args
            if not exponent.has(t) or not exponent.is_polynomial(t):
                continue
            offset, rate, *more = reversed(sp.Poly(exponent, t).all_coeffs())
            if more or not self._is_fixed(base, rate, offset):
                continue
            if part not in self.powers:
                number = self.powers[part] = len(self.powers)
                for role, value in ((Base, base), (Rate, rate), (Offset, offset)):
                    self.hyper_outputs[role(number)] = self.hyper_lowering(value)
            lowering.made[part] = lowering.graph.input(Power(self.powers[part]))
        return lowering(expression)

    def _is_fixed(self, *values: sp.Expr) -> bool:
        fixed = set(self.rule.hyperparameters) - set(self.rule.schedules)
        symbols = chain.from_iterable(value.free_symbols for value in values)
        return all(symbol.name in fixed or "[" in symbol.name for symbol in symbols)


def with_numbers_as_symbols(name: str, value: sp.Expr) -> sp.Expr:
    """Return a schedule with its decimal numbers as ``name[0]``, ``name[1]``, ..."""
    places = count()

    def numbered(part: sp.Basic) -> sp.Basic:
        if part.is_Float:
            return sp.Symbol(f"{name}[{next(places)}]", real=True)
        if part.args:
            return part.func(*map(numbered, part.args))
        return part

    return numbered(value)


def floats_of(value: sp.Expr) -> list[sp.Float]:
    """Return the decimal numbers of a schedule, in the order in which they are numbered."""
    if value.is_Float:
        return [value]
    return list(chain.from_iterable(map(floats_of, value.args)))
