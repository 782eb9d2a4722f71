"""Why J, or a slope of it, is not finite at a point: the function, its argument, the cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from symopt.compiler.codegen.wide_range import everywhere
from symopt.costs.objective import BoundObjective
from symopt.ir.program import Program
from symopt.passes.fma import form_fma
from symopt.validation import Array

if TYPE_CHECKING:
    from symopt.diagnosis.interpreter import Interpreter

Constants = Mapping[str, float]


def why_value(bound: BoundObjective, point: Array, constants: Constants) -> str:
    """Return why J is not finite at a point; empty where that is not known."""
    program = form_fma(bound.form.value_program)
    return _why(program, lambda found: found.output("J"), bound, point=point, constants=constants)


def why_slope(bound: BoundObjective, point: Array, constants: Constants, entry: int) -> str:
    """Return why an entry of the gradient is not finite; empty where that is not known."""
    program = bound.form.program
    return _why(
        program, lambda found: bound.slope(found, entry), bound, point=point, constants=constants
    )


def _why(
    program: Program,
    wanted: Callable[[Interpreter], Any],
    bound: BoundObjective,
    point: Array,
    *,
    constants: Constants,
) -> str:
    # where the fast functions have no value, compiled code goes on to slow ones
    reaching = everywhere(program) or program
    from symopt.diagnosis.origin import why

    return why(reaching, wanted, bound.interpreters(point, constants), names=bound.form.input_names)
