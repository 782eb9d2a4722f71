"""``torch.optim``: weight decay is added to the gradient, buffers are kept without the learning rate."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import sympy as sp

from symopt.errors import RuleError
from symopt.hyper import short
from symopt.libraries.counterpart import climbing, counterpart, decayed, is_off
from symopt.libraries.counterpart import sgd as plain
from symopt.published.adams import adam, adamax, adamw, amsgrad, nadam, radam
from symopt.published.adaptive import adadelta, adagrad, rmsprop, rprop
from symopt.rule import Rule
from symopt.symbols import t

VERSION = "2.13.0"
FIXED = {"foreach": None, "capturable": False, "differentiable": False, "fused": None}
BETAS = (0.9, 0.999)


@counterpart("torch.optim.SGD", VERSION, FIXED)
def sgd(
    *, lr: Any = 1e-3, momentum: Any = 0, dampening: Any = 0, weight_decay: Any = 0, nesterov: bool = False,
    maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of torch's SGD."""
    if nesterov and (is_off(momentum) or not is_off(dampening)):
        raise RuleError("torch.optim.SGD(nesterov=True): torch takes it with momentum above 0 and dampening 0 only")
    rule = plain(lr, momentum, nesterov, eta_inside=False, dampening=dampening)
    return climbing(decayed(rule, weight_decay), maximize)


@counterpart("torch.optim.Adagrad", VERSION, FIXED)
def adagrad_(
    *, lr: Any = 0.01, lr_decay: Any = 0, weight_decay: Any = 0, initial_accumulator_value: Any = 0, eps: Any = 1e-10,
    maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of torch's Adagrad."""
    eta = lr if is_off(lr_decay) else _fading(lr, lr_decay)
    rule = adagrad(eta=eta, epsilon=eps, initial_accumulator=initial_accumulator_value, epsilon_inside=False)
    return climbing(decayed(rule, weight_decay), maximize)


def _fading(lr: Any, decay: Any) -> sp.Expr:
    for name, value in (("lr", lr), ("lr_decay", decay)):
        if isinstance(value, bool) or not isinstance(value, Real | sp.Expr):
            raise RuleError(f"{name}={short(value)}: lr_decay makes a schedule, which takes one number for each")
    return lr / (1 + decay * (t - 1))


@counterpart("torch.optim.RMSprop", VERSION, FIXED)
def rmsprop_(
    *, lr: Any = 0.01, alpha: Any = 0.99, eps: Any = 1e-8, weight_decay: Any = 0, momentum: Any = 0,
    centered: bool = False, maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of torch's RMSprop."""
    collects = None if is_off(momentum) else momentum
    rule = rmsprop(eta=lr, rho=alpha, epsilon=eps, momentum=collects, centered=centered, epsilon_inside=False)
    rule = rule if collects is None else rule(eta_inside=False)
    return climbing(decayed(rule, weight_decay), maximize)


@counterpart("torch.optim.Adadelta", VERSION, FIXED)
def adadelta_(*, lr: Any = 1.0, rho: Any = 0.9, eps: Any = 1e-6, weight_decay: Any = 0, maximize: bool = False) -> Rule:
    """Return the rule of torch's Adadelta."""
    return climbing(decayed(adadelta(eta=lr, rho=rho, epsilon=eps), weight_decay), maximize)


@counterpart("torch.optim.Adam", VERSION, FIXED)
def adam_(
    *, lr: Any = 1e-3, betas: Any = BETAS, eps: Any = 1e-8, weight_decay: Any = 0, amsgrad: bool = False,
    maximize: bool = False, decoupled_weight_decay: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of torch's Adam."""
    rule = _adam(lr, betas, eps, amsgrad)
    return climbing(decayed(rule, weight_decay, decoupled=decoupled_weight_decay), maximize)


@counterpart("torch.optim.AdamW", VERSION, FIXED)
def adamw_(
    *, lr: Any = 1e-3, betas: Any = BETAS, eps: Any = 1e-8, weight_decay: Any = 1e-2, amsgrad: bool = False,
    maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of torch's AdamW."""
    if amsgrad:
        return climbing(decayed(_adam(lr, betas, eps, True), weight_decay, decoupled=True), maximize)
    beta1, beta2 = betas
    return climbing(adamw(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, weight_decay=weight_decay), maximize)


def _adam(lr: Any, betas: Any, eps: Any, largest: bool) -> Rule:
    beta1, beta2 = betas
    shared = {"eta": lr, "beta1": beta1, "beta2": beta2, "epsilon": eps}
    return amsgrad(**shared, mean_correction=True, bias_correction=True) if largest else adam(**shared)


@counterpart("torch.optim.Adamax", VERSION, FIXED)
def adamax_(
    *, lr: Any = 2e-3, betas: Any = BETAS, eps: Any = 1e-8, weight_decay: Any = 0, maximize: bool = False
) -> Rule:
    """Return the rule of torch's Adamax."""
    beta1, beta2 = betas
    return climbing(decayed(adamax(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps), weight_decay), maximize)


@counterpart("torch.optim.NAdam", VERSION, FIXED)
def nadam_(
    *, lr: Any = 2e-3, betas: Any = BETAS, eps: Any = 1e-8, weight_decay: Any = 0, momentum_decay: Any = 4e-3,
    decoupled_weight_decay: bool = False, maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of torch's NAdam."""
    beta1, beta2 = betas
    rule = nadam(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, momentum_decay=momentum_decay)
    return climbing(decayed(rule, weight_decay, decoupled=decoupled_weight_decay), maximize)


@counterpart("torch.optim.RAdam", VERSION, FIXED)
def radam_(
    *, lr: Any = 1e-3, betas: Any = BETAS, eps: Any = 1e-8, weight_decay: Any = 0,
    decoupled_weight_decay: bool = False, maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of torch's RAdam."""
    beta1, beta2 = betas
    rule = radam(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, threshold=5.0, corrected_epsilon=False)
    if decoupled_weight_decay and not is_off(weight_decay):
        return climbing(rule(weight_decay=weight_decay), maximize)
    return climbing(decayed(rule, weight_decay), maximize)


@counterpart("torch.optim.Rprop", VERSION, FIXED)
def rprop_(*, lr: Any = 0.01, etas: Any = (0.5, 1.2), step_sizes: Any = (1e-6, 50), maximize: bool = False) -> Rule:
    """Return the rule of torch's Rprop."""
    (shrink, grow), (smallest, largest) = etas, step_sizes
    if np.ndim(smallest) == 0 == np.ndim(largest) and smallest > largest:
        raise RuleError(f"step_sizes={step_sizes}: expected the smallest first")
    return climbing(rprop(eta=lr, shrink=shrink, grow=grow, smallest=smallest, largest=largest), maximize)
