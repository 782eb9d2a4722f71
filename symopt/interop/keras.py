"""``keras.optimizers``: decoupled weight decay, and clipping, for any optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symopt.errors import RuleError
from symopt.interop import keras_rules
from symopt.interop.counterpart import add_decay, counterpart, is_off, or_none, with_more
from symopt.optim.adam import adam
from symopt.optim.adaptive import adadelta, adagrad, rmsprop
from symopt.optim.momentum import gd, lion
from symopt.optim.momentum import momentum as heavy_ball
from symopt.optim.momentum import nesterov as accelerated
from symopt.optim.nadam import nadam
from symopt.optim.wrappers import clip_norm, clip_value
from symopt.rules.rule import Rule

VERSION = "3.15.1"
FIXED = {
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "name": None,
}


def keras(
    name: str, weight_decay: float | None = None
) -> Callable[[Callable[..., Rule]], Callable[..., Rule]]:
    """Register a class of keras, with what all its optimizers take.

    The learning rate was once called lr.
    """
    register = counterpart(
        f"keras.optimizers.{name}", VERSION, FIXED, renamed={"lr": "learning_rate"}
    )
    more = {
        "weight_decay": weight_decay,
        "clipnorm": None,
        "clipvalue": None,
        "global_clipnorm": None,
    }
    return lambda make: register(with_more(make, more, _finish_keras))


def _finish_keras(
    rule: Rule, *, clipnorm: Any, clipvalue: Any, global_clipnorm: Any, weight_decay: Any = None
) -> Rule:
    """Return a rule with keras's weight decay and clipping; the parameters are one variable."""
    given = [value for value in (clipnorm, clipvalue, global_clipnorm) if value is not None]
    if len(given) > 1:
        raise RuleError("keras takes only one of clipnorm, clipvalue and global_clipnorm")
    rule = add_decay(rule, weight_decay, decoupled=True)
    if not given:
        return rule
    if clipvalue is not None:
        return clip_value(rule, clipvalue)
    return clip_norm(rule, given[0])


@keras("SGD")
def sgd(*, learning_rate: Any = 0.01, momentum: Any = 0.0, nesterov: bool = False) -> Rule:
    """Return the rule of keras's SGD."""
    if is_off(momentum):
        return gd(eta=learning_rate)
    if nesterov:
        return accelerated(eta=learning_rate, beta=momentum, shifted=True)
    return heavy_ball(eta=learning_rate, beta=momentum)


@keras("Adagrad")
def adagrad_(
    *, learning_rate: Any = 0.001, initial_accumulator_value: Any = 0.1, epsilon: Any = 1e-7
) -> Rule:
    """Return the rule of keras's Adagrad."""
    return adagrad(
        eta=learning_rate, epsilon=epsilon, initial_accumulator=initial_accumulator_value
    )


@keras("Adadelta")
def adadelta_(*, learning_rate: Any = 0.001, rho: Any = 0.95, epsilon: Any = 1e-7) -> Rule:
    """Return the rule of keras's Adadelta."""
    return adadelta(eta=learning_rate, rho=rho, epsilon=epsilon)


@keras("RMSprop")
def rmsprop_(
    *,
    learning_rate: Any = 0.001,
    rho: Any = 0.9,
    momentum: Any = 0.0,
    epsilon: Any = 1e-7,
    centered: bool = False,
) -> Rule:
    """Return the rule of keras's RMSprop."""
    return rmsprop(
        eta=learning_rate, rho=rho, epsilon=epsilon, momentum=or_none(momentum), centered=centered
    )


def adam_(
    *,
    learning_rate: Any = 0.001,
    beta_1: Any = 0.9,
    beta_2: Any = 0.999,
    epsilon: Any = 1e-7,
    amsgrad: bool = False,
) -> Rule:
    """Return the rule of keras's Adam and AdamW, which differ in the default of weight_decay."""
    shared = {"eta": learning_rate, "beta1": beta_1, "beta2": beta_2, "epsilon": epsilon}
    if amsgrad:
        return keras_rules.amsgrad(**shared)
    return adam(**shared, epsilon_hat=True)


keras("Adam")(adam_)
keras("AdamW", weight_decay=0.004)(adam_)


@keras("Adamax")
def adamax_(
    *, learning_rate: Any = 0.001, beta_1: Any = 0.9, beta_2: Any = 0.999, epsilon: Any = 1e-7
) -> Rule:
    """Return the rule of keras's Adamax."""
    return keras_rules.adamax(eta=learning_rate, beta1=beta_1, beta2=beta_2, epsilon=epsilon)


@keras("Nadam")
def nadam_(
    *, learning_rate: Any = 0.001, beta_1: Any = 0.9, beta_2: Any = 0.999, epsilon: Any = 1e-7
) -> Rule:
    """Return the rule of keras's Nadam."""
    return nadam(eta=learning_rate, beta1=beta_1, beta2=beta_2, epsilon=epsilon, momentum_decay=1.0)


@keras("Lion")
def lion_(
    *, learning_rate: Any = 0.001, beta_1: Any = 0.9, beta_2: Any = 0.99, weight_decay: Any = None
) -> Rule:
    """Return the rule of keras's Lion, whose paper has the decay already."""
    return lion(
        eta=learning_rate,
        beta1=beta_1,
        beta2=beta_2,
        weight_decay=0.0 if weight_decay is None else weight_decay,
    )


@keras("ScheduleFreeAdamW")
def schedule_free_adamw_(
    *,
    learning_rate: Any = 0.0025,
    beta_1: Any = 0.9,
    beta_2: Any = 0.999,
    epsilon: Any = 1e-8,
    warmup_steps: Any = 0,
    weight_decay: Any = None,
) -> Rule:
    """Return the rule of keras's ScheduleFreeAdamW, as it is on jax.

    On torch keras computes another trajectory.
    """
    if is_off(beta_1):
        raise RuleError("beta_1=0: keras divides by it; expected a number above 0")
    rule = keras_rules.schedule_free_adamw(
        eta=learning_rate, beta1=beta_1, beta2=beta_2, epsilon=epsilon
    )
    if not is_off(warmup_steps):
        rule = rule(warmup=warmup_steps)
    if not is_off(weight_decay):
        rule = rule(weight_decay=weight_decay)
    return rule.reporting("theta")
