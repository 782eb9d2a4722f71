"""The ``symopt`` command."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import sys
from collections.abc import Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import symopt as so
from symopt.atomic_io import writable_folder, write
from symopt.cli import race as racing
from symopt.compiler.diagnostics import report as vector_report
from symopt.compiler.jit.cache import folder as cache_folder
from symopt.errors import RunError, SymoptError, did_you_mean
from symopt.runs.interrupt import ENDING, Stop, stop_on_ctrl_c
from symopt.validation import finite_or_none

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
laboratory = typer.Typer()
app.add_typer(laboratory, name="experiments")
LARGEST_START = 10**8  # numbers
INTERRUPTED = 130  # the exit code after Ctrl-C
WIDTH = 140  # of a table where no terminal tells its own
OUT, DOCS = Path("out", "experiments"), Path("out", "docs")
PACKAGES = ("symopt-lab", "sympy", "numpy", "numba", "llvmlite", "matplotlib", "xarray")


@app.command()
def race(
    text: Annotated[
        str,
        typer.Argument(
            metavar="EXPR",
            help="The cost, as in '100*(y-x^2)^2+(1-x)^2', or the name of a problem.",
        ),
    ],
    start: Annotated[
        str,
        typer.Option(
            help="The parameters and where they begin: x=-1.2,y=1 or arrays, "
            "x[100]=-1.2,W[3,4]=0.5."
        ),
    ] = "",
    rule: Annotated[
        list[str] | None, typer.Option(help="adam:eta=0.02, nesterov:eta=1e-3,beta=0.9, ...")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="The budget of each rule; 5000 if left out, 5000000/n from 100 up for n > 1000 "
            "parameters."
        ),
    ] = None,
    constant: Annotated[
        str, typer.Option(help="Values of the other symbols, as in kappa=50.")
    ] = "",
    tolerance: Annotated[float | None, typer.Option(help="End when no slope is larger.")] = None,
    batch: Annotated[
        int | None, typer.Option(help="Take each gradient over so many samples of the data.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every rule that is known.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for race.png and race.json.")] = None,
) -> None:
    """Run optimizers on one cost from one start, and compare them.

    Without --rule the textbook's rules and your own run, with --all every rule, sorted, each with
    the best of 31 learning rates from 1e-5 to 1, or of 11 for more than 1000 parameters, tried for
    no more steps than --steps has by default; so does a rule that is given without its eta, as
    --rule gd. ``symopt problems`` lists the problems that have a name. At Ctrl-C the race ends, the
    rules that had begun are shown and written, marked as interrupted, and the exit code is 130; a
    second Ctrl-C ends it at once.
    """
    with stop_on_ctrl_c(ENDING) as stop:
        cost, begin = _problem(text, start, _pairs(constant, "--constant"))
        folder = None
        if out is not None:
            folder = writable_folder(out, "--out")
        size = racing.size_of_start(begin)
        if steps is None:
            steps = racing.budget(size)
        rules, to_tune, notes = _competitors(cost, rule, everyone)
        tuned = racing.tune_rates(to_tune, cost, begin, steps, progress=True, batch=batch)
        run = partial(
            so.minimize,
            tolerance=tolerance,
            batch=batch,
            record="auto" if batch else racing.recorded_steps(size),
            progress=True,
        )
        runs: dict[str, so.Run] = {}
        for name, one in rules.items():
            ready = name in tuned or name not in to_tune
            if ready and not stop.is_set():
                runs[name] = run(cost, tuned.get(name, one), begin, steps=steps)
        missing = [name for name in rules if name not in runs]
        notes += _interruption(stop, missing)
        if runs:
            content: dict[str, Any] = {"cost": text, "params": [p.name for p in cost.params]}
            content |= {"interrupted": True, "not_run": missing} if stop.is_set() else {}
            _finish(
                content,
                runs,
                racing.Zero.of(cost, runs),
                edge=racing.at_edge(tuned, size),
                everyone=everyone,
                notes=notes,
                folder=folder,
            )
        else:
            typer.echo(f"symopt: {notes[-1]}; nothing is written", err=True)
    if stop.is_set():
        raise typer.Exit(stop.code)


def _competitors(
    cost: so.Cost, named: list[str] | None, everyone: bool
) -> tuple[Mapping[str, so.Rule], Mapping[str, so.Rule], list[str]]:
    """Return the rules that run, those of them to be tuned, and notes on those left out."""
    if named and everyone:
        raise RunError(
            "--all and --rule do not go together: either every rule, or those that are named"
        )
    chosen, left_out = racing.choose_rules(cost, everyone)
    if not named:
        return chosen, chosen, left_out
    rules = racing.read_rules(named)
    return rules, racing.without_rate(named, rules), []


def _interruption(stop: Stop, missing: list[str]) -> list[str]:
    """Return a line about what a race lacks that was told to stop."""
    if not stop.is_set():
        return []
    return [
        f"interrupted; not run: {', '.join(missing)}"
        if missing
        else "interrupted in the last rule's run"
    ]


def _finish(
    content: dict[str, Any],
    runs: dict[str, so.Run],
    zero: racing.Zero,
    *,
    edge: dict[str, str],
    everyone: bool,
    notes: list[str],
    folder: Path | None,
) -> None:
    """Show the table of a race, and write it."""
    rows = {
        name: {**racing.row(run, zero.loss), "eta_at_edge": name in edge}
        for name, run in runs.items()
    }
    if everyone:
        rows = dict(
            sorted(
                rows.items(),
                key=lambda row: math.inf if row[1]["final_loss"] is None else row[1]["final_loss"],
            )
        )
    if sys.stdout.isatty():
        console = Console()
    else:
        console = Console(width=WIDTH)
    console.print(racing.table(f"J = {content['cost']}", rows, runs, zero, edge), markup=False)
    for line in [*edge.values(), *notes]:
        console.print(line, markup=False)
    if folder is not None:
        measured = {"loss": finite_or_none(zero.loss), "known_minimum": zero.known}
        written = {**content, "measured_from": measured, "rules": rows}
        write(folder / "race.json", json.dumps(written, indent=1, allow_nan=False).encode())
        write(folder / "race.png", racing.picture(runs, zero.loss, zero.known))
        if len(runs) > racing.DRAWN:
            typer.echo(f"the picture holds the {racing.DRAWN} that end lowest")
        typer.echo(f"wrote {folder / 'race.png'} and {folder / 'race.json'}")


def _problem(
    text: str, start: str, constants: dict[str, float], option: str = "--start"
) -> tuple[so.Cost, Any]:
    """Return a cost and where to begin, of a named problem or of an expression."""
    if text in so.problems.NAMED and not start:
        problem = so.problems.NAMED[text]()
        return problem.cost(**constants), problem.start
    if not start:
        hint = did_you_mean(text, so.problems.NAMED) if text.isidentifier() else ""
        raise RunError(
            f"{option} is empty, and {text!r} is no problem's name{hint}; for an expression give a "
            "point, as in "
            f"{option} x=-1.2,y=1 or {option} x[100]=-1.2"
        )
    point = _start(start, option)
    begin = point if any(map(np.ndim, point.values())) else list(point.values())
    return so.parse(text, params=list(point))(**constants), begin


@app.command()
def problems() -> None:
    """List the problems that have a name."""
    for name, make in so.problems.NAMED.items():
        typer.echo(f"{name:22} {(make.__doc__ or '').splitlines()[0]}")


@app.command()
def check(
    text: Annotated[
        str, typer.Argument(help="A cost as text, or the name of a problem.", metavar="EXPR")
    ],
    at: Annotated[str, typer.Option(help="The point, as x=1,y=2.")],
    digits: Annotated[
        float, typer.Option(help="How many digits have to hold.", min=0, max=17)
    ] = 12,
    constant: Annotated[str, typer.Option(help="Constants, as kappa=50.")] = "",
) -> None:
    """Show how many digits of a cost, its gradient and its Hessian hold at a point.

    Each number of compiled code stands beside the value in many digits of the expression as it was
    written; kinks, singular places and the operation that loses most digits are named. The exit
    code is 0 where all hold the digits asked for, else 1.
    """
    cost, point = _problem(text, at, _pairs(constant, "--constant"), option="--at")
    lacking = [name for name in cost.constants if name not in cost.bound]
    if lacking:
        raise RunError(
            f"--at {at!r} says nothing of {', '.join(lacking)}; expected a value for each symbol, "
            "as in "
            f"--at {','.join(f'{p.name}=1' for p in cost.params)},{lacking[0]}=1, or --constant "
            f"{lacking[0]}=1"
        )
    found = cost.check(point, digits)
    typer.echo(str(found))
    if not found.ok:
        raise typer.Exit(1)


FOLDER = typer.Option("--from", help="Folder of experiments; symopt's own if left out.")


@laboratory.callback(invoke_without_command=True)
def experiments(context: typer.Context, source: Annotated[Path | None, FOLDER] = None) -> None:
    """List the experiments and what they claim, or run them."""
    from symopt.harness import discovery

    context.obj = source
    if context.invoked_subcommand is None:
        place = discovery.folder(source)
        known = discovery.experiments(place)
        if not known:
            raise RunError(f"{place} holds no experiments; name another folder with --from")
        for name, one in known.items():
            typer.echo(f"{name:22} {one.claim}{f'  [{one.fault}]' if one.fault else ''}")


@laboratory.command()
def run(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...|all", help="Experiments, or all of them.")
    ],
    quick: Annotated[
        bool, typer.Option("--quick", help="A short form of each, in seconds.")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="Folder for report.html, results.json and the figures.")
    ] = OUT,
    source: Annotated[Path | None, FOLDER] = None,
) -> None:
    """Run experiments: a table of predictions, measurements and verdicts, and a report to read.

    DIR/report.html is one page that needs nothing else; DIR/results.json holds the rows;
    DIR/NAME/ holds an experiment's figures as SVG, PDF and PNG, and what they show as CSV. The exit
    code is 0 where all experiments ran to their end, whether or not their claims hold, 1 where one
    raised an error, 130 after Ctrl-C; what was finished is written each time.
    """
    from symopt.harness import conduct, discovery

    place = discovery.folder(source or context.obj)
    raise typer.Exit(conduct(discovery.choose(names, place), out, quick))


@app.command()
def show(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A rule, or a class as keras.optimizers.Adam; all rules are listed if left out."
        ),
    ] = None,
) -> None:
    """Print a rule's equations, source and defaults, and what a library does differently."""
    from symopt.manual.rule_info import card, headline, lines

    if name is None:
        for known, one in so.optimizers.items():
            typer.echo(f"{known:20} {headline(one)}".rstrip())
        return
    typer.echo("\n".join(lines(card(name))))


