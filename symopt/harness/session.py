"""Runs experiments and writes their files: a bar, a table at the end, a page."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from symopt.atomic_io import writable_folder, write
from symopt.errors import RunError
from symopt.harness.discovery import Experiment
from symopt.harness.report_sections import report
from symopt.harness.runner import Finding, execute
from symopt.harness.tables import all_rows, as_json, summary, table
from symopt.runs.interrupt import ENDING, Stop, raising, stop_on_ctrl_c

WIDTH = 120  # of a table where no terminal tells its own
DONE, CRASHED = 0, 1


def conduct(experiments: Sequence[Experiment], out: Path, quick: bool = False) -> int:
    """Run experiments, and write their rows, pictures and report into a folder.

    What one of them finished is written before the next begins.

    Parameters
    ----------
    experiments
        Which, as ``choose`` gives them.
    out
        The folder; it is made where it is missing, and what another run wrote there is replaced.
    quick
        Whether each runs in its short form.

    Returns
    -------
    int
        The exit code of a program: 0 where all ran to their end, whatever their verdicts, for a
        claim that fails is a result; 1 where an experiment raised; 130 after Ctrl-C, 143 after
        SIGTERM.

    Raises
    ------
    RunError
        If the folder cannot be written; before anything runs where that can be known.

    Examples
    --------
    >>> from symopt.harness import choose, folder
    >>> conduct(choose(["valley", "plateau"], folder()), Path("out"), quick=True)  # doctest: +SKIP
    0
    """
    folder = writable_folder(out, "--out")
    findings: list[Finding] = []
    try:
        with stop_on_ctrl_c(ENDING) as stop:
            for finding in _each(experiments, quick, stop):
                findings.append(finding)
                _keep(finding, findings, folder)
            missing = [one.name for one in experiments[len(findings) :]]
            write(folder / "report.html", report(findings, quick, missing))
    finally:
        _tell(findings)
    _close(findings, missing, folder)
    if stop.is_set():
        return stop.code
    if any(finding.troubles for finding in findings):
        return CRASHED
    return DONE


def _each(experiments: Sequence[Experiment], quick: bool, stop: Stop) -> Iterator[Finding]:
    """Yield what each experiment found, until Ctrl-C."""
    with _bar(len(experiments)) as (begin, say):
        for done, experiment in enumerate(experiments):
            if stop.is_set():
                return
            begin(experiment.name, done)
            try:
                with raising(stop):
                    finding = execute(experiment, quick)
            except KeyboardInterrupt:
                return
            say(f"{experiment.name}: {summary(finding.rows)} ({finding.seconds:.1f} s)")
            for trouble in finding.troubles:
                say(f"symopt: {experiment.name}: {trouble.part} failed: {trouble.message}")
            yield finding


@contextmanager
def _bar(total: int) -> Iterator[tuple[Callable[[str, int], None], Callable[[str], None]]]:
    """Give two functions: one shows what begins, the other prints a line."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if not sys.stderr.isatty():
        yield (lambda *_: None), (lambda text: console.print(text, markup=False))
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield (
            lambda name, done: bar.update(task, description=name, completed=done),
            lambda text: bar.console.print(text, markup=False),
        )


def _keep(finding: Finding, findings: Sequence[Finding], folder: Path) -> None:
    """Write an experiment's pictures, and the rows of all that ended so far."""
    own = folder / finding.experiment.name
    contents = {
        f"{name}.{end}": data
        for name, one in finding.pictures.items()
        for end, data in one.files.items()
    }
    if finding.troubles:
        contents["errors.txt"] = "\n".join(trouble.trace for trouble in finding.troubles).encode()
    if contents:
        writable_folder(own, "--out")
    for name, content in contents.items():
        write(own / name, content)
    if not finding.troubles:
        _remove(own / "errors.txt")  # of an earlier run
    write(folder / "results.json", as_json(findings))


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{path}: cannot be removed ({error.strerror})") from None


def _tell(findings: Sequence[Finding]) -> None:
    if sys.stdout.isatty():
        console = Console()
    else:
        console = Console(width=WIDTH)
    for finding in findings:
        console.print(table(finding))
    if findings:
        console.print(summary(all_rows(findings)), highlight=False)


def _close(findings: Sequence[Finding], missing: Sequence[str], folder: Path) -> None:
    """Say what was written, and what was not run."""
    Console(soft_wrap=True, highlight=False).print(
        f"wrote {folder / 'report.html'}, {folder / 'results.json'} and "
        f"{sum(len(finding.pictures) for finding in findings)} figures as SVG, PDF, PNG and CSV",
        markup=False,
    )
    if missing:
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"symopt: interrupted; not finished: {', '.join(missing)}", markup=False
        )
