"""minimize: one trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from symopt._typing import ConstantLike, CostLike, PointLike, RuleLike, Seed
from symopt.errors import RuleError
from symopt.runs.inputs import as_cost, as_rule
from symopt.runs.interrupt import stop_on_ctrl_c
from symopt.runs.keywords import refuse_words_of_others
from symopt.runs.launch import launch
from symopt.runs.options import (
    RECORD_PATHS,
    Record,
    check_run_options,
    check_sampling,
    choose_record,
)
from symopt.runs.progress import progress_bar
from symopt.runs.result import Run, run_of
from symopt.runs.starts import given_or_own, read_start
from symopt.runs.termination import LIMIT


def minimize(
    cost: CostLike,
    rule: RuleLike,
    start: PointLike | None = None,
    steps: int = 1000,
    *,
    record: Record | Literal["auto"] = "auto",
    paths: bool | None = None,
    tolerance: float | None = None,
    limit: float = LIMIT,
    batch: int | None = None,
    replace: bool = False,
    noise: float = 0.0,
    rng: Seed = 0,
    progress: bool = False,
    **constants: ConstantLike,
) -> Run:
    """Run an optimizer on a cost from one start.

    Parameters
    ----------
    cost
        A Cost, a SymPy expression, or a problem.
    rule
        A rule, such as ``so.adam(eta=0.02)``, or the name of one.
    start
        n numbers, or a mapping from parameters to numbers or arrays, as ``J.value`` takes a point;
        never changed. That of a problem, if left out.
    steps
        The budget.
    record
        True for every step, a number of log-spaced steps, a list of steps, or None. By default
        every step, or 1000 of them where that would take over a million numbers, or 100 with
        ``batch``, where each takes the loss over all samples.
    paths
        Whether theta is recorded beside the loss; by default where that takes at most 64 MB.
    tolerance
        End when no component of the gradient is larger; tested every 16 steps. None: never.
    limit
        The run has diverged when |J| or a component of theta is larger.
    batch
        Take each gradient over so many samples, drawn from the index that the cost names in
        ``samples``: the sum over B of m samples times m/B, which has the full gradient as its mean.
        The loss of all samples is seen, for ``best_loss`` too, at the recorded steps and at the
        end.
    replace
        Draw samples with replacement; otherwise every epoch is a new shuffle of all.
    noise
        Add to each component of each gradient an independent normal number of this standard
        deviation.
    rng
        What batches and noise follow from: a seed, or a pair (seed, stream), whose stream tells
        the noise of runs with one seed apart; None for an arbitrary seed. Philox 4x32-10 (Salmon
        et al. 2011) makes the same numbers on every machine.
    progress
        Whether to draw a bar (on a terminal).
    **constants
        The cost's constants.

    A run takes O(n) memory for n parameters: theta, its next value, the best, the gradient and the
    states of the rule, three times over while it is laid out and to go back a chunk (at a million
    parameters 16 n numbers at most for gd, 22 n for Adam); beside that what it records, and what
    the cost stores.

    Returns
    -------
    Run
        Whatever happens inside the run is told by its status, never by an exception. Ctrl-C
        returns what is there.

    Raises
    ------
    CostError, RuleError, RunError
        Before anything is compiled, if an argument does not fit.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("100*(y-x^2)^2 + (1-x)^2")
    >>> run = so.minimize(J, so.adam(eta=0.02), start=[-1.2, 1], steps=5000)
    >>> run.theta.round(4), str(run.status)
    (array([1., 1.]), 'budget spent')
    """
    objective, optimizer = as_cost(cost), as_rule(rule)
    refuse_words_of_others(minimize, constants, objective, [optimizer])
    begin = given_or_own(start, cost, "so.minimize(J, rule, start=[1.0, 2.0])")
    values = objective.check_constants(constants)
    objective, point = read_start(objective(**constants), begin, (1,), constants={})
    _check_single(optimizer.hyperparameters, "hyperparameter")
    _check_single(values, "constant")
    sampling = check_sampling(batch, replace, noise, rng=rng)
    if isinstance(record, str) and record == "auto":
        record = choose_record(steps, size=len(point), sampling=sampling)
    settings = check_run_options(
        steps,
        record,
        tolerance=tolerance,
        limit=limit,
        paths=paths is not False,
        sampling=sampling,
    )
    if paths is None and len(settings.record) * len(point) > RECORD_PATHS:
        settings = settings.without_paths()
    with (
        stop_on_ctrl_c() as stop,
        progress_bar(settings.steps + 1, optimizer.name, progress) as report,
    ):
        finished = launch(
            objective,
            optimizer,
            point[None, :],
            hypers=optimizer.hyperparameters,
            constants=values,
            settings=settings,
            stop=stop,
            report=report,
        )
    return run_of(objective, optimizer, finished)


def _check_single(named: Mapping[str, Any], kind: str) -> None:
    for name, value in named.items():
        if np.ndim(value):
            raise RuleError(
                f"the {kind} {name} is an array; minimize takes one number, use so.sweep for many"
            )
