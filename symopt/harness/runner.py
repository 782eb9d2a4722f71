"""Run experiments; whatever one of them does, the others are run and what was found is kept."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from symopt.harness.claims import Outcome, Row
from symopt.harness.discovery import Experiment, check_experiment, load
from symopt.harness.figure_export import Picture, pictures
from symopt.plot._style import style


@dataclass(frozen=True)
class Finding:
    """What came of one experiment.

    Attributes
    ----------
    experiment
        What was run.
    rows
        Its rows, then one that is not measured for every part that failed.
    equations, settings, pictures
        What its ``theory``, ``run`` and ``plot`` gave; empty where they failed.
    seconds
        How long it took.
    troubles
        What went wrong, by the part that failed.
    """

    experiment: Experiment
    rows: tuple[Row, ...] = ()
    equations: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    seconds: float = 0.0
    troubles: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A part of an experiment that raised: which, the error in one line, and where it came from."""

    part: str
    message: str
    trace: str

    @property
    def row(self) -> Row:
        return Row(f"{self.part} runs to its end", None, None, n=0, note=self.message)


def execute(experiment: Experiment, quick: bool = False) -> Finding:
    """Run one experiment; an error in one of its parts is a row, and the other parts are kept.

    Parameters
    ----------
    experiment
        Which, as ``choose`` gives it.
    quick
        What its ``run`` is told.

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C; nothing is kept of an experiment that did not end.
    """
    begin = time.perf_counter()
    troubles: list[Failure] = []

    def part(name: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever an experiment raises is its result
            troubles.append(_trouble(name, error, experiment.path))
            return None

    module = part("import", lambda: load(check_experiment(experiment)))
    equations = None
    if module:
        equations = part("theory()", lambda: _mapping(module.theory()))
    outcome = None
    if module:
        outcome = part("run()", lambda: _outcome(module.run(quick=quick)))
    drawn = None
    if module and outcome:
        drawn = part("plot()", lambda: _drawn(module, outcome, experiment.name))
    outcome = outcome or Outcome([])
    rows = (*outcome.rows, *(trouble.row for trouble in troubles))
    seconds = time.perf_counter() - begin
    return Finding(
        experiment=experiment,
        rows=rows,
        equations=equations or {},
        settings=outcome.settings,
        pictures=drawn or {},
        seconds=seconds,
        troubles=tuple(troubles),
    )


def _drawn(module: ModuleType, outcome: Any, name: str) -> dict[str, Picture]:
    """Draw an experiment's figures in the package's style, which its own settings may override."""
    with style():
        return pictures(module.plot(outcome), name)


def _outcome(made: Any) -> Outcome:
    """Check that an outcome can be written; what is wrong is the experiment's error."""
    if not isinstance(made, Outcome):
        raise TypeError(f"run() gave a {type(made).__name__}; expected an Outcome")
    rows = tuple(made.rows)
    for row in rows:
        if not isinstance(row, Row):
            raise TypeError(f"run() gave a {type(row).__name__} among its rows; expected Rows")
        int(row.n)
    return Outcome(rows, made.data, dict(made.settings))


def _mapping(made: Any) -> Mapping[str, Any]:
    if not isinstance(made, Mapping):
        raise TypeError(f"theory() gave a {type(made).__name__}; expected a mapping from names")
    return made


def _trouble(part: str, error: BaseException, path: Path) -> Failure:
    """Return an error in one line that says where in the experiment's own file it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
    place = ""
    if lines:
        place = f" ({path.name}, line {lines[-1]})"
    message = " ".join(f"{type(error).__name__}: {error}".split()) + place
    return Failure(part, message, "".join(traceback.format_exception(error)))
