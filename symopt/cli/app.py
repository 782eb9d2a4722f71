"""The ``symopt`` command."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

import symopt as so
from symopt.cli import arguments, options
from symopt.cli.messages import tell, told_warnings
from symopt.cli.options import CostCommand
from symopt.cli.problem import Given, read_problem
from symopt.cli.race_command import race
from symopt.compiler.diagnostics import report as vector_report
from symopt.compiler.jit.cache import folder as cache_folder
from symopt.errors import RunError, SymoptError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # paragraphs of help are filled to the width of the terminal
    context_settings={"max_content_width": 100},
)
laboratory = typer.Typer(rich_markup_mode=None)
app.add_typer(laboratory, name="experiments")
INTERRUPTED = 130  # the exit code after Ctrl-C
FAULT = 70  # the exit code where symopt itself is wrong
MOST_DIGITS = 17
OUT, DOCS = Path("out", "experiments"), Path("out", "docs")
PACKAGES = ("symopt-lab", "sympy", "numpy", "numba", "llvmlite", "matplotlib", "xarray")


app.command(cls=CostCommand)(race)


def print_version(asked: bool) -> None:
    """Print the version and end."""
    if asked:
        typer.echo(f"symopt {so.__version__}")
        raise typer.Exit


VERSION = typer.Option(
    "--version", is_eager=True, callback=print_version, help="Print the version and exit."
)


@app.callback()
def symopt(version: Annotated[bool, VERSION] = False) -> None:
    """Costs and optimizers as equations: run them, compare them, look at them."""


@app.command()
def problems() -> None:
    """List the problems that have a name."""
    for name, make in so.problems.NAMED.items():
        typer.echo(f"{name:22} {(make.__doc__ or '').splitlines()[0]}")


@app.command(cls=CostCommand)
def check(
    text: options.Expr,
    at: options.At = "",
    constant: options.Constants = "",
    data: options.Data = None,
    digits: Annotated[
        str, typer.Option(metavar="N", help="How many digits have to hold, 0 to 17.")
    ] = "12",
    seed: options.Seed = None,
) -> None:
    """Show how many digits of a cost and its slopes hold at a point.

    EXPR is the cost, as in '100*(y-x^2)^2+(1-x)^2', or the name of a problem.

    Each number of compiled code, of J, its gradient and its Hessian, stands beside the value in
    many digits of the expression as it was written; kinks, singular places and the operation that
    loses most digits are named. The exit code is 0 where all hold the digits asked for, else 1.
    """
    asked = arguments.number_from_0(digits, "--digits", "12") or 0.0
    if asked > MOST_DIGITS:
        raise RunError(f"--digits {digits}: expected 0 to 17, as in --digits 12")
    number = arguments.whole_number(seed, "--seed", least=0, example=0) or 0
    given = Given(
        text=text, start=at, option="--at", constant=constant, data=tuple(data or ()), seed=number
    )
    cost, point = read_problem(given)
    found = cost.check(point, asked)
    typer.echo(str(found))
    if not found.ok:
        raise typer.Exit(1)


FOLDER = typer.Option(
    "--from", metavar="FOLDER", help="Folder of experiments; symopt's own if left out."
)


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
    names: Annotated[list[str], typer.Argument(metavar="NAME", hidden=True)],
    quick: Annotated[
        bool, typer.Option("--quick", help="A short form of each, in seconds.")
    ] = False,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="Folder for report.html, results.json and the figures."
        ),
    ] = OUT,
    source: Annotated[Path | None, FOLDER] = None,
) -> None:
    """Run experiments: predictions, measurements and verdicts.

    NAME is an experiment; "all" stands for every one. FOLDER/report.html is one page that needs
    nothing else; FOLDER/results.json holds the rows; FOLDER/NAME/ holds an experiment's figures as
    SVG, PDF and PNG, and what they show as CSV.

    The exit code is 0 where all experiments ran to their end, whether or not their claims hold, 1
    where one raised an error, 130 after Ctrl-C; what was finished is written each time.
    """
    from symopt.harness import conduct, discovery

    place = discovery.folder(source or context.obj)
    raise typer.Exit(conduct(discovery.choose(names, place), out, quick))


@app.command()
def show(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", hidden=True),
    ] = None,
) -> None:
    """Print a rule's equations, source and defaults.

    NAME is a rule, or a class of another library, as keras.optimizers.Adam: then also what that
    library does differently. All rules are listed if it is left out.
    """
    from symopt.manual.rule_info import card, headline, lines

    if name is None:
        for known, one in so.optimizers.items():
            typer.echo(f"{known:20} {headline(one)}".rstrip())
        return
    typer.echo("\n".join(lines(card(name))))


@app.command()
def docs(
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Folder for index.html and a page for each rule."),
    ] = DOCS,
) -> None:
    """Write the manual: a page of HTML for each rule."""
    from symopt.manual import write_pages

    typer.echo(f"wrote {len(write_pages(out))} pages: {out / 'index.html'}")


@app.command()
def config() -> None:
    """Print versions, the cache folder and the use of vectors."""
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
        with told_warnings():
            app(prog_name="symopt")
    except SymoptError as error:
        tell(str(error))
        sys.exit(2)
    except MemoryError:
        tell("there is not enough memory for this; ask for fewer parameters, starts or steps")
        sys.exit(2)
    except BrokenPipeError:  # who reads the output has seen enough
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:  # noqa: BLE001  whatever else there is, is a fault of symopt's
        tell(_fault(error))
        sys.exit(FAULT)
    except SystemExit as end:
        if isinstance(end.__context__, typer.Abort):  # what the framework makes of Ctrl-C
            sys.exit(INTERRUPTED)
        raise


def _fault(error: Exception) -> str:
    """Say that symopt has a fault, and where what helps to find it was written."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="symopt-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write("".join(traceback.format_exception(error)))
    return (
        f"this is a fault of symopt itself ({type(error).__name__}: {error}); please report it, "
        f"with the command and the file {file.name}"
    )


def _version(package: str) -> str:
    if package == PACKAGES[0]:
        return so.__version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
