"""Schedules: hyperparameters as expressions in the step ``so.t`` and ``so.T``.

Every function returns SymPy, which stands wherever a number can:
``so.adam(eta=so.schedules.cosine(0.1))``. Schedules may be added and multiplied like any
expression. Decimal numbers stay decimal (``sp.Float``): they are given to the compiled loop when it
runs, so that other values compile nothing, whereas whole numbers and fractions are part of its
code.

What falls over ``over`` steps has its first value at t = 1 and its last at t = over. Libraries
count steps from 0 and fall over ``over - 1``: what torch calls ``T_max=k`` is ``over=k + 1``. The
one step of a run of one is its last.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from symopt.errors import RuleError, did_you_mean
from symopt.rules.symbols import T, t
from symopt.schedules.arguments import (
    Number,
    is_above_zero,
    positive_numbers,
    real_number,
    schedule_numbers,
)

SHAPES: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    # (1 - cos(pi*r))/2, without its cancellation near r = 0
    "cosine": lambda left: sp.sin(sp.pi * left / 2) ** 2,
    "linear": lambda left: left,
    # 1 - sqrt(1 - r), again without cancellation; rounding may leave r above 1
    "sqrt": lambda left: left / (1 + sp.sqrt(1 - sp.Min(1, left))),
}
"""How a value falls from 1 to 0 while the share r of the way that is left goes from 1 to 0."""


def constant(value: Number) -> sp.Expr:
    """Return a value that stays as it is: eta_t = value.

    Parameters
    ----------
    value
        The value, in the units of the hyperparameter; an expression in ``so.T`` is one for all
        steps.

    Raises
    ------
    RuleError
        If it is not a real number or holds other symbols than ``so.T``.

    Examples
    --------
    >>> import symopt as so
    >>> so.schedules.constant(1 / so.T)
    1/T
    """
    (value,) = schedule_numbers("constant", value=value)
    return value


def step(value: Number, factor: Number = 0.1, every: Number = 1000) -> sp.Expr:
    """Return a value that is multiplied by a factor every so many steps.

    eta_t = value*factor**floor((t - 1/2)/every). For a whole ``every`` that is floor((t -
    1)/every), as torch ``StepLR`` and keras ``ExponentialDecay(staircase=True)`` have it; the half
    keeps the division clear of whole numbers, where its rounding would count.

    Parameters
    ----------
    value
        The value of the first ``every`` steps.
    factor
        What it is multiplied by, without unit; above 0.
    every
        The steps between two changes; a number, or an expression such as ``so.T/4``.

    Raises
    ------
    RuleError
        If ``factor`` or ``every`` is not above 0, or an argument is not a real number.

    Examples
    --------
    >>> import symopt as so
    >>> eta = so.schedules.step(0.5, factor=0.1, every=100)
    >>> [round(float(eta.subs(so.t, step)), 6) for step in (1, 100, 101, 201)]
    [0.5, 0.5, 0.05, 0.005]
    """
    (value,) = schedule_numbers("step", value=value)
    factor, every = positive_numbers("step", factor=factor, every=every)
    return value * factor ** _whole(every)


def exponential(value: Number, decay: Number = 0.999) -> sp.Expr:
    """Return a value that falls by the same factor in every step: eta_t = value*decay**(t - 1).

    torch ``ExponentialLR`` and keras ``ExponentialDecay(decay_steps=1)`` are this schedule. With a
    number for ``decay`` the power is a running product in the compiled loop.

    Parameters
    ----------
    value
        The value at t = 1.
    decay
        The factor per step, above 0. To reach a share s of the value at t = T: ``s**(1/(so.T -
        1))``.

    Raises
    ------
    RuleError
        If ``decay`` is not above 0, or an argument is not a real number.

    Examples
    --------
    >>> import symopt as so
    >>> so.schedules.exponential(0.1, decay=0.99)
    0.1*0.99**(t - 1)
    """
    (value,) = schedule_numbers("exponential", value=value)
    (decay,) = positive_numbers("exponential", decay=decay)
    return value * decay ** (t - 1)


def polynomial(value: Number, end: Number = 0, power: Number = 1, over: Number = T) -> sp.Expr:
    """Return a value that falls to another along a power of the remaining time.

    eta_t = end + (value - end)*r**power, where r = max(0, over - t)/(over - 1) is the share of the
    way that is left. torch ``PolynomialLR`` and keras ``PolynomialDecay`` are this schedule.

    Parameters
    ----------
    value, end
        The value at t = 1, and from t = ``over`` on.
    power
        The exponent, above 0.
    over
        In how many steps; a number, or an expression in ``so.T``.

    Raises
    ------
    RuleError
        If ``power`` or ``over`` is not above 0, or an argument is not a real number.

    Examples
    --------
    >>> import symopt as so
    >>> eta = so.schedules.polynomial(0.4, power=2, over=101)
    >>> [round(float(eta.subs(so.t, step)), 6) for step in (1, 51, 101, 500)]
    [0.4, 0.1, 0.0, 0.0]
    """
    value, end = schedule_numbers("polynomial", value=value, end=end)
    power, over = positive_numbers("polynomial", power=power, over=over)
    return end + (value - end) * _falling_share(over) ** power


def inverse_time(value: Number, rate: Number = 0.01) -> sp.Expr:
    """Return a value that falls as one over the time: eta_t = value/(1 + rate*(t - 1)).

    The steps' sum diverges and that of their squares does not, as Robbins and Monro (1951) ask of a
    method with noisy gradients. keras ``InverseTimeDecay(decay_steps=1)`` and ``lr_decay`` of
    torch's ``Adagrad`` are this schedule.

    Parameters
    ----------
    value
        The value at t = 1.
    rate
        How fast it falls, in 1/steps, above 0: it has halved after 1/rate steps.

    Raises
    ------
    RuleError
        If ``rate`` is not above 0, or an argument is not a real number.

    Examples
    --------
    >>> import symopt as so
    >>> eta = so.schedules.inverse_time(0.5, rate=0.01)
    >>> [round(float(eta.subs(so.t, step)), 6) for step in (1, 101, 401)]
    [0.5, 0.25, 0.1]
    """
    (value,) = schedule_numbers("inverse_time", value=value)
    (rate,) = positive_numbers("inverse_time", rate=rate)
    return value / (1 + rate * (t - 1))


def cosine(
    value: Number, end: Number = 0, over: Number | None = None, restarts: Number | None = None
) -> sp.Expr:
    """Return a value that falls along half a cosine (SGDR, Loshchilov and Hutter 2016).

    eta_t = end + (value - end)*(1 + cos(pi*p))/2 with p = min(1, (t - 1)/(over - 1)). With
    ``restarts`` p = (t - 1)/restarts less its whole part, the paper's T_cur/T_i: the end is neared,
    and in its place the value comes again. The expression holds the equal sin(pi*(1 - p)/2)**2,
    which does not cancel where p is near 1.

    torch ``CosineAnnealingLR`` and keras ``CosineDecay`` have ``over - 1`` steps;
    ``CosineAnnealingWarmRestarts`` with ``T_mult=1`` has ``T_0=restarts``. Periods that grow
    (``T_mult``) have no expression that rounding leaves alone, and are not offered.

    Parameters
    ----------
    value, end
        The value at t = 1, and from t = ``over`` on.
    over
        In how many steps; a number, or an expression in ``so.T``, which it is unless given.
    restarts
        The period of warm restarts in steps, in place of ``over``: 100, or ``so.T/5``.

    Raises
    ------
    RuleError
        If ``over`` or ``restarts`` is not above 0, if both are given, or an argument is not a real
        number.

    Examples
    --------
    >>> import symopt as so
    >>> eta = so.schedules.cosine(0.1).subs(so.T, 101)
    >>> [round(float(eta.subs(so.t, step)), 6) for step in (1, 51, 101)]
    [0.1, 0.05, 0.0]
    >>> eta = so.schedules.cosine(0.1, restarts=50)
    >>> [round(float(eta.subs(so.t, step)), 6) for step in (1, 26, 51)]
    [0.1, 0.05, 0.1]
    """
    value, end = schedule_numbers("cosine", value=value, end=end)
    if restarts is None:
        (over,) = positive_numbers("cosine", over=T if over is None else over)
        return _fall("cosine", value, end, left=_falling_share(over))
    if over is not None:
        raise RuleError(
            f"schedules.cosine(over={over}, restarts={restarts}): expected one of them: over for a "
            "single fall, "
            "restarts for one every so many steps"
        )
    (restarts,) = positive_numbers("cosine", restarts=restarts)
    return _fall("cosine", value, end, left=1 + _whole(restarts) - (t - 1) / restarts)


def warmup(schedule: Number, over: Number) -> sp.Expr:
    """Return a schedule that is grown into linearly: eta_t = min(1, t/over)*schedule_t.

    It goes from schedule/over at t = 1 to the schedule at t = over (Goyal et al. 2017). The
    schedule's own steps are counted from the start of the run, not from the end of the warm-up.

    Parameters
    ----------
    schedule
        Any schedule in ``so.t`` and ``so.T``, or a number.
    over
        The steps of the warm-up, above 0; a number, or an expression such as ``so.T/20``.

    Raises
    ------
    RuleError
        If ``over`` is not above 0, or the schedule holds other symbols than ``so.t`` and ``so.T``.

    Examples
    --------
    >>> import symopt as so
    >>> so.schedules.warmup(0.1, over=50)
    0.1*Min(1, t/50)
    """
    (over,) = positive_numbers("warmup", over=over)
    return real_number("warmup", "schedule", schedule, allowed={t, T}) * sp.Min(1, t / over)


def one_cycle(
    value: Number,
    start_factor: Number = 25,
    final_factor: Number = 10_000,
    share: Number = 0.3,
    shape: str = "cosine",
    over: Number = T,
) -> sp.Expr:
    """Return a value that rises once and falls to next to nothing (Smith 2018, one cycle).

    From start = value/start_factor at t = 1 to the value at t = s = share*over, then to
    start/final_factor at t = over:
    eta_t = value + (start - value)*f((t - 1)/(s - 1)) before s,
    start/final_factor + (value - start/final_factor)*f(min(1, (t - s)/(over - s))) from s on, with
    f(p) = (1 + cos(pi*p))/2, or 1 - p as in the paper. torch ``OneCycleLR(total_steps=over)`` is
    this schedule.

    A momentum that runs the other way, from 0.95 to 0.85 and back:
    ``one_cycle(0.85, start_factor=0.85/0.95, final_factor=1)``.

    Parameters
    ----------
    value
        The peak.
    start_factor, final_factor
        How many times smaller the first value is than the peak, and the last than the first; above
        0.
    share
        The share of the steps that rise, between 0 and 1.
    shape
        ``"cosine"``, ``"linear"`` or ``"sqrt"``.
    over
        The steps of the cycle; a number, or an expression in ``so.T``.

    Raises
    ------
    RuleError
        If a factor or ``over`` is not above 0, ``share`` is not between 0 and 1, there is no such
        shape, or an argument is not a real number.

    Examples
    --------
    >>> import symopt as so
    >>> eta = so.schedules.one_cycle(1.0, share=0.25).subs(so.T, 400)
    >>> [float(f"{float(eta.subs(so.t, step)):.4g}") for step in (1, 100, 250, 400)]
    [0.04, 1.0, 0.5, 4e-06]
    """
    (value,) = schedule_numbers("one_cycle", value=value)
    start_factor, final_factor = positive_numbers(
        "one_cycle", start_factor=start_factor, final_factor=final_factor
    )
    if is_above_zero(1 - real_number("one_cycle", "share", share, allowed={T})) is False:
        raise RuleError(
            f"schedules.one_cycle(share={share}): expected a share between 0 and 1, as 0.3"
        )
    share, over = positive_numbers("one_cycle", share=share, over=over)
    start, peak = value / start_factor, share * over
    # "before" without the peak itself: where it lies at t = 1 the rise divides by zero
    rise = _fall(shape, start, value, left=(peak - t) / (peak - 1))
    fall = _fall(shape, value, start / final_factor, left=sp.Max(0, over - t) / (over - peak))
    return sp.Piecewise((rise, t < peak), (fall, True))


def wsd(
    value: Number,
    end: Number = 0,
    warmup: Number = T / 100,
    decay: Number = T / 10,
    shape: str = "linear",
    over: Number = T,
) -> sp.Expr:
    """Return warm-up, plateau and decay (WSD; Hu et al. 2024, MiniCPM).

    eta_t = min(1, t/warmup)*(end + (value - end)*f(p)), with p = 1 - (over - t)/decay kept between
    0 and 1: linear growth, the value itself, and in the last ``decay`` steps the fall to the end,
    which is reached at t = over. f(p) = 1 - p, (1 + cos(pi*p))/2, or 1 - sqrt(p) (Hägele et al.
    2024). The paper's own fall is a power: ``exponential`` over the last steps, as in ``warmup(0.1
    * 0.5 ** (sp.Max(0, so.t - s) / h), w)``, which halves every h steps from s on.

    Parameters
    ----------
    value, end
        The value of the plateau, and that from t = ``over`` on.
    warmup, decay
        The steps of growth and of decay, above 0; numbers, or expressions such as ``so.T/10``.
    shape
        ``"linear"``, ``"cosine"`` or ``"sqrt"``.
    over
        The steps of all three together; a number, or an expression in ``so.T``.

    Raises
    ------
    RuleError
        If a number of steps is not above 0, warm-up and decay take longer than ``over``, there is
        no such shape, or an argument is not a real number.

    Examples
    --------
    >>> import symopt as so
    >>> eta = so.schedules.wsd(0.1, warmup=10, decay=20, over=100)
    >>> [round(float(eta.subs(so.t, step)), 6) for step in (1, 10, 80, 90, 100)]
    [0.01, 0.1, 0.1, 0.05, 0.0]
    """
    value, end = schedule_numbers("wsd", value=value, end=end)
    warmup, decay, over = positive_numbers("wsd", warmup=warmup, decay=decay, over=over)
    if is_above_zero(warmup + decay - over):
        raise RuleError(
            f"schedules.wsd(warmup={warmup}, decay={decay}, over={over}): growth and decay take "
            "longer than the "
            "whole; expected warmup + decay of at most over"
        )
    return _fall(shape, value, end, left=sp.Min(1, sp.Max(0, over - t) / decay)) * sp.Min(
        1, t / warmup
    )


def nesterov_beta(step: Number = t) -> sp.Expr:
    """Return Nesterov's momentum (k - 1)/(k + 2), 0 for k < 1 (Su, Boyd, Candès 2014).

    Nesterov (1983) has beta_k = (lambda_k - 1)/lambda_(k+1) with lambda_1 = 1 and lambda_(k+1) = (1
    + sqrt(1 + 4*lambda_k**2))/2. That is a recurrence without closed form, so it is no schedule: it
    takes a state, as ``so.ogm`` has one. lambda_k = (k + 1)/2 instead keeps what the proof needs,
    lambda_(k+1)**2 - lambda_(k+1) <= lambda_k**2, and gives the beta_k here; both are 1 - 3/k for
    large k.

    beta_k leads from theta_k to where the next gradient is taken. ``so.nesterov`` goes there at the
    beginning of step t = k + 1, so that its iterates are the paper's with ``nesterov_beta(so.t -
    1)``.

    Parameters
    ----------
    step
        The paper's k, a count without unit, as an expression in ``so.t``.

    Raises
    ------
    RuleError
        If it is not a real expression in ``so.t`` and ``so.T``.

    Examples
    --------
    >>> import symopt as so
    >>> beta = so.schedules.nesterov_beta()
    >>> beta, [beta.subs(so.t, step) for step in (1, 2, 3, 298)]
    (Max(0, t - 1)/(t + 2), [0, 1/4, 2/5, 99/100])
    """
    k = real_number("nesterov_beta", "step", step, allowed={t, T})
    return sp.Max(0, k - 1) / (k + 2)


def _falling_share(over: sp.Expr) -> sp.Expr:
    """Return what goes from 1 at t = 1 to exactly 0 at t = over, and stays there."""
    return sp.Max(0, over - t) / sp.Max(1, over - 1)


def _whole(period: sp.Expr) -> sp.Expr:
    """Return how many periods are over before step t, by a quotient off whole numbers."""
    return sp.floor((t - sp.S.Half) / period)


def _fall(shape: str, first: sp.Expr, last: sp.Expr, left: sp.Expr) -> sp.Expr:
    """Return what goes from first to last in a shape; with nothing left it is exactly the last."""
    if str(shape) not in SHAPES:
        raise RuleError(f"schedules: shape={shape!r} is unknown{did_you_mean(str(shape), SHAPES)}")
    return last + (first - last) * SHAPES[shape](left)
