"""What was found, as the sections of a page."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import symopt
from symopt.errors import RunError
from symopt.harness.claims import Row
from symopt.harness.discovery import Experiment, folder
from symopt.harness.figure_export import plain
from symopt.harness.runner import Finding
from symopt.harness.tables import all_rows, cells, summary
from symopt.report import Image, Line, Section, render

TITLE = "What symopt's experiments found"
PACKAGES = ("sympy", "numpy", "numba", "matplotlib")


def report(findings: Sequence[Finding], quick: bool = False, missing: Sequence[str] = ()) -> bytes:
    """Return findings as a page; ``missing`` names the experiments that did not end."""
    told = summary(all_rows(findings))
    notice = ""
    if missing:
        notice = f"The run was interrupted before the end of: {', '.join(missing)}."
    page = render(
        [section(one, quick) for one in findings],
        TITLE,
        told,
        notice=notice,
        facts=facts(findings, quick),
    )
    return page.encode()


def section(finding: Finding, quick: bool) -> Section:
    """Return what the page tells of one experiment."""
    one = finding.experiment
    return Section(
        name=plain(one.name),
        title=one.title,
        claim=one.claim,
        lines=[_line(row) for row in finding.rows],
        equations=finding.equations,
        settings={**finding.settings, "wall time": f"{finding.seconds:.1f} s"},
        images=_images(finding),
        code=one.source,
        command=command(one, quick),
        errors=[trouble.trace for trouble in finding.troubles],
    )


def _line(row: Row) -> Line:
    return Line(str(row.quantity), *cells(row), row.verdict, str(row.note))


def _images(finding: Finding) -> list[Image]:
    own = finding.experiment.name
    return [
        Image(
            name,
            one.svg,
            one.png,
            *one.size,
            {end.upper(): f"{own}/{name}.{end}" for end in one.files},
        )
        for name, one in finding.pictures.items()
    ]


def command(experiment: Experiment, quick: bool) -> str:
    """Return how to run an experiment again."""
    words = ["symopt", "experiments", "run", experiment.name]
    if experiment.path.parent.resolve() != _own_folder():
        words += ["--from", str(experiment.path.parent)]
    return shlex.join(words + ["--quick"] * quick)


def _own_folder() -> Path | None:
    try:
        return folder().resolve()
    except RunError:
        return None


def facts(findings: Sequence[Finding], quick: bool) -> dict[str, str]:
    """Return when, where and with what the findings were made."""
    return {
        "form": "quick" if quick else "full",
        "took": f"{sum(finding.seconds for finding in findings):.0f} s",
        "ended": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "symopt": symopt.__version__,
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "machine": f"{platform.system()} {platform.machine()}",
    }
