"""The step that explains a failed run is the step that the kernel makes."""

import itertools

import numpy as np
import pytest

import symopt as so
from symopt.runs.launch import launch
from symopt.runs.options import check_run_options
from symopt.runs.replay import Replay

COST = so.Cost(so.parse("(1 - x)^2 + 10*(y - x^2)^2"), optimal_value=0.0)
START = np.array([[-0.5, 1.25]])
# ogm takes another last step, perturbed_gd draws
RULES = [name for name, rule in so.optimizers.items() if name != "ogm" and not rule.update.draws]


def finished(rule, steps, runs=1):
    return launch(
        COST,
        rule,
        np.repeat(START, runs, axis=0),
        hypers=rule.hyperparameters,
        constants={},
        settings=check_run_options(steps, None),
    )


def replayed(job, run):
    labels = job.labels()
    replay = Replay(
        run=run,
        blocks=job.blocks,
        outcome=job.outcome,
        bound=job.bound,
        labels=labels,
    )
    theta = replay.quantities()[-len(labels) :]
    assert [one.name for one in theta] == labels
    return [one.value for one in theta]


@pytest.mark.parametrize("name", RULES)
def test_a_replayed_step_is_the_kernel_s(in_python, name):
    rule = so.optimizers[name]
    if "eta" in rule.hyperparameters:
        rule = rule(eta=1e-3)
    before, after = finished(rule, 6), finished(rule, 7)
    np.testing.assert_allclose(replayed(before, 0), after.outcome.theta[0], rtol=1e-13)


@pytest.mark.parametrize(
    "rule",
    [
        so.adam(beta1=[0.5, 0.9], eta=0.01),
        so.adagrad_norm(eta=[0.01, 0.1]),
        so.schedule_free_sgd(eta=[1e-3, 2e-3]),
    ],
    ids=lambda rule: rule.name,
)
def test_a_replayed_step_of_a_sweep_is_the_kernel_s(in_python, rule):
    before, after = finished(rule, 6, runs=2), finished(rule, 7, runs=2)
    for run in range(2):
        np.testing.assert_allclose(replayed(before, run), after.outcome.theta[run], rtol=1e-13)


def test_every_kind_of_stage_is_replayed():
    stages = itertools.chain.from_iterable(so.optimizers[name].update.stages for name in RULES)
    assert {stage.kind for stage in stages} == {"grad", "value", "sum", "solve"}
