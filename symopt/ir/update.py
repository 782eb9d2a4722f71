"""An optimizer's update as programs: what the compiler needs of a rule, without SymPy.

The programs are written for one coordinate. Their inputs are ``"theta"`` and ``OldState(name)``,
``Hyper(name)``, ``"t"``, ``"T"``, ``"n"``, ``Gradient(k)`` (the k-th gradient the rule asks for),
``CostValue(k)``, ``GlobalSum(k)`` (the k-th sum over all parameters), ``Solution(k)`` (of the k-th
linear equations), ``HessianProduct(k)`` (the k-th Hessian times a vector), ``Normal(k)`` (the k-th
draw) and ``Power(k)`` (base**(rate*t + offset), kept as a running product).
"""

from __future__ import annotations

from dataclasses import dataclass

from symopt.ir.keys import (
    BasePoint,
    Corner,
    CostValue,
    Direction,
    GlobalSum,
    Gradient,
    HessianProduct,
    Place,
    Point,
    RightSide,
    Scale,
    Shift,
    Solution,
    Stretch,
    Summand,
    TypedKey,
)
from symopt.ir.program import Program

Initial = float | str
"""The start of a state: a number, a hyperparameter's name, ``"theta0"`` or ``"grad0"``."""


@dataclass(frozen=True)
class Stage:
    """A quantity of all coordinates at once that the update needs: grad, value, sum, solve, hvp.

    The ``matrix`` of linear equations is "hessian" or "gauss_newton".
    """

    kind: str
    number: int
    matrix: str = ""

    @property
    def key(self) -> TypedKey:
        """The key of its result."""
        return RESULTS[self.kind](self.number)

    @property
    def per_coordinate(self) -> bool:
        """Whether its result is a number for each coordinate, not one for all."""
        return self.kind in ("grad", "solve", "hvp")


RESULTS: dict[str, type[TypedKey]] = {
    key.kind: key for key in (Gradient, CostValue, GlobalSum, Solution, HessianProduct)
}
"""The key of what each kind of stage gives."""

INPUTS: dict[str, tuple[type[TypedKey], ...]] = {
    "grad": (Point,),
    "value": (Place,),
    "sum": (Summand,),
    "solve": (Corner, Scale, Shift, Stretch, RightSide),
    "hvp": (BasePoint, Direction),
}
"""The outputs of the program that each kind of stage is made of; first, where it is evaluated."""

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
        Outputs ``Point(k)`` (where the k-th gradient is taken), ``Place(k)`` (the k-th value),
        ``Summand(k)``; for linear equations ``Corner(k)`` (where the matrix is taken),
        ``Scale(k)``, ``Shift(k)``, ``Stretch(k)`` (scale*matrix + shift*identity +
        stretch*diagonal) and ``RightSide(k)``; for products with the Hessian ``BasePoint(k)`` and
        ``Direction(k)``; and ``NewState(name)`` for ``"theta"`` and every state.
    hypers
        Outputs ``Hyper(name)`` of those that are expressions in the step, and ``Base(k)``,
        ``Rate(k)``, ``Offset(k)`` of the powers; inputs are ``Given(name)``, ``"t"``, ``"T"``,
        ``"n"`` and ``Power(k)``.
    box
        The states that hold the lower and the upper bounds of theta, if it has any.
    """

    program: Program
    hypers: Program
    stages: tuple[Stage, ...]
    states: tuple[State, ...]
    given: tuple[str, ...]
    powers: int
    iterate: str = "theta"
    draws: int = 0
    box: tuple[str, str] | None = None

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

    @property
    def curvature(self) -> frozenset[str]:
        """What one step takes of second derivatives: "hessian", "gauss_newton", "hvp"."""
        asked = (stage for stage in self.stages if stage.kind in ("solve", "hvp"))
        return frozenset(stage.matrix or stage.kind for stage in asked)
