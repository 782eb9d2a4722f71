"""The stages between a cost or a rule and its machine code, as text to be read."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

from symopt.compiler.jit import cache
from symopt.costs.cost import Cost
from symopt.errors import RunError
from symopt.ir.keys import Key
from symopt.ir.listing import key_text, listing
from symopt.ir.program import Program
from symopt.rules.rule import Rule
from symopt.runs.result import Run

STAGES = ("expression", "program", "gradient", "step", "source", "llvm", "assembly")
LANGUAGES = {"source": "python", "llvm": "llvm", "assembly": "gas"}
"""Languages to highlight stages as; the others are plain."""
View = Callable[[], str]


class Listing(str):
    """The text of a stage; a notebook shows it highlighted, ``print`` as it is."""

    __slots__ = ("language",)

    language: str

    @classmethod
    def of(cls, text: str, stage: str) -> Listing:
        """Make the text of a stage, which knows its language."""
        made = cls(text)
        made.language = LANGUAGES.get(stage, "text")
        return made

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import get_lexer_by_name

        if self.language == "text":
            return f"<pre>{html.escape(self)}</pre>"
        formatter = HtmlFormatter(noclasses=True)
        return str(highlight(self, get_lexer_by_name(self.language), formatter))


def inspect(what: Cost | Rule | Run, stage: str = "program") -> Listing:
    """Show one stage on the way from equations to machine code, as text.

    ==============  ===========================================================================
    ``expression``  the equations, as they were read
    ``program``     J as three-address lines
    ``gradient``    J and its gradient, as every kernel takes them
    ``step``        the rule's update for one coordinate, with its stages
    ``source``      the generated Python that is compiled: value and gradient, or a whole run
    ``llvm``        LLVM's intermediate representation of that, optimised
    ``assembly``    its machine code, for this processor
    ==============  ===========================================================================

    Parameters
    ----------
    what
        A Cost has all stages but ``step``, a Rule has ``expression`` and ``step``, a Run has all.
    stage
        Which one.

    Returns
    -------
    Listing
        A ``str``, which a notebook shows highlighted.

    Raises
    ------
    RunError
        If there is no such stage, or ``what`` has none.

    Examples
    --------
    >>> import symopt as so
    >>> so.inspect(so.parse("(1 - x)^2"), "gradient")
    v0 = x
    v1 = 1 - v0
    v2 = v1 * v1
    v3 = v1 * 2
    v4 = -v3
    J = v2
    dJ/dx = v4
    >>> so.inspect(so.momentum, "expression")
    m' = beta*m - eta*grad(theta)
    theta' = m' + theta
    """
    if stage not in STAGES:
        raise RunError(f"stage={stage!r}; expected one of {', '.join(STAGES)}")
    views = _views(what)
    if stage not in views:
        raise RunError(
            f"a {type(what).__name__} has no stage {stage!r}; it has {', '.join(views)}. "
            "A run has all of them: so.inspect(so.minimize(J, rule, start), ...)"
        )
    return Listing.of(views[stage](), stage)


def _views(what: Any) -> Mapping[str, View]:
    """Find the functions that write the stages of an object."""
    if isinstance(what, Run):
        return _views_of_run(what)
    if isinstance(what, Cost):
        return _views_of_cost(what)
    if isinstance(what, Rule):
        return _views_of_rule(what)
    raise RunError(
        f"what={what!r} is a {type(what).__name__}; expected a Cost, a Rule, or what so.minimize "
        "returns"
    )


def _views_of_cost(cost: Cost) -> dict[str, View]:
    return {
        "expression": lambda: str(cost.expression),
        "program": lambda: _write_program(cost, cost.objective.value_program),
        "gradient": lambda: _write_program(cost, cost.program),
        **_views_of_source(lambda: cost.source),
    }


def _views_of_rule(rule: Rule) -> dict[str, View]:
    return {"expression": lambda: _equations(rule), "step": lambda: str(rule.update)}


def _equations(rule: Rule) -> str:
    return "\n".join(f"{left} = {right}" for left, right in rule.equations.items())


def _views_of_run(run: Run) -> dict[str, View]:
    cost = _views_of_cost(run.cost)
    views = {**cost, **_views_of_source(lambda: run.source)}
    views["expression"] = lambda: f"{cost['expression']()}\n\n{_equations(run.rule)}"
    views["step"] = lambda: str(run.rule.update)
    return views


def _views_of_source(source: View) -> dict[str, View]:
    return {
        "source": source,
        "llvm": lambda: cache.entry_of(source()).llvm(),
        "assembly": lambda: cache.entry_of(source()).assembly(),
    }


def _write_program(cost: Cost, program: Program) -> str:
    """Write a program of a cost with the names of its parameters."""
    names = {**cost.objective.input_names}
    names |= {("g", key[1]): f"dJ/d{name}" for key, name in cost.objective.input_names.items()}

    def name(key: Key) -> str:
        return names.get(key) or key_text(key)

    return listing(program, name)
