"""``optax``: the learning rate comes last in a chain, weight decay after preconditioning."""

from __future__ import annotations

from typing import Any

from symopt.errors import RuleError
from symopt.interop import optax_rules, torch_rules
from symopt.interop.counterpart import add_decay, counterpart, is_off, or_none
from symopt.optim.adam import adam, adamax, adamw, yogi
from symopt.optim.adaptive import adadelta, adagrad, rmsprop
from symopt.optim.momentum import gd, lion
from symopt.optim.radam import adabelief
from symopt.optim.schedule_free import schedule_free_adamw, schedule_free_sgd
from symopt.rules.rule import Rule

VERSION = "0.2.8"
MASKED = {"mu_dtype": None, "mask": None}


@counterpart("optax.sgd", VERSION, {"accumulator_dtype": None})
def sgd(*, learning_rate: Any, momentum: Any = None, nesterov: bool = False) -> Rule:
    """Return the rule of optax's sgd."""
    if is_off(momentum):
        return gd(eta=learning_rate)
    if nesterov:
        return torch_rules.nesterov(eta=learning_rate, beta=momentum)
    return torch_rules.momentum(eta=learning_rate, beta=momentum)


@counterpart("optax.adagrad", VERSION, {})
def adagrad_(*, learning_rate: Any, initial_accumulator_value: Any = 0.1, eps: Any = 1e-7) -> Rule:
    """Return the rule of optax's adagrad."""
    return adagrad(eta=learning_rate, epsilon=eps, initial_accumulator=initial_accumulator_value)


@counterpart("optax.adadelta", VERSION, {"weight_decay_mask": None})
def adadelta_(
    *, learning_rate: Any = None, rho: Any = 0.9, eps: Any = 1e-6, weight_decay: Any = 0.0
) -> Rule:
    """Return the rule of optax's adadelta, which climbs unless it is given a learning rate."""
    eta = learning_rate
    if learning_rate is None:
        eta = -1.0
    return add_decay(adadelta(eta=eta, rho=rho, epsilon=eps), weight_decay)


