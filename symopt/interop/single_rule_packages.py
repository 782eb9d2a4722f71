"""Packages of one rule: schedulefree, lion-pytorch, adan-pytorch and adabelief-pytorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from symopt.interop import package_rules
from symopt.interop.counterpart import add_decay, counterpart
from symopt.interop.torch_family import belief, free_adamw, free_sgd, per_rate
from symopt.optim.momentum import lion
from symopt.rules.rule import Rule

BETAS = (0.9, 0.999)


@counterpart("schedulefree.SGDScheduleFree", "1.4.1", {"foreach": True})
def sgd_schedule_free(
    *,
    lr: Any = 1.0,
    momentum: Any = 0.9,
    weight_decay: Any = 0,
    warmup_steps: Any = 0,
    r: Any = 0.0,
    weight_lr_power: Any = 2,
) -> Rule:
    """Return the rule of schedulefree's SGDScheduleFree."""
    return free_sgd(
        lr, momentum, weight_decay, warmup_steps=warmup_steps, r=r, weight_lr_power=weight_lr_power
    )


@counterpart("schedulefree.AdamWScheduleFree", "1.4.1", {"foreach": True})
def adamw_schedule_free(
    *,
    lr: Any = 0.0025,
    betas: Any = BETAS,
    eps: Any = 1e-8,
    weight_decay: Any = 0,
    warmup_steps: Any = 0,
    r: Any = 0.0,
    weight_lr_power: Any = 2.0,
) -> Rule:
    """Return the rule of schedulefree's AdamWScheduleFree."""
    return free_adamw(
        lr,
        betas,
        eps,
        weight_decay=weight_decay,
        warmup_steps=warmup_steps,
        r=r,
        weight_lr_power=weight_lr_power,
    )


@counterpart("lion_pytorch.Lion", "0.2.5", {"use_triton": False})
def lion_pytorch(
    *,
    lr: Any = 1e-4,
    betas: Any = (0.9, 0.99),
    weight_decay: Any = 0.0,
    decoupled_weight_decay: bool = False,
) -> Rule:
    """Return the rule of lion-pytorch.

    A decoupled decay is divided by the first learning rate.
    """
    beta1, beta2 = betas
    decay = weight_decay
    if decoupled_weight_decay:
        decay = per_rate(weight_decay, lr)
    return lion(eta=lr, beta1=beta1, beta2=beta2, weight_decay=decay)


@counterpart("adan_pytorch.Adan", "0.1.0", {"restart_cond": None})
def adan_pytorch(
    *, lr: Any = 1e-3, betas: Any = (0.02, 0.08, 0.01), eps: Any = 1e-8, weight_decay: Any = 0
) -> Rule:
    """Return the rule of adan-pytorch, whose betas are the shares of the new."""
    beta1, beta2, beta3 = (np.subtract(1, beta) if np.ndim(beta) else 1 - beta for beta in betas)
    return package_rules.adan_remembering(
        eta=lr, beta1=beta1, beta2=beta2, beta3=beta3, epsilon=eps, weight_decay=weight_decay
    )


@counterpart("adabelief_pytorch.AdaBelief", "0.2.1", {"print_change_log": True})
def adabelief_pytorch(
    *,
    lr: Any = 1e-3,
    betas: Any = BETAS,
    eps: Any = 1e-16,
    weight_decay: Any = 0,
    amsgrad: bool = False,
    weight_decouple: bool = True,
    fixed_decay: bool = False,
    rectify: bool = True,
    degenerated_to_sgd: bool = True,
) -> Rule:
    """Return the rule of adabelief-pytorch.

    The largest s counts only in steps that are not rectified.
    """
    rule = belief(
        lr,
        betas,
        eps,
        rectify=rectify,
        threshold=5,
        degenerated_to_sgd=degenerated_to_sgd,
        largest=amsgrad and not rectify,
    )
    return add_decay(rule, weight_decay, weight_decouple, fixed=fixed_decay and weight_decouple)
