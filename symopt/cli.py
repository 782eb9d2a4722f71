"""The ``symopt`` command."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import symopt as so
from symopt import race as racing
from symopt.compiler.cache import folder as cache_folder
from symopt.compiler.vectorised import report as vector_report
from symopt.errors import RunError, SymoptError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
WIDTH = 120  # of a table where no terminal tells its own
PACKAGES = ("symopt-lab", "sympy", "numpy", "numba", "llvmlite", "matplotlib", "xarray")


@app.command()
def race(
    text: Annotated[str, typer.Argument(metavar="EXPR", help="The cost, as in '100*(y-x^2)^2+(1-x)^2'.")],
    start: Annotated[str, typer.Option(help="Where to begin, as in x=-1.2,y=1; these are the parameters.")],
    rule: Annotated[list[str] | None, typer.Option(help="adam:eta=0.02, nesterov:eta=1e-3,beta=0.9, ...")] = None,
    steps: Annotated[int, typer.Option(help="The budget of each rule.")] = 5000,
    constant: Annotated[str, typer.Option(help="Values of the other symbols, as in kappa=50.")] = "",
    tolerance: Annotated[float | None, typer.Option(help="End when no slope is larger.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for race.png and race.json.")] = None,
) -> None:
    """Run optimizers on one cost from one start, and compare them.

    Without --rule all known rules run, each with the best of 31 learning rates from 1e-5 to 1.
    """
    point, constants = _pairs(start, "--start"), _pairs(constant, "--constant")
    if not point:
        raise RunError("--start is empty; expected name=number, as in x=-1.2,y=1")
    cost = so.parse(text, params=list(point))(**constants)
    folder = _folder(out)
    begin = list(point.values())
    rules = racing.read_rules(rule) if rule else racing.tuned(cost, begin, steps, progress=True)
    runs = {
        name: so.minimize(cost, one, begin, steps, tolerance=tolerance, record=True, progress=True)
        for name, one in rules.items()
    }
    best = racing.lowest(runs)
    rows = {name: racing.row(run, best) for name, run in runs.items()}
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    console.print(racing.table(f"J = {text}", rows, runs), markup=False)
    if folder is not None:
        content = {"cost": text, "params": list(point), "rules": rows}
        _write(folder / "race.json", json.dumps(content, indent=1, allow_nan=False).encode())
        _write(folder / "race.png", racing.picture(runs, best))
        typer.echo(f"wrote {folder / 'race.png'} and {folder / 'race.json'}")


@app.command()
def show(name: Annotated[str | None, typer.Argument(help="A rule; all are listed if left out.")] = None) -> None:
    """Print the equations, the source and the defaults of a rule."""
    if name is None:
        for known, one in so.optimizers.items():
            typer.echo(f"{known:12} {one.doc.splitlines()[0]}")
        return
    one = so.optimizers[name]
    typer.echo(one.doc.partition("\nExamples\n")[0].rstrip())
    typer.echo("\nCompiled equations (a prime marks the next value)")
    for left, right in one.equations.items():
        typer.echo(f"    {left} = {right}")
    typer.echo("\nDefaults")
    for known, value in one.values.items():
        typer.echo(f"    {known} = {value}")
    for state, first in one.states.items():
        typer.echo(f"    {state} starts at {first}")


@app.command()
def config() -> None:
    """Print versions, the cache folder, and whether kernels use vector instructions here."""
    for package in PACKAGES:
        typer.echo(f"{package:12} {_version(package)}")
    typer.echo(f"{'python':12} {platform.python_version()} on {platform.machine()}, {os.cpu_count()} processors")
    home = cache_folder()
    kept = [] if home is None else list(home.glob("symopt_kernel_*.py"))
    typer.echo(f"{'cache':12} {home or 'in memory'} ({len(kept)} kernels)")
    typer.echo(
        f"{'lanes':12} {vector_report(so.parse('100*(y-x^2)^2+(1-x)^2').program, so.adam.update, so.adam.values)}"
    )


def main() -> None:
    """Run the command; an error of symopt's is one line and exit code 2."""
    try:
        app(prog_name="symopt")
    except SymoptError as error:
        typer.echo(f"symopt: {' '.join(str(error).split())}", err=True)
        sys.exit(2)


def _pairs(text: str, option: str) -> dict[str, float]:
    """Read x=-1.2,y=1."""
    pairs: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            number = float(value)
        except ValueError:
            raise RunError(f"{option} {text!r}: cannot read {part!r}; expected name=number, as in x=-1.2,y=1") from None
        if not math.isfinite(number):
            raise RunError(f"{option} {text!r}: {part!r} is not a finite number")
        if name in pairs:
            raise RunError(f"{option} {text!r}: {name} is given twice")
        pairs[name] = number
    return pairs


def _folder(out: Path | None) -> Path | None:
    """Return the folder for the results, made and tried before anything runs."""
    if out is None:
        return None
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out):
            pass
    except OSError as error:
        raise RunError(f"--out {out}: cannot be written ({error.strerror}); name a folder that can") from None
    return out


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    made = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            made = Path(file.name)
            file.write(content)
        made.chmod(0o644)
        made.replace(path)
    except OSError as error:
        if made is not None:
            made.unlink(missing_ok=True)
        raise RunError(f"{path}: cannot be written ({error.strerror})") from None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return so.__version__ if package == PACKAGES[0] else "not installed"
