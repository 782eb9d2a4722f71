"""``keras.optimizers``: weight decay of any optimizer is decoupled, and gradients may be clipped first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symopt.errors import RuleError
from symopt.libraries.counterpart import counterpart, decayed, is_off
from symopt.libraries.counterpart import sgd as plain
from symopt.published.adams import adam, adamax, amsgrad, nadam
from symopt.published.adaptive import adadelta, adagrad, rmsprop
from symopt.published.averaging import schedule_free_adamw
from symopt.published.descent import lion
from symopt.rule import Rule
from symopt.wrappers import clip_norm, clip_value

VERSION = "3.15.1"
FIXED = {
    "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
    "gradient_accumulation_steps": None, "name": None,
}  # fmt: skip


def keras(name: str) -> Callable[[Callable[..., Rule]], Callable[..., Rule]]:
    """Register a class of keras, whose learning rate was once called lr."""
    return counterpart(f"keras.optimizers.{name}", VERSION, FIXED, {"lr": "learning_rate"})


def _clipped(rule: Rule, clipnorm: Any, clipvalue: Any, global_clipnorm: Any) -> Rule:
    """Return the rule with keras's clipping; the parameters are one variable."""
    given = [value for value in (clipnorm, clipvalue, global_clipnorm) if value is not None]
    if len(given) > 1:
        raise RuleError("keras takes only one of clipnorm, clipvalue and global_clipnorm")
    if not given:
        return rule
    return clip_value(rule, clipvalue) if clipvalue is not None else clip_norm(rule, given[0])


def _finished(rule: Rule, decay: Any, clipnorm: Any, clipvalue: Any, global_clipnorm: Any) -> Rule:
    return _clipped(decayed(rule, decay, decoupled=True), clipnorm, clipvalue, global_clipnorm)


@keras("SGD")
def sgd(
    *, learning_rate: Any = 0.01, momentum: Any = 0.0, nesterov: bool = False, weight_decay: Any = None,
    clipnorm: Any = None, clipvalue: Any = None, global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's SGD."""
    rule = plain(learning_rate, momentum, nesterov, eta_inside=True)
    return _finished(rule, weight_decay, clipnorm, clipvalue, global_clipnorm)


@keras("Adagrad")
def adagrad_(
    *, learning_rate: Any = 0.001, initial_accumulator_value: Any = 0.1, epsilon: Any = 1e-7, weight_decay: Any = None,
    clipnorm: Any = None, clipvalue: Any = None, global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's Adagrad."""
    rule = adagrad(eta=learning_rate, epsilon=epsilon, initial_accumulator=initial_accumulator_value)
    return _finished(rule, weight_decay, clipnorm, clipvalue, global_clipnorm)


@keras("Adadelta")
def adadelta_(
    *, learning_rate: Any = 0.001, rho: Any = 0.95, epsilon: Any = 1e-7, weight_decay: Any = None,
    clipnorm: Any = None, clipvalue: Any = None, global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's Adadelta."""
    rule = adadelta(eta=learning_rate, rho=rho, epsilon=epsilon)
    return _finished(rule, weight_decay, clipnorm, clipvalue, global_clipnorm)


@keras("RMSprop")
def rmsprop_(
    *, learning_rate: Any = 0.001, rho: Any = 0.9, momentum: Any = 0.0, epsilon: Any = 1e-7, centered: bool = False,
    weight_decay: Any = None, clipnorm: Any = None, clipvalue: Any = None, global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's RMSprop."""
    collects = None if is_off(momentum) else momentum
    rule = rmsprop(eta=learning_rate, rho=rho, epsilon=epsilon, momentum=collects, centered=centered)
    return _finished(rule, weight_decay, clipnorm, clipvalue, global_clipnorm)


@keras("Adam")
def adam_(
    *, learning_rate: Any = 0.001, beta_1: Any = 0.9, beta_2: Any = 0.999, epsilon: Any = 1e-7, amsgrad: bool = False,
    weight_decay: Any = None, clipnorm: Any = None, clipvalue: Any = None, global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's Adam."""
    rule = _adam(learning_rate, beta_1, beta_2, epsilon, amsgrad)
    return _finished(rule, weight_decay, clipnorm, clipvalue, global_clipnorm)


@keras("AdamW")
def adamw_(
    *, learning_rate: Any = 0.001, weight_decay: Any = 0.004, beta_1: Any = 0.9, beta_2: Any = 0.999,
    epsilon: Any = 1e-7, amsgrad: bool = False, clipnorm: Any = None, clipvalue: Any = None,
    global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's AdamW."""
    rule = _adam(learning_rate, beta_1, beta_2, epsilon, amsgrad)
    return _finished(rule, weight_decay, clipnorm, clipvalue, global_clipnorm)


def _adam(eta: Any, beta1: Any, beta2: Any, epsilon: Any, largest: bool) -> Rule:
    shared = {"eta": eta, "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "epsilon_hat": True}
    return amsgrad(**shared, mean_correction=True, bias_correction=True) if largest else adam(**shared)


@keras("Adamax")
def adamax_(
    *, learning_rate: Any = 0.001, beta_1: Any = 0.9, beta_2: Any = 0.999, epsilon: Any = 1e-7,
    weight_decay: Any = None, clipnorm: Any = None, clipvalue: Any = None, global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's Adamax."""
    rule = adamax(eta=learning_rate, beta1=beta_1, beta2=beta_2, epsilon=epsilon, epsilon_in_maximum=False)
    return _finished(rule, weight_decay, clipnorm, clipvalue, global_clipnorm)


@keras("Nadam")
def nadam_(
    *, learning_rate: Any = 0.001, beta_1: Any = 0.9, beta_2: Any = 0.999, epsilon: Any = 1e-7,
    weight_decay: Any = None, clipnorm: Any = None, clipvalue: Any = None, global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's Nadam."""
    rule = nadam(eta=learning_rate, beta1=beta_1, beta2=beta_2, epsilon=epsilon, momentum_decay=1.0)
    return _finished(rule, weight_decay, clipnorm, clipvalue, global_clipnorm)


@keras("Lion")
def lion_(
    *, learning_rate: Any = 0.001, beta_1: Any = 0.9, beta_2: Any = 0.99, weight_decay: Any = None,
    clipnorm: Any = None, clipvalue: Any = None, global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's Lion."""
    decay = 0.0 if weight_decay is None else weight_decay
    rule = lion(eta=learning_rate, beta1=beta_1, beta2=beta_2, weight_decay=decay)
    return _clipped(rule, clipnorm, clipvalue, global_clipnorm)


@keras("ScheduleFreeAdamW")
def schedule_free_adamw_(
    *, learning_rate: Any = 0.0025, beta_1: Any = 0.9, beta_2: Any = 0.999, epsilon: Any = 1e-8, warmup_steps: Any = 0,
    weight_decay: Any = None, clipnorm: Any = None, clipvalue: Any = None, global_clipnorm: Any = None,
) -> Rule:  # fmt: skip
    """Return the rule of keras's ScheduleFreeAdamW (on jax; on torch keras computes another trajectory)."""
    if is_off(beta_1):
        raise RuleError("beta_1=0: keras divides by it; expected a number above 0")
    rule = schedule_free_adamw(eta=learning_rate, beta1=beta_1, beta2=beta_2, epsilon=epsilon, weighting="equal")
    if not is_off(warmup_steps):
        rule = rule(warmup=warmup_steps)
    if not is_off(weight_decay):
        rule = rule(weight_decay=weight_decay, decay_of="y")
    return _clipped(rule.reporting("theta"), clipnorm, clipvalue, global_clipnorm)