@counterpart("optax.rmsprop", VERSION, {})
def rmsprop_(
    *,
    learning_rate: Any,
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: Any = None,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> Rule:
    """Return the rule of optax's rmsprop."""
    collects = or_none(momentum)
    shared = {
        "eta": learning_rate,
        "rho": decay,
        "epsilon": eps,
        "momentum": collects,
        "centered": centered,
    }
    if is_off(initial_scale) and eps_in_sqrt and not (nesterov or bias_correction):
        return rmsprop(**shared)
    return optax_rules.rmsprop(
        **shared,
        initial_accumulator=initial_scale,
        nesterov=nesterov and collects is not None,
        bias_correction=bias_correction,
        epsilon_inside=eps_in_sqrt,
    )


@counterpart("optax.adam", VERSION, {"mu_dtype": None})
def adam_(
    *,
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    nesterov: bool = False,
) -> Rule:
    """Return the rule of optax's adam, which is nadam with ``nesterov=True``."""
    shared = {"eta": learning_rate, "beta1": b1, "beta2": b2, "epsilon": eps}
    if nesterov:
        return optax_rules.nadam(**shared, epsilon_root=or_none(eps_root))
    if is_off(eps_root):
        return adam(**shared)
    return optax_rules.adam(**shared, epsilon_root=eps_root)


@counterpart("optax.nadam", VERSION, {"mu_dtype": None})
def nadam_(
    *,
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    nesterov: bool = True,
) -> Rule:
    """Return the rule of optax's nadam."""
    return adam_(
        learning_rate=learning_rate, b1=b1, b2=b2, eps=eps, eps_root=eps_root, nesterov=nesterov
    )


@counterpart("optax.adamw", VERSION, MASKED)
def adamw_(
    *,
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    weight_decay: Any = 1e-4,
    nesterov: bool = False,
) -> Rule:
    """Return the rule of optax's adamw, which is nadamw with ``nesterov=True``."""
    shared = {"eta": learning_rate, "beta1": b1, "beta2": b2, "epsilon": eps}
    shared |= {"weight_decay": weight_decay}
    if nesterov:
        return optax_rules.nadamw(**shared, epsilon_root=or_none(eps_root))
    if is_off(eps_root):
        return adamw(**shared)
    return optax_rules.adamw(**shared, epsilon_root=eps_root)


@counterpart("optax.nadamw", VERSION, MASKED)
def nadamw_(
    *,
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    weight_decay: Any = 1e-4,
    nesterov: bool = True,
) -> Rule:
    """Return the rule of optax's nadamw."""
    return adamw_(
        learning_rate=learning_rate,
        b1=b1,
        b2=b2,
        eps=eps,
        eps_root=eps_root,
        weight_decay=weight_decay,
        nesterov=nesterov,
    )


@counterpart("optax.amsgrad", VERSION, {"mu_dtype": None})
def amsgrad_(
    *,
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
) -> Rule:
    """Return the rule of optax's amsgrad."""
    return optax_rules.amsgrad(
        eta=learning_rate,
        beta1=b1,
        beta2=b2,
        epsilon=eps,
        epsilon_root=or_none(eps_root),
        mean_correction=bias_correction_mu,
        square_correction=bias_correction_nu,
    )


@counterpart("optax.adamax", VERSION, {})
def adamax_(*, learning_rate: Any, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8) -> Rule:
    """Return the rule of optax's adamax."""
    return adamax(eta=learning_rate, beta1=b1, beta2=b2, epsilon=eps)


@counterpart("optax.radam", VERSION, {})
def radam_(
    *,
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    threshold: Any = 5.0,
    nesterov: bool = False,
) -> Rule:
    """Return the rule of optax's radam."""
    return optax_rules.radam(
        eta=learning_rate,
        beta1=b1,
        beta2=b2,
        epsilon=eps,
        epsilon_root=or_none(eps_root),
        threshold=threshold,
        nesterov=nesterov,
    )


@counterpart("optax.adabelief", VERSION, {})
def adabelief_(
    *,
    learning_rate: Any,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-16,
    eps_root: Any = 1e-16,
    nesterov: bool = False,
) -> Rule:
    """Return the rule of optax's adabelief."""
    shared = {"eta": learning_rate, "beta1": b1, "beta2": b2, "epsilon": eps}
    if nesterov:
        return optax_rules.adabelief_nesterov(**shared, epsilon_root=eps_root)
    return adabelief(**shared, epsilon_root=eps_root)


@counterpart("optax.yogi", VERSION, {})
def yogi_(*, learning_rate: Any, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-3) -> Rule:
    """Return the rule of optax's yogi."""
    return yogi(eta=learning_rate, beta1=b1, beta2=b2, epsilon=eps)


@counterpart("optax.lion", VERSION, MASKED)
def lion_(*, learning_rate: Any, b1: Any = 0.9, b2: Any = 0.99, weight_decay: Any = 1e-3) -> Rule:
    """Return the rule of optax's lion."""
    return lion(eta=learning_rate, beta1=b1, beta2=b2, weight_decay=weight_decay)


@counterpart("optax.adan", VERSION, {"mask": None})
def adan_(
    *,
    learning_rate: Any,
    b1: Any = 0.98,
    b2: Any = 0.92,
    b3: Any = 0.99,
    eps: Any = 1e-8,
    eps_root: Any = 1e-8,
    weight_decay: Any = 0.0,
) -> Rule:
    """Return the rule of optax's adan, with its own weight of differences."""
    return optax_rules.adan(
        eta=learning_rate,
        beta1=b1,
        beta2=b2,
        beta3=b3,
        epsilon=eps,
        epsilon_root=or_none(eps_root),
        weight_decay=weight_decay,
    )


@counterpart("optax.rprop", VERSION, {})
def rprop_(
    *,
    learning_rate: Any,
    eta_minus: Any = 0.5,
    eta_plus: Any = 1.2,
    min_step_size: Any = 1e-6,
    max_step_size: Any = 50.0,
) -> Rule:
    """Return the rule of optax's rprop, a step late."""
    return optax_rules.rprop(
        eta=learning_rate,
        shrink=eta_minus,
        grow=eta_plus,
        smallest=min_step_size,
        largest=max_step_size,
    )


@counterpart("optax.contrib.schedule_free_sgd", VERSION, {"state_dtype": None})
def schedule_free_sgd_(
    *,
    learning_rate: Any = 1.0,
    warmup_steps: Any = None,
    b1: Any = 0.9,
    weight_decay: Any = None,
    weight_lr_power: Any = 2.0,
) -> Rule:
    """Return the rule of optax's schedule_free_sgd."""
    decay = weight_decay
    if weight_decay is None:
        decay = 0.0
    shared = {
        "eta": learning_rate,
        "beta": b1,
        "weight_decay": decay,
        "weight_power": weight_lr_power,
    }
    if warmup_steps is None:
        return schedule_free_sgd(**shared).reporting("theta")
    _check_warmup(warmup_steps)
    return optax_rules.schedule_free_sgd(**shared, warmup=warmup_steps).reporting("theta")


@counterpart("optax.contrib.schedule_free_adamw", VERSION, {"state_dtype": None})
def schedule_free_adamw_(
    *,
    learning_rate: Any = 0.0025,
    warmup_steps: Any = None,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    weight_lr_power: Any = 2.0,
) -> Rule:
    """Return the rule of optax's schedule_free_adamw."""
    shared = {
        "eta": learning_rate,
        "beta1": b1,
        "beta2": b2,
        "epsilon": eps,
        "weight_decay": weight_decay,
        "weight_power": weight_lr_power,
    }
    if warmup_steps is None:
        return schedule_free_adamw(**shared).reporting("theta")
    _check_warmup(warmup_steps)
    return optax_rules.schedule_free_adamw(**shared, warmup=warmup_steps).reporting("theta")


def _check_warmup(steps: Any) -> None:
    if is_off(steps):
        raise RuleError(
            "warmup_steps=0: optax's learning rate is 0 for ever then; expected None or a number "
            "of steps"
        )
