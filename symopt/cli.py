"""The ``symopt`` command."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

import symopt as so
from symopt.errors import ParseError, RuleError, RunError, SymoptError
from symopt.parse import expression
from symopt.rule import Rule, T, t

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
GAPS = {"1e-3": 1e-3, "1e-6": 1e-6, "1e-9": 1e-9}
TUNING = np.geomspace(1e-5, 1.0, 31)
"""The learning rates among which a race without --rule chooses."""


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
    cost = so.parse(text, params=list(point))(**constants)
    folder = _folder(out)
    rules = _rules(rule) if rule else _tuned(cost, list(point.values()), steps)
    runs = {}
    for name, one in rules.items():
        runs[name] = so.minimize(cost, one, list(point.values()), steps, tolerance=tolerance, record=True, progress=True)
    best = min((run.best_loss for run in runs.values() if math.isfinite(run.best_loss)), default=math.nan)
    rows = {name: _row(run, best) for name, run in runs.items()}
    wide = Console() if sys.stdout.isatty() else Console(width=120)
    wide.print(_table(text, rows, runs))
    if folder is not None:
        _write(folder / "race.json", json.dumps({"cost": text, "params": list(point), "rules": rows}, indent=1).encode())
        _draw(runs, best, folder / "race.png")
        typer.echo(f"wrote {folder / 'race.png'} and {folder / 'race.json'}")


@app.command()
def show(name: Annotated[str | None, typer.Argument(help="A rule; all are listed if left out.")] = None) -> None:
    """Print the equations, the source and the defaults of a rule."""
    if name is None:
        for known, one in so.optimizers.items():
            typer.echo(f"{known:12} {one.doc.splitlines()[0]}")
        return
    one = so.optimizers[name]
    typer.echo(_without_examples(one.doc))
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
    from symopt.compiler.cache import folder

    for package in ("symopt-lab", "sympy", "numpy", "numba", "llvmlite", "matplotlib", "xarray"):
        typer.echo(f"{package:12} {_version(package)}")
    typer.echo(f"{'python':12} {platform.python_version()} on {platform.machine()}, {os.cpu_count()} processors")
    home = folder()
    kept = [] if home is None else list(home.glob("symopt_kernel_*.py"))
    typer.echo(f"{'cache':12} {home or 'in memory'} ({len(kept)} kernels)")
    counts, alone, together = _vector_report()
    words = "vectorise" if min(counts.values()) > 0 and together < alone / 1.5 else "do not vectorise"
    typer.echo(
        f"{'lanes':12} kernels {words}: {counts['sqrt']} packed square roots, {counts['fma']} packed fma; "
        f"{together:.1f} ns a step in a block, {alone:.1f} ns alone"
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
        name, sign, value = part.partition("=")
        try:
            pairs[name.strip()] = float(value)
        except ValueError:
            raise RunError(f"{option} {text!r}: cannot read {part!r}; expected name=number, as in x=-1.2,y=1") from None
        if not sign or not math.isfinite(pairs[name.strip()]):
            raise RunError(f"{option} {text!r}: {part!r} is not a finite number")
    if not pairs and option == "--start":
        raise RunError("--start is empty; expected name=number, as in x=-1.2,y=1")
    return pairs


def _rules(texts: list[str]) -> dict[str, Rule]:
    """Read the rules; one that occurs twice is named by its whole text."""
    names = [text.partition(":")[0].strip() for text in texts]
    return {(name if names.count(name) == 1 else text): _rule(text) for name, text in zip(names, texts, strict=True)}


def _rule(text: str) -> Rule:
    name, _, values = text.partition(":")
    given: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in values.split(","))):
        key, sign, value = part.partition("=")
        if not sign:
            raise RuleError(f"--rule {text!r}: cannot read {part!r}; expected name=value, as in adam:eta=0.02,beta1=0.9")
        given[key.strip()] = _rule_value(value.strip(), text)
    return so.optimizers[name.strip()](**given)


def _rule_value(value: str, text: str) -> Any:
    """Read a number, an option, or a schedule in t and T."""
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return words[value.lower()]
    try:
        return float(value)
    except ValueError:
        pass
    try:
        schedule = expression(value)
    except ParseError as error:
        raise RuleError(f"--rule {text!r}: {error}") from None
    return schedule.xreplace({symbol: {"t": t, "T": T}.get(symbol.name, symbol) for symbol in schedule.free_symbols})


def _tuned(cost: so.Cost, start: list[float], steps: int) -> dict[str, Rule]:
    """Return every rule with the learning rate of the grid that ends lowest."""
    rules = {}
    for name, one in so.optimizers.items():
        if "eta" not in one.values:
            rules[name] = one
            continue
        dataset = so.sweep(cost, one(eta=TUNING), start, steps, progress=True)[name]
        ended = (dataset["status"] == so.Status.BUDGET.value).values & np.isfinite(dataset["loss"].values)
        losses = np.where(ended, dataset["loss"].values, np.inf)
        rules[name] = one(eta=float(f"{TUNING[int(np.argmin(losses))]:.4g}"))
    return rules


def _row(run: so.Run, best: float) -> dict[str, Any]:
    losses = run.history["loss"].values
    reached = {name: np.flatnonzero(losses - best <= gap) for name, gap in GAPS.items()}
    return {
        "theta": [_finite(value) for value in run.theta],
        "final_loss": _finite(run.loss),
        "best_loss": _finite(run.best_loss),
        "steps_to": {name: int(run.recorded[steps[0]]) if len(steps) else None for name, steps in reached.items()},
        "gradient_evaluations": run.gradient_evaluations,
        "status": str(run.status),
        "reason": run.reason,
        "compile_seconds": round(run.compile_seconds, 4),
        "run_seconds": round(run.run_seconds, 4),
        "rule": repr(run.rule),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _table(text: str, rows: dict[str, Any], runs: dict[str, so.Run]) -> Table:
    table = Table(title=f"J = {text}", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    headings = ("rule", "eta", "final J", "best J", *(f"to {gap}" for gap in GAPS), "gradients", "status", "compile s", "run s")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("rule", "status") else "right", no_wrap=True)
    for name, row in rows.items():
        reached = ["-" if steps is None else str(steps) for steps in row["steps_to"].values()]
        losses = ["-" if row[key] is None else f"{row[key]:.4g}" for key in ("final_loss", "best_loss")]
        eta = runs[name].rule.values.get("eta", "")
        times = [f"{row[key]:.3f}" for key in ("compile_seconds", "run_seconds")]
        shown = f"{eta:.3g}" if isinstance(eta, float) else str(eta)
        table.add_row(name, shown, *losses, *reached, str(row["gradient_evaluations"]), row["status"], *times)
    return table


def _draw(runs: dict[str, so.Run], best: float, path: Path) -> None:
    from io import BytesIO

    from matplotlib.figure import Figure

    pictures = 2 if next(iter(runs.values())).cost.size == 2 else 1
    figure = Figure(figsize=(6.6 * pictures, 4.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, pictures))
    so.plot.convergence(runs, ax=axes[0], optimum=best if math.isfinite(best) else None)
    axes[0].set_ylabel("J − best J of all")
    if pictures == 2:
        legend = axes[0].get_legend()
        so.plot.trajectory(runs, ax=axes[1])
        if legend is not None:
            legend.remove()
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    _write(path, buffer.getvalue())


def _folder(out: Path | None) -> Path | None:
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
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from None


def _without_examples(doc: str) -> str:
    return doc.partition("\nExamples\n")[0].rstrip()


def _version(package: str) -> str:
    try:
        return version(package)
    except ImportError:
        return so.__version__ if package == "symopt-lab" else "not installed"


def _vector_report() -> tuple[dict[str, int], float, float]:
    """Compile Adam on Rosenbrock for one run and for a block, and look at both."""
    from symopt.compiler.drive import Job
    from symopt.compiler.kernel import Options, write_kernel
    from symopt.compiler.vectorised import nanoseconds, packed_instructions

    cost = so.parse("100*(y-x^2)^2+(1-x)^2")
    kernels = {lanes: write_kernel(cost.program, so.adam.update, 2, Options(lanes=lanes)) for lanes in (1, 128)}
    given = {("given", name): so.adam.values[name] for name in so.adam.update.given}
    times = {}
    for lanes, kernel in kernels.items():
        starts = np.random.default_rng(0).uniform(-2, 2, (lanes, 2))
        job = Job(starts, given, dict.fromkeys(so.adam.states, 0.0), steps=2000 if lanes > 1 else 20_000, limit=1e20)
        times[lanes] = nanoseconds(kernel, job)
    return packed_instructions(kernels[128]), times[1], times[128]
