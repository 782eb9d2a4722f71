"""``torch.optim``: weight decay joins the gradient, buffers are kept without eta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from symopt.errors import RuleError
from symopt.interop import torch_rules
from symopt.interop.counterpart import add_decay, choose_direction, counterpart, is_off, with_more
from symopt.optim.adam import adam, adamax, adamw
from symopt.optim.adaptive import adadelta, adagrad, rprop
from symopt.optim.momentum import gd
from symopt.optim.nadam import nadam
from symopt.rules.hyperparameters import short
from symopt.rules.rule import Rule
from symopt.schedules.decay import inverse_time
from symopt.validation import is_real_number

VERSION = "2.13.0"
FIXED = {"foreach": None, "capturable": False, "differentiable": False, "fused": None}
BETAS = (0.9, 0.999)


def torch(
    name: str, weight_decay: float = 0
) -> Callable[[Callable[..., Rule]], Callable[..., Rule]]:
    """Register a class of torch, with what all its optimizers take."""
    register = counterpart(f"torch.optim.{name}", VERSION, FIXED)
    return lambda make: register(
        with_more(make, {"weight_decay": weight_decay, "maximize": False}, _finish_torch)
    )


def _finish_torch(rule: Rule, *, maximize: bool, weight_decay: Any = 0) -> Rule:
    """Add torch's weight decay to the gradient, and choose the direction."""
    return choose_direction(add_decay(rule, weight_decay), maximize)


@torch("SGD")
def sgd(*, lr: Any = 1e-3, momentum: Any = 0, dampening: Any = 0, nesterov: bool = False) -> Rule:
    """Return the rule of torch's SGD."""
    if nesterov and (is_off(momentum) or not is_off(dampening)):
        raise RuleError(
            "torch.optim.SGD(nesterov=True): torch takes it with momentum above 0 and dampening 0 "
            "only"
        )
    if is_off(momentum):
        return gd(eta=lr)
    if nesterov:
        return torch_rules.nesterov(eta=lr, beta=momentum)
    if is_off(dampening):
        return torch_rules.momentum(eta=lr, beta=momentum)
    if (np.asarray(momentum, dtype=object) == 0).any():
        raise RuleError(
            f"momentum={short(momentum)}: torch has no dampening where momentum is 0; sweep that "
            "by itself"
        )
    return torch_rules.momentum(eta=lr, beta=momentum, dampening=dampening)


@torch("Adagrad")
def adagrad_(
    *, lr: Any = 0.01, lr_decay: Any = 0, initial_accumulator_value: Any = 0, eps: Any = 1e-10
) -> Rule:
    """Return the rule of torch's Adagrad."""
    if is_off(lr_decay):
        eta = lr
    else:
        eta = _fading(lr, lr_decay)
    return adagrad(
        eta=eta, epsilon=eps, initial_accumulator=initial_accumulator_value, epsilon_inside=False
    )


def _fading(lr: Any, decay: Any) -> sp.Expr:
    for name, value in (("lr", lr), ("lr_decay", decay)):
        if not (is_real_number(value) or isinstance(value, sp.Expr)):
            raise RuleError(
                f"{name}={short(value)}: lr_decay makes a schedule, which takes one number for each"
            )
    return lr * inverse_time(1, decay)


@torch("RMSprop")
def rmsprop_(
    *, lr: Any = 0.01, alpha: Any = 0.99, eps: Any = 1e-8, momentum: Any = 0, centered: bool = False
) -> Rule:
    """Return the rule of torch's RMSprop."""
    rule = torch_rules.rmsprop(eta=lr, rho=alpha, epsilon=eps, centered=centered)
    if is_off(momentum):
        return rule
    return rule(momentum=momentum)


@torch("Adadelta")
def adadelta_(*, lr: Any = 1.0, rho: Any = 0.9, eps: Any = 1e-6) -> Rule:
    """Return the rule of torch's Adadelta."""
    return adadelta(eta=lr, rho=rho, epsilon=eps)


def _adam(lr: Any, betas: Any, eps: Any, amsgrad: bool) -> Rule:
    beta1, beta2 = betas
    shared = {"eta": lr, "beta1": beta1, "beta2": beta2, "epsilon": eps}
    if amsgrad:
        return torch_rules.amsgrad(**shared)
    return adam(**shared)


@torch("Adam")
def adam_(
    *,
    lr: Any = 1e-3,
    betas: Any = BETAS,
    eps: Any = 1e-8,
    weight_decay: Any = 0,
    amsgrad: bool = False,
    decoupled_weight_decay: bool = False,
) -> Rule:
    """Return the rule of torch's Adam."""
    return add_decay(
        _adam(lr, betas, eps, amsgrad=amsgrad), weight_decay, decoupled=decoupled_weight_decay
    )


@torch("AdamW")
def adamw_(
    *,
    lr: Any = 1e-3,
    betas: Any = BETAS,
    eps: Any = 1e-8,
    weight_decay: Any = 1e-2,
    amsgrad: bool = False,
) -> Rule:
    """Return the rule of torch's AdamW."""
    if amsgrad:
        return add_decay(_adam(lr, betas, eps, amsgrad=True), weight_decay, decoupled=True)
    beta1, beta2 = betas
    return adamw(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, weight_decay=weight_decay)


@torch("Adamax")
def adamax_(*, lr: Any = 2e-3, betas: Any = BETAS, eps: Any = 1e-8) -> Rule:
    """Return the rule of torch's Adamax."""
    beta1, beta2 = betas
    return adamax(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps)


@torch("NAdam")
def nadam_(
    *,
    lr: Any = 2e-3,
    betas: Any = BETAS,
    eps: Any = 1e-8,
    weight_decay: Any = 0,
    momentum_decay: Any = 4e-3,
    decoupled_weight_decay: bool = False,
) -> Rule:
    """Return the rule of torch's NAdam."""
    beta1, beta2 = betas
    rule = nadam(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, momentum_decay=momentum_decay)
    return add_decay(rule, weight_decay, decoupled=decoupled_weight_decay)


@torch("RAdam")
def radam_(
    *,
    lr: Any = 1e-3,
    betas: Any = BETAS,
    eps: Any = 1e-8,
    weight_decay: Any = 0,
    decoupled_weight_decay: bool = False,
) -> Rule:
    """Return the rule of torch's RAdam."""
    beta1, beta2 = betas
    rule = torch_rules.radam(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps)
    return add_decay(rule, weight_decay, decoupled=decoupled_weight_decay)


@counterpart("torch.optim.Rprop", VERSION, FIXED)
def rprop_(
    *, lr: Any = 0.01, etas: Any = (0.5, 1.2), step_sizes: Any = (1e-6, 50), maximize: bool = False
) -> Rule:
    """Return the rule of torch's Rprop, which has no weight decay."""
    (shrink, grow), (low, high) = etas, step_sizes
    if np.ndim(low) == 0 == np.ndim(high) and low > high:
        raise RuleError(f"step_sizes={step_sizes}: expected the smallest first")
    return choose_direction(
        rprop(eta=lr, shrink=shrink, grow=grow, smallest=low, largest=high), maximize
    )