@app.command()
def docs(
    out: Annotated[
        Path, typer.Option(help="Folder for index.html and a page for each rule.")
    ] = DOCS,
) -> None:
    """Write the manual: a page of HTML for each rule, made from its equations."""
    from symopt.manual import write_pages

    typer.echo(f"wrote {len(write_pages(out))} pages: {out / 'index.html'}")


@app.command()
def config() -> None:
    """Print versions, the cache folder, and whether kernels use vector instructions here."""
    for package in PACKAGES:
        typer.echo(f"{package:12} {_version(package)}")
    typer.echo(
        f"{'python':12} {platform.python_version()} on {platform.machine()}, {os.cpu_count()} "
        "processors"
    )
    home = cache_folder()
    kept: list[Path] = []
    if home is not None:
        kept = [path for path in home.glob("symopt_kernel_*") if not path.suffix]
    typer.echo(f"{'cache':12} {home or 'in memory'} ({len(kept)} kernels)")
    valley = so.parse("100*(y-x^2)^2+(1-x)^2")
    report = vector_report(valley.program, so.adam.update, so.adam.values)
    typer.echo(f"{'lanes':12} {report}")


def main() -> None:
    """Run the command; an error of symopt's is one line and exit code 2."""
    try:
        app(prog_name="symopt")
    except SymoptError as error:
        typer.echo(f"symopt: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    except SystemExit as end:
        if isinstance(end.__context__, typer.Abort):  # what the framework makes of Ctrl-C
            sys.exit(INTERRUPTED)
        raise


def _pairs(text: str, option: str, example: str = "x=-1.2,y=1") -> dict[str, float]:
    """Read x=-1.2,y=1; a comma in brackets parts nothing."""
    pairs: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in re.split(r",(?![^\[\]]*\])", text))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            number = float(value)
        except ValueError:
            raise RunError(
                f"{option} {text!r}: cannot read {part!r}; expected name=number, as in {example}"
            ) from None
        if not math.isfinite(number):
            raise RunError(f"{option} {text!r}: {part!r} is not a finite number")
        if name in pairs:
            raise RunError(f"{option} {text!r}: {name} is given twice")
        pairs[name] = number
    return pairs


