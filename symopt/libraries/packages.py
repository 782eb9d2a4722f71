"""Single-rule packages and collections for torch: schedulefree, pytorch_optimizer, lion, adan and adabelief."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from symopt.errors import RuleError
from symopt.libraries.counterpart import climbing, counterpart, decayed, is_off
from symopt.published.adams import yogi
from symopt.published.ahead import adan
from symopt.published.averaging import schedule_free_adamw, schedule_free_sgd
from symopt.published.descent import lion
from symopt.published.rectified import adabelief, radam
from symopt.rule import Rule

BETAS = (0.9, 0.999)
FOREACH = {"foreach": None}
COLLECTION = "4.1.0"


# schedulefree


def _free_sgd(lr: Any, momentum: Any, weight_decay: Any, warmup_steps: Any, r: Any, weight_lr_power: Any) -> Rule:
    rule = schedule_free_sgd(eta=lr, beta=momentum, weight_decay=weight_decay, r=r, weight_power=weight_lr_power)
    return (rule if is_off(warmup_steps) else rule(warmup=warmup_steps)).reporting("theta")


def _free_adamw(
    lr: Any, betas: Any, eps: Any, weight_decay: Any, warmup_steps: Any, r: Any, weight_lr_power: Any
) -> Rule:
    beta1, beta2 = betas
    shared = {"eta": lr, "weight_decay": weight_decay, "r": r, "weight_power": weight_lr_power}
    rule = schedule_free_adamw(beta1=beta1, beta2=beta2, epsilon=eps, **shared)
    return (rule if is_off(warmup_steps) else rule(warmup=warmup_steps)).reporting("theta")


@counterpart("schedulefree.SGDScheduleFree", "1.4.1", {"foreach": True})
def sgd_schedule_free(
    *, lr: Any = 1.0, momentum: Any = 0.9, weight_decay: Any = 0, warmup_steps: Any = 0, r: Any = 0.0,
    weight_lr_power: Any = 2,
) -> Rule:  # fmt: skip
    """Return the rule of schedulefree's SGDScheduleFree."""
    return _free_sgd(lr, momentum, weight_decay, warmup_steps, r, weight_lr_power)


@counterpart("schedulefree.AdamWScheduleFree", "1.4.1", {"foreach": True})
def adamw_schedule_free(
    *, lr: Any = 0.0025, betas: Any = BETAS, eps: Any = 1e-8, weight_decay: Any = 0, warmup_steps: Any = 0,
    r: Any = 0.0, weight_lr_power: Any = 2.0,
) -> Rule:  # fmt: skip
    """Return the rule of schedulefree's AdamWScheduleFree."""
    return _free_adamw(lr, betas, eps, weight_decay, warmup_steps, r, weight_lr_power)


# pytorch_optimizer


