"""An optimizer's update as programs: what the compiler needs of a rule, without SymPy.

The programs are written for one coordinate. Their inputs are ``"theta"`` and ``("state", name)``
(old values), ``("hyper", name)``, ``"t"``, ``"T"``, ``"n"``, ``("grad", k)`` (the k-th gradient the
rule asks for), ``("value", k)`` (the k-th value of the cost), ``("sum", k)`` (the k-th sum over all
parameters), ``("solve", k)`` (the k-th solution of linear equations), ``("normal", k)`` (the k-th
draw of normal numbers) and ``("power", k)`` (base**(rate*t + offset), kept as a running product).
"""

from __future__ import annotations

from dataclasses import dataclass

from symopt.ir.program import Program

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