def _start(text: str, option: str = "--start") -> dict[str, Any]:
    """Read x=-1.2,y=1 and arrays of equal entries, x[100000]=-1.2,W[3,4]=0.5."""
    start: dict[str, Any] = {}
    left = LARGEST_START
    for key, value in _pairs(text, option, "x=-1.2,y=1 or x[100]=-1.2").items():
        name, bracket, counts = (piece.strip() for piece in key.partition("["))
        if name in start:
            raise RunError(f"{option} {text!r}: {name} is given twice")
        shape = _shape(counts, f"{option} {text!r}: {key!r}", left) if bracket else ()
        left -= math.prod(shape)
        start[name] = np.full(shape, value) if bracket else value
    if not start:
        raise RunError(f"{option} is empty; expected name=number, as in x=-1.2,y=1 or x[100]=-1.2")
    return start


def _shape(counts: str, given: str, most: int) -> tuple[int, ...]:
    """Read 100] or 3,4]."""
    parts = [piece.strip() for piece in counts.removesuffix("]").split(",")]
    whole = all(part.isascii() and part.isdigit() and part.strip("0") for part in parts)
    if not (counts.endswith("]") and whole and len(parts) <= 2):
        raise RunError(
            f"{given}; expected one count in the brackets or two, whole numbers from 1, as in "
            "x[100] or W[3,4]"
        )
    shape = tuple(int(part) if len(part) < 20 else LARGEST_START + 1 for part in parts)
    if math.prod(shape) > most:
        raise RunError(f"{given} makes more than {LARGEST_START} numbers in all; expected fewer")
    return shape


def _version(package: str) -> str:
    if package == PACKAGES[0]:
        return so.__version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