@counterpart("pytorch_optimizer.ScheduleFreeSGD", COLLECTION, {**FOREACH, "eps": 1e-8})
def po_schedule_free_sgd(
    *, lr: Any = 1.0, momentum: Any = 0.9, weight_decay: Any = 0.0, r: Any = 0.0, weight_lr_power: Any = 2.0,
    warmup_steps: Any = 0, maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of pytorch_optimizer's ScheduleFreeSGD."""
    return climbing(_free_sgd(lr, momentum, weight_decay, warmup_steps, r, weight_lr_power), maximize)


@counterpart("pytorch_optimizer.ScheduleFreeAdamW", COLLECTION, FOREACH)
def po_schedule_free_adamw(
    *, lr: Any = 0.0025, betas: Any = BETAS, weight_decay: Any = 0.0, r: Any = 0.0, weight_lr_power: Any = 2.0,
    warmup_steps: Any = 0, decoupling_c: Any = 0, ams_bound: bool = False, eps: Any = 1e-8, maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of pytorch_optimizer's ScheduleFreeAdamW."""
    rule = _free_adamw(lr, betas, eps, weight_decay, warmup_steps, r, weight_lr_power)(epsilon_root=1e-15)
    if not is_off(decoupling_c):
        rule = rule(decoupling=decoupling_c)
    return climbing(rule(maximum_of="corrected") if ams_bound else rule, maximize)


@counterpart("pytorch_optimizer.AdaBelief", COLLECTION, FOREACH)
def po_adabelief(
    *, lr: Any = 1e-3, betas: Any = BETAS, weight_decay: Any = 0.0, weight_decouple: bool = True,
    fixed_decay: bool = False, rectify: bool = False, n_sma_threshold: Any = 5, degenerated_to_sgd: bool = True,
    ams_bound: bool = False, eps: Any = 1e-16, maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of pytorch_optimizer's AdaBelief."""
    rule = _adabelief(lr, betas, eps, rectify, n_sma_threshold, degenerated_to_sgd, ams_bound)
    return climbing(decayed(rule, weight_decay, weight_decouple, fixed_decay and weight_decouple), maximize)


def _adabelief(
    lr: Any, betas: Any, eps: Any, rectify: bool, threshold: Any, degenerated_to_sgd: bool, largest: bool
) -> Rule:
    beta1, beta2 = betas
    rule = adabelief(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, epsilon_root=eps)
    if largest:
        rule = rule(maximum_of="uncorrected")
    if rectify:
        rule = rule(rectify=True, threshold=threshold, before_rectified="momentum" if degenerated_to_sgd else "nothing")
    return rule


@counterpart("pytorch_optimizer.Adan", COLLECTION, {**FOREACH, "max_grad_norm": 0.0, "maximize": False})
def po_adan(
    *, lr: Any = 1e-3, betas: Any = (0.98, 0.92, 0.99), weight_decay: Any = 0.0, weight_decouple: bool = False,
    eps: Any = 1e-8,
) -> Rule:  # fmt: skip
    """Return the rule of pytorch_optimizer's Adan.

    Its ``maximize`` takes the first difference between g and -g; its clipping has the norm in float32.
    """
    beta1, beta2, beta3 = betas
    rule = adan(eta=lr, beta1=beta1, beta2=beta2, beta3=beta3, epsilon=eps, weight_decay=weight_decay)
    return rule(proximal=False) if weight_decouple else rule


@counterpart("pytorch_optimizer.Lion", COLLECTION, FOREACH)
def po_lion(
    *, lr: Any = 1e-4, betas: Any = (0.9, 0.99), weight_decay: Any = 0.0, weight_decouple: bool = True,
    fixed_decay: bool = False, maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of pytorch_optimizer's Lion."""
    beta1, beta2 = betas
    rule = lion(eta=lr, beta1=beta1, beta2=beta2)
    if weight_decouple:
        return climbing(rule(weight_decay=_per_rate(weight_decay, lr) if fixed_decay else weight_decay), maximize)
    return climbing(decayed(rule, weight_decay), maximize)


@counterpart("pytorch_optimizer.RAdam", COLLECTION, FOREACH)
def po_radam(
    *, lr: Any = 1e-3, betas: Any = BETAS, weight_decay: Any = 0.0, weight_decouple: bool = True,
    fixed_decay: bool = False, n_sma_threshold: Any = 5, degenerated_to_sgd: bool = False, eps: Any = 1e-8,
    maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of pytorch_optimizer's RAdam, which ignores a weight decay that is not decoupled."""
    beta1, beta2 = betas
    rule = radam(
        eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, threshold=n_sma_threshold, at_threshold=True,
        corrected_epsilon=False, before_rectified="momentum" if degenerated_to_sgd else "nothing",
    )  # fmt: skip
    if weight_decouple and not is_off(weight_decay):
        rule = rule(weight_decay=_per_rate(weight_decay, lr) if fixed_decay else weight_decay)
    return climbing(rule, maximize)


def _per_rate(decay: Any, lr: Any) -> Any:
    """Return a decay that eta is to be multiplied with, where the library does not multiply it."""
    if np.ndim(lr) or not isinstance(lr, Real) or float(lr) <= 0:
        raise RuleError(f"a decay that is independent of the learning rate needs one number above 0 as that, not {lr}")
    return decay / lr


@counterpart("pytorch_optimizer.Yogi", COLLECTION, FOREACH)
def po_yogi(
    *, lr: Any = 1e-2, betas: Any = BETAS, initial_accumulator: Any = 1e-6, weight_decay: Any = 0.0,
    weight_decouple: bool = True, fixed_decay: bool = False, eps: Any = 1e-3, maximize: bool = False,
) -> Rule:  # fmt: skip
    """Return the rule of pytorch_optimizer's Yogi."""
    beta1, beta2 = betas
    rule = yogi(eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, initial_accumulator=initial_accumulator)
    return climbing(decayed(rule, weight_decay, weight_decouple, fixed_decay and weight_decouple), maximize)


# packages of one rule


@counterpart("lion_pytorch.Lion", "0.2.5", {"use_triton": False})
def lion_pytorch(
    *, lr: Any = 1e-4, betas: Any = (0.9, 0.99), weight_decay: Any = 0.0, decoupled_weight_decay: bool = False
) -> Rule:
    """Return the rule of lion-pytorch, where a decoupled decay is divided by the first learning rate."""
    beta1, beta2 = betas
    decay = _per_rate(weight_decay, lr) if decoupled_weight_decay else weight_decay
    return lion(eta=lr, beta1=beta1, beta2=beta2, weight_decay=decay)


@counterpart("adan_pytorch.Adan", "0.1.0", {"restart_cond": None})
def adan_pytorch(*, lr: Any = 1e-3, betas: Any = (0.02, 0.08, 0.01), eps: Any = 1e-8, weight_decay: Any = 0) -> Rule:
    """Return the rule of adan-pytorch, whose betas are the shares of the new."""
    beta1, beta2, beta3 = (np.subtract(1, beta) if np.ndim(beta) else 1 - beta for beta in betas)
    return adan(
        eta=lr, beta1=beta1, beta2=beta2, beta3=beta3, epsilon=eps, weight_decay=weight_decay, first_step="remembers"
    )


@counterpart("adabelief_pytorch.AdaBelief", "0.2.1", {"print_change_log": True})
def adabelief_pytorch(
    *, lr: Any = 1e-3, betas: Any = BETAS, eps: Any = 1e-16, weight_decay: Any = 0, amsgrad: bool = False,
    weight_decouple: bool = True, fixed_decay: bool = False, rectify: bool = True, degenerated_to_sgd: bool = True,
) -> Rule:  # fmt: skip
    """Return the rule of adabelief-pytorch, where the largest s counts only in steps that are not rectified."""
    rule = _adabelief(lr, betas, eps, rectify, 5, degenerated_to_sgd, amsgrad and not rectify)
    return decayed(rule, weight_decay, weight_decouple, fixed_decay and weight_decouple)
