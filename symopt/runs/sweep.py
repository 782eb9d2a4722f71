"""sweep: runs from many starts, for many hyperparameters and constants, by one kernel a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy.typing as npt

from symopt._typing import ConstantLike, CostLike, PointLike, RulesLike, Seed
from symopt.costs.cost import Cost
from symopt.errors import RuleError
from symopt.rules.rule import Rule
from symopt.runs.axes import lay_out
from symopt.runs.ensemble import Uniform, read_starts
from symopt.runs.inputs import as_cost, as_rule
from symopt.runs.interrupt import stop_on_ctrl_c
from symopt.runs.keywords import refuse_words_of_others
from symopt.runs.launch import launch
from symopt.runs.options import Record, check_run_options, check_sampling
from symopt.runs.progress import progress_bar
from symopt.runs.starts import given_or_own
from symopt.runs.study import Study, build_dataset
from symopt.runs.termination import LIMIT

MOST_LANES = 32  # runs that a bar counts as one


def sweep(
    cost: CostLike,
    rules: RulesLike,
    start: PointLike | Uniform | None = None,
    steps: int = 1000,
    *,
    record: Record = None,
    targets: npt.ArrayLike = (),
    tolerance: float | None = None,
    limit: float = LIMIT,
    best: bool = True,
    threads: int | None = None,
    paths: bool = True,
    batch: int | None = None,
    replace: bool = False,
    noise: float = 0.0,
    rng: Seed = 0,
    progress: bool = False,
    **constants: ConstantLike,
) -> Study:
    """Run optimizers from many starts, for many hyperparameters and constants.

    An array where a number could stand is an axis of the sweep, named after the hyperparameter
    or ``cost.`` and the constant; a start of shape (N, n) is the axis ``start``. Axes multiply;
    xarray.DataArrays that share a dimension go together. A run has the same bits alone and in
    any sweep, for any number of threads.

    Parameters
    ----------
    cost
        A Cost, a SymPy expression, or a problem.
    rules
        A rule or a list of them, or a mapping from names to rules where one occurs twice.
    start
        n numbers, an array of shape (N, n), ``so.uniform(...)``, a DataArray with a dimension
        ``param``, or a mapping from parameters to arrays, with a leading axis for the starts.
        That of a problem, if left out.
    steps
        The budget of each run.
    record
        As in :func:`minimize`; None by default.
    targets
        Losses: the first step with J at or below each is kept as ``hit``.
    tolerance, limit, progress
        As in :func:`minimize`.
    best
        Whether the best loss and theta of each run are kept (else the last ones stand there).
    threads
        As many as there are processors if left out.
    paths
        Whether theta is recorded beside the loss, where ``record`` asks for steps.
    batch, replace, noise, rng
        As in :func:`minimize`. All runs see the same batches, so that they differ in nothing else;
        the noise of a run has the number of its start as the stream.
    **constants
        The cost's constants, numbers or arrays.

    Returns
    -------
    Study
        Ctrl-C returns what is there.

    Raises
    ------
    CostError, RuleError, RunError
        Before anything is compiled, if an argument does not fit.

    Examples
    --------
    >>> import numpy as np, symopt as so
    >>> J = so.parse("x^2 + 10*y^2")
    >>> study = so.sweep(J, so.gd(eta=[0.01, 0.05, 0.2]), start=[1.0, 1.0], steps=200)
    >>> study["gd"]["status"].values.tolist()
    ['budget spent', 'budget spent', 'diverged']
    """
    objective = as_cost(cost)
    named = name_rules(rules)
    refuse_words_of_others(sweep, constants, objective, named.values())
    begin = given_or_own(start, cost, "so.sweep(J, rules, start=so.uniform(-2, 2, size=100))")
    sampling = check_sampling(batch, replace, noise, rng=rng)
    settings = check_run_options(
        steps,
        record,
        tolerance=tolerance,
        limit=limit,
        targets=targets,
        best=best,
        threads=threads,
        paths=paths,
        sampling=sampling,
    )
    values = objective.check_constants(constants)
    objective, starts = read_starts(_with_data(objective, constants, values), begin)
    laid_out = {
        name: lay_out(rule, values, starts, settings=settings) for name, rule in named.items()
    }
    datasets, finished = {}, {}
    with stop_on_ctrl_c() as stop:
        for name, rule in named.items():
            axes = laid_out[name]
            blocks = -(-axes.runs // MOST_LANES)
            with progress_bar(blocks * (settings.steps + 1), name, progress) as report:
                done = launch(
                    objective,
                    rule,
                    axes.start,
                    hypers=axes.hypers,
                    constants=axes.constants,
                    settings=settings,
                    stop=stop,
                    report=report,
                    streams=axes.streams,
                )
            finished[name] = done
            datasets[name] = build_dataset(
                done,
                axes.shape,
                cost=objective,
                rule=rule,
                settings=settings,
            )
            if stop.is_set():
                break
    return Study(datasets, finished, stop.is_set())


def _with_data(cost: Cost, given: Mapping[str, Any], constants: Mapping[str, Any]) -> Cost:
    """Give a cost the sizes and data among what was given by name."""
    others = {name: value for name, value in given.items() if name not in constants}
    if not others:
        return cost
    return cost(**others)


def name_rules(rules: RulesLike) -> dict[str, Rule]:
    """Read rules, and give each a name."""
    if isinstance(rules, Mapping) and rules:
        return {str(name): as_rule(rule) for name, rule in rules.items()}
    if isinstance(rules, str) or not isinstance(rules, Iterable):
        rules = [rules]
    read = [as_rule(rule) for rule in rules]
    if not read:
        raise RuleError("no rule is given; expected at least one, such as so.adam(eta=0.02)")
    names = [rule.name for rule in read]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        name = f"so.{twice[0]}(...)"
        raise RuleError(
            f"{twice[0]} is given twice; name them, as in {{'fast': {name}, 'slow': {name}}}"
        )
    return dict(zip(names, read, strict=True))
