"""Wrappers: functions that take a rule and give a rule, at the level of equations.

``so.clip_norm(so.adam(eta=0.01), 1.0)`` compiles as any rule does, and its LaTeX shows the whole.
What one of them replaces is seen by all that it is wrapped around: the outermost comes first.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from symopt.errors import RuleError
from symopt.rules.bounds import HIGH, LOW, put_between
from symopt.rules.hyperparameters import AVERAGE, NOT_NEGATIVE, POSITIVE, SHARE, Range
from symopt.rules.symbols import dot, identity, theta0
from symopt.rules.wrapper import Step, wrapper

COUNT = Range(1, whole=True)


@wrapper(
    ranges={"max_norm": POSITIVE}, words=lambda most: f"gradients are shortened to the norm {most}"
)
def clip_norm(step: Step, theta, *, grad, norm, max_norm=1.0):
    """Shorten gradients to a largest Euclidean norm (Pascanu, Mikolov and Bengio 2013).

    g <- g*max_norm/|g| where |g| > max_norm, with the norm over all parameters.

    References
    ----------
    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, 2013,
    arXiv:1211.5063.

    Examples
    --------
    >>> import symopt as so
    >>> rule = so.clip_norm(so.gd(eta=0.5), 1.0)
    >>> rule
    clip_norm(gd(eta=0.5), max_norm=1)
    >>> so.minimize(so.parse("(x-3)^2"), rule, start=[0.0], steps=2).theta
    array([1.])
    """

    def clipped(point: sp.Expr) -> sp.Expr:
        g = step.let("g", grad(point))
        return step.let("g", sp.Piecewise((g * max_norm / norm(g), norm(g) > max_norm), (g, True)))

    return step(theta, grad=clipped)


@wrapper(
    ranges={"max_value": POSITIVE},
    words=lambda most: f"components of gradients are clipped to {most}",
)
def clip_value(step: Step, theta, *, grad, max_value=1.0):
    """Clip each component of gradients to [-max_value, max_value].

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x-3)^2 + y^2/4")
    >>> so.minimize(J, so.clip_value(so.gd(eta=0.5), 1.0), start=[0.0, 1.0], steps=1).theta
    array([0.5 , 0.75])
    """
    return step(
        theta, grad=lambda point: step.let("g", sp.Max(sp.Min(grad(point), max_value), -max_value))
    )


def _decay_in_words(share: str, decoupled: str, times_eta: str) -> str:
    how = "is added to the gradient"
    if decoupled == "True":
        how = "acts on theta itself"
    return f"weight decay, {share}, {how}{'' if times_eta == 'True' else ', without eta'}"


@wrapper(ranges={"weight_decay": NOT_NEGATIVE}, words=_decay_in_words)
def weight_decay(step: Step, theta, *, weight_decay=0.01, decoupled=False, times_eta=True):
    """Draw theta to 0, through the gradient (L2) or beside it (Loshchilov and Hutter 2017).

    g <- g + weight_decay*theta: the gradient of J + weight_decay*|theta|**2/2; or, ``decoupled``,
    theta <- step(theta) - eta*weight_decay*theta, which an adaptive rule does not rescale (without
    eta if ``times_eta=False``).

    Raises
    ------
    RuleError
        If it is decoupled around a rule without eta, or it is added to the gradient of a rule that
        needs the smallest value of the cost.

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, 2017, arXiv:1711.05101.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x-3)^2")
    >>> so.minimize(J, so.weight_decay(so.gd(eta=0.25), 2.0), start=[3.0], steps=1).theta
    array([1.5])
    """
    if decoupled:
        rate = 1
        if times_eta:
            rate = step.hyper("eta", "weight_decay(decoupled=True)")
        return step(theta) - rate * weight_decay * theta
    return step.of_another_cost(
        theta,
        "weight_decay",
        grad=lambda grad: lambda point: step.let("g", grad(point) + weight_decay * point),
        value=lambda value: lambda point: value(point) + weight_decay * dot(point, point) / 2,
        hessian=lambda hessian: lambda point: hessian(point) + weight_decay * identity,
        gauss_newton=lambda gauss_newton: (
            lambda point: gauss_newton(point) + weight_decay * identity
        ),
        hvp=lambda hvp: lambda point, v: hvp(point, v) + weight_decay * v,
    )


@wrapper(words=lambda: "it climbs: the gradient is that of -J")
def ascend(step: Step, theta):
    """Climb: the rule sees -J, its gradient and its Hessian.

    Raises
    ------
    RuleError
        If the rule needs the smallest value of the cost.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("-(x-3)^2"), so.ascend(so.gd(eta=0.25)), start=[1.0], steps=1).theta
    array([2.])
    """

    def minus(part: Any) -> Any:
        return lambda *arguments: -part(*arguments)

    return step.of_another_cost(
        theta,
        "ascend",
        grad=lambda grad: lambda point: step.let("g", -grad(point)),
        value=minus,
        hessian=minus,
        gauss_newton=minus,
        hvp=minus,
    )


@wrapper()
def centralize(step: Step, theta, *, grad, mean):
    """Take the mean off each gradient (gradient centralization, Yong et al. 2020).

    g <- g - mean(g), with all parameters as one layer.

    References
    ----------
    Yong, Huang, Hua and Zhang, Gradient centralization: a new optimization technique for deep
    neural networks, 2020, arXiv:2004.01461.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("x + 3*y")
    >>> so.minimize(J, so.centralize(so.gd(eta=1.0)), start=[0.0, 0.0], steps=1).theta
    array([ 1., -1.])
    """

    def centred(point: sp.Expr) -> sp.Expr:
        g = step.let("g", grad(point))
        return step.let("g", g - mean(g))

    return step(theta, grad=centred)


@wrapper(ranges={"sigma": NOT_NEGATIVE})
def noisy(step: Step, theta, *, grad, normal, sigma=0.1):
    """Add normal numbers of deviation sigma to each component of each gradient.

    sigma may be a schedule, as ``0.1/(1 + so.t)**0.275`` for annealed noise (Neelakantan et al.
    2015). The numbers follow from ``rng`` of minimize and sweep.

    References
    ----------
    Neelakantan et al., Adding gradient noise improves learning for very deep networks, 2015,
    arXiv:1511.06807.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("x^2")
    >>> rule = so.noisy(so.gd(eta=0.1), 0.5)
    >>> runs = [so.minimize(J, rule, [1.0], 10, rng=k).theta[0] for k in (0, 0, 1)]
    >>> bool(runs[0] == runs[1]), bool(runs[0] == runs[2])
    (True, False)
    """
    return step(theta, grad=lambda point: step.let("g", grad(point) + sigma * normal()))


@wrapper(slow=theta0, ranges={"k": COUNT, "alpha": SHARE})
def lookahead(step: Step, theta, slow, *, t, k=5, alpha=0.5):
    """Lookahead (Zhang, Lucas, Hinton and Ba 2019).

    Every k steps of the inner rule the slow weights go a part of the way to its theta, which
    starts again there: slow <- slow + alpha*(theta - slow); theta <- slow. The inner rule keeps
    its states.

    References
    ----------
    Zhang, Lucas, Hinton and Ba, Lookahead optimizer: k steps forward, 1 step back, 2019,
    arXiv:1907.08610.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x-3)^2")
    >>> so.minimize(J, so.lookahead(so.gd(eta=0.25), k=2), start=[1.0], steps=2).theta
    array([1.75])
    """
    fast = step(theta)
    moved = step.let("slow", slow + alpha * (fast - slow))
    now = sp.Eq(sp.Mod(t, k), 0)
    return sp.Piecewise((moved, now), (fast, True)), sp.Piecewise((moved, now), (slow, True))


@wrapper(iterate="mean", mean=theta0, ranges={"decay": AVERAGE, "after": Range(0, whole=True)})
def average(step: Step, theta, mean, *, t, decay=None, after=0):
    """Report the mean of the iterates instead of the last (Polyak 1990, Ruppert 1988).

    mean <- mean + (theta - mean)/(t - after), the mean of all theta after step ``after``; or, with
    ``decay``, mean <- decay*mean + (1 - decay)*theta, the exponential moving average. The rule
    itself goes on from theta.

    References
    ----------
    Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992,
    doi:10.1137/0330046.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.average(so.gd(eta=1.0)), start=[1.0], steps=4).theta
    array([3.])
    """
    new = step(theta)
    if decay is not None:
        return new, decay * mean + (1 - decay) * new
    return new, mean + (new - mean) / sp.Max(t - after, 1)


@wrapper(since=0, last=0, ranges={"on": ("gradient", "value")})
def restart(step: Step, theta, since, last, *, grad, value, t, dot, on="gradient"):
    """Forget the momentum where it leads uphill (O'Donoghue and Candes 2015).

    All states of the inner rule begin again, and its t at 1, where the step went against the
    gradient that it took, g.(theta' - theta) > 0 (``on="gradient"``); or where J rose in the last
    step (``on="value"``), before the next is made.

    Raises
    ------
    RuleError
        If ``on`` is another text, or a state starts at ``so.grad0``.

    References
    ----------
    O'Donoghue and Candes, Adaptive restart for accelerated gradient schemes, 2015,
    arXiv:1204.3982.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 + 100*y^2)/2")
    >>> rule = so.nesterov(eta=0.01, beta=0.99)
    >>> both = (rule, so.restart(rule))
    >>> plain, again = (so.minimize(J, one, start=[1, 1], steps=300).loss for one in both)
    >>> bool(again < plain/1000)
    True
    """
    if on == "value":
        now = value(theta)
        uphill = sp.And(now > last, t > 1)
        since = sp.Piecewise((0, uphill), (since, True))
        new = step(theta, states=step.restarted(uphill, step.states, theta), t=since + 1)
        return new, since + 1, now
    taken: list[Any] = []

    def seen(point: sp.Expr) -> sp.Expr:
        taken.append(step.let("g", grad(point)))
        return taken[-1]

    new = step(theta, grad=seen, t=since + 1)
    if not taken:
        raise RuleError(
            "restart looks at the gradient that the rule takes, and it takes none; expected "
            "on='value'"
        )
    uphill = dot(taken[-1], new - theta) > 0
    step.next = step.restarted(uphill, step.next, new)
    return new, sp.Piecewise((0, uphill), (since + 1, True)), last


@wrapper(lower="low", upper="high")
def project(step: Step, theta, lower, upper, *, low=LOW, high=HIGH):
    """Keep theta in a box: gradient projection (Goldstein 1964; Levitin and Polyak 1966).

    theta <- min(max(step(theta), low), high), entry by entry. Each side is a number, None where it
    is open, or one of these for each parameter: in the order of theta, or by name as ``{"x": 0}``
    (a name that is left out is open). Gradients are taken where the rule takes them, which may be
    outside for rules that look ahead. The Euclidean projection goes with steps along a gradient:
    after Newton's step it need not go downhill (Bertsekas 1982).

    Whatever goes around such a rule, theta is put between its bounds at the end of each step. A
    run that ends on a bound says so in its reason, and ``tolerance`` tests the projected
    gradient: its entries without those that point out of the box where theta is on the bound.

    Raises
    ------
    RuleError
        If a side is no number, or the rule has bounds already or reports an average.
    RunError
        Of a run: if the bounds do not fit the parameters, or the start is outside.

    References
    ----------
    Goldstein, Convex programming in Hilbert space, 1964, doi:10.1090/S0002-9904-1964-11178-2;
    Levitin and Polyak, Constrained minimization methods, 1966, doi:10.1016/0041-5553(66)90114-5;
    Bertsekas, Projected Newton methods for optimization problems with simple constraints, 1982,
    doi:10.1137/0320018.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x + 1)^2 + (y - 3)^2")
    >>> rule = so.project(so.gd(eta=0.25), low=0, high={"y": 2})
    >>> run = so.minimize(J, rule, start=[1.0, 1.0], tolerance=1e-9)
    >>> print(run)
    Run(project(gd): J = 2 at x=0, y=2; converged: every component of the projected gradient is at \
most 1e-09 after 16 steps, on the bound: x = 0, y = 2)
    """
    return put_between(step(theta), lower, upper), lower, upper


WRAPPERS = {
    make.__name__: make
    for make in (
        clip_norm,
        clip_value,
        weight_decay,
        ascend,
        centralize,
        noisy,
        lookahead,
        average,
        restart,
        project,
    )
}
"""Every wrapper, by its name."""
__all__ = [
    "ascend",
    "average",
    "centralize",
    "clip_norm",
    "clip_value",
    "lookahead",
    "noisy",
    "project",
    "restart",
    "weight_decay",
]
