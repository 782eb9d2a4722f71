"""Keywords that are no argument: what a word of another library is called here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from symopt.costs.cost import Cost
from symopt.errors import RunError, did_you_mean
from symopt.rules.rule import Rule

WORDS = {
    "cost": "fun func function objective loss_fn loss_function",
    "rule": "optimizer optimiser algorithm solver rules",
    "rules": "optimizer optimiser optimizers algorithm algorithms solver rule",
    "start": "x0 p0 init initial initial_guess guess start_point starts x_init initial_params",
    "steps": "maxiter max_iter maxiters max_iters max_iterations niter n_iter n_iters iterations "
    "iters n_iterations num_iterations n_steps nsteps num_steps max_steps maxfun maxfev max_nfev "
    "epochs n_epochs num_epochs budget",
    "tolerance": "tol gtol ftol xtol atol rtol gradient_tolerance grad_tol",
    "limit": "divergence max_loss blow_up",
    "batch": "batch_size minibatch mini_batch minibatch_size",
    "rng": "seed random_state random_seed key generator",
    "progress": "verbose disp display show_progress progressbar progress_bar",
    "record": "history save_history record_every return_history retall keep_history",
    "threads": "n_jobs workers num_threads n_threads num_workers njobs",
    "size": "n num count number n_starts samples n_samples shape",
    "low": "lower lb minimum lo",
    "high": "upper ub maximum hi",
    "targets": "target ftarget f_target goal",
}
"""What other libraries call an argument, by its name here."""
HYPERPARAMETERS = (
    *("eta", "lr", "learning_rate", "step_size", "stepsize", "alpha", "momentum", "schedule"),
    *("beta", "beta1", "beta2", "rho", "epsilon", "eps", "weight_decay", "scheduler"),
)
DERIVATIVES = "gradients, Hessians and their products are derived from the cost; leave it out"
OTHERWISE = {
    **dict.fromkeys(HYPERPARAMETERS, "values of a rule are given to it, as in so.gd(eta=0.1)"),
    **dict.fromkeys(("jac", "grad", "gradient", "hess", "hessian", "hessp"), DERIVATIVES),
    "bounds": "a box is given to the rule, as in so.project(so.adam(eta=0.1), low=0, high=1)",
    "constraints": "there are none but boxes, as in so.project(so.adam(eta=0.1), low=0, high=1)",
    "method": "SciPy's methods are run by so.scipy(J, 'BFGS', start=[1.0, 2.0])",
    "callback": "every step is kept by record=True, and found in run.history afterwards",
    "args": "constants are given by their names, as in kappa=50",
    "options": "what stands in it is given by name, as in steps=1000, tolerance=1e-8",
    "data": "data are given with the cost, as in so.Cost(expression, data={X: array})",
    "params": "parameters are named with the cost, as in so.Cost(expression, params=[x, y])",
}
"""What is asked for where there is no such argument."""


def refuse_words_of_others(
    call: Callable[..., Any],
    given: Mapping[str, Any],
    cost: Cost | None = None,
    rules: Iterable[Rule] = (),
) -> None:
    """Refuse keywords that are neither arguments of a call nor names in its cost, if it has one.

    Raises
    ------
    RunError
        With the argument that is meant; what is unknown to this table too is left to the cost.
    """
    known: set[str] = set()
    if cost is not None:
        known = {*cost.constants, *cost.objective.size_symbols, *cost.data}
    foreign = [name for name in given if name not in known]
    if not foreign:
        return
    parameters = inspect.signature(call).parameters.values()
    arguments = [one.name for one in parameters if one.kind is not one.VAR_KEYWORD]
    for name in foreign:
        cure = _renamed(name, arguments)
        if cost is not None:
            cure = cure or _elsewhere(name, cost, rules)
        cure = cure or _near(name, arguments, known)
        if not cure and cost is None:
            cure = f"expected {', '.join(arguments)}"
        if cure:
            raise RunError(f"{call.__name__} has no argument {name!r}: {cure}")


def _renamed(name: str, arguments: Iterable[str]) -> str:
    """Return what an argument is called here; nothing where it is none."""
    for argument in arguments:
        if name.lower() in WORDS.get(argument, "").split():
            return f"it is called {argument} here"
    return ""


def _elsewhere(name: str, cost: Cost, rules: Iterable[Rule]) -> str:
    """Return where a value is given that is no argument; nothing where it is not known."""
    for rule in rules:
        if name in rule.values:
            return f"{name} is a value of the rule, as in so.{rule.name}({name}=...)"
    if any(name == p.name for p in cost.params):
        return f"{name} is a parameter; where it begins is given in start={{{name!r}: ...}}"
    return OTHERWISE.get(name.lower(), "")


def _near(name: str, arguments: Iterable[str], known: Iterable[str]) -> str:
    """Return an argument of nearly that name, if no constant is nearer."""
    near = did_you_mean(name, [*arguments, *known])
    if "did you mean" in near and any(f"{argument!r}" in near for argument in arguments):
        return near.strip(" ()")
    return ""
