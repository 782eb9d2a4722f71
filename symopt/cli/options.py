"""The options that commands share, and how a cost is told from an option."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

Expr = Annotated[str, typer.Argument(metavar="EXPR", hidden=True)]
"""The cost; the text of a command's help says so, in a list of its own it would say <str>."""
START_HELP = (
    "The parameters and where they begin: x=-1.2,y=1. For arrays x[100]=-1.2, W[3,4]=0.5, "
    "x=[1,2,3], P=points.csv, P=normal(7,2) or P=0.1*normal(7,2)."
)
Start = Annotated[str, typer.Option(metavar="X=VALUE,...", help=START_HELP, show_default=False)]
At = Annotated[
    str,
    typer.Option(
        metavar="X=VALUE,...", help="The point, as --start of race has it.", show_default=False
    ),
]
Constants = Annotated[
    str,
    typer.Option(
        metavar="NAME=VALUE,...", help="Values of the other names: kappa=50.", show_default=False
    ),
]
Data = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE.csv",
        help="Data: the column y of the file is y[k] in the cost; X=FILE.csv takes the whole file "
        "as the array X[k,j]. May be given more than once.",
    ),
]
Seed = Annotated[
    str | None,
    typer.Option(metavar="N", help="What everything random follows from; 0 if left out."),
]
Import = Annotated[
    str | None,
    typer.Option(
        "--import",
        metavar="RULES.py",
        help="A file of your own with rules (functions with @so.rule above them). It is run as "
        "Python: your own code, with all that it may do.",
    ),
]
OPTION = re.compile(r"--[a-z][a-z-]+(=.*)?", re.DOTALL)


class CostCommand(TyperCommand):
    """A command whose argument may begin with a minus sign, as -x^2 + x^4."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put what begins with a minus sign and is no option behind the options."""
        options: list[str] = []
        costs: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                costs += rest
            elif word.startswith("-") and not OPTION.fullmatch(word):
                costs.append(word)
            else:
                options.append(word)
                if self._takes_value(word):
                    options += [value for value in [next(rest, None)] if value is not None]
        behind = ["--", *costs] if costs else []
        return super().parse_args(ctx, options + behind)

    def _takes_value(self, word: str) -> bool:
        return any(
            word in param.opts and not getattr(param, "is_flag", False) for param in self.params
        )
