"""``pytorch_optimizer``: weight decay is decoupled in most of its optimizers."""

from __future__ import annotations

from typing import Any

from symopt.interop import package_rules
from symopt.interop.counterpart import add_decay, choose_direction, counterpart, is_off
from symopt.interop.torch_family import belief, free_sgd, per_rate
from symopt.optim.adam import yogi
from symopt.optim.momentum import lion
from symopt.optim.nadam import adan
from symopt.rules.rule import Rule

BETAS = (0.9, 0.999)
FOREACH = {"foreach": None}
COLLECTION = "4.1.0"


@counterpart("pytorch_optimizer.ScheduleFreeSGD", COLLECTION, {**FOREACH, "eps": 1e-8})
def schedulefree_sgd(
    *,
    lr: Any = 1.0,
    momentum: Any = 0.9,
    weight_decay: Any = 0.0,
    r: Any = 0.0,
    weight_lr_power: Any = 2.0,
    warmup_steps: Any = 0,
    maximize: bool = False,
) -> Rule:
    """Return the rule of pytorch_optimizer's ScheduleFreeSGD."""
    return choose_direction(
        free_sgd(
            lr,
            momentum,
            weight_decay,
            warmup_steps=warmup_steps,
            r=r,
            weight_lr_power=weight_lr_power,
        ),
        maximize,
    )


@counterpart("pytorch_optimizer.ScheduleFreeAdamW", COLLECTION, FOREACH)
def schedulefree_adamw(
    *,
    lr: Any = 0.0025,
    betas: Any = BETAS,
    weight_decay: Any = 0.0,
    r: Any = 0.0,
    weight_lr_power: Any = 2.0,
    warmup_steps: Any = 0,
    decoupling_c: Any = 0,
    ams_bound: bool = False,
    eps: Any = 1e-8,
    maximize: bool = False,
) -> Rule:
    """Return the rule of pytorch_optimizer's ScheduleFreeAdamW."""
    beta1, beta2 = betas
    rule = package_rules.schedule_free_adamw(
        eta=lr,
        beta1=beta1,
        beta2=beta2,
        epsilon=eps,
        weight_decay=weight_decay,
        r=r,
        weight_power=weight_lr_power,
        largest=ams_bound,
    )
    if not is_off(warmup_steps):
        rule = rule(warmup=warmup_steps)
    if not is_off(decoupling_c):
        rule = rule(decoupling=decoupling_c)
    return choose_direction(rule.reporting("theta"), maximize)


@counterpart("pytorch_optimizer.AdaBelief", COLLECTION, FOREACH)
def poadabelief(
    *,
    lr: Any = 1e-3,
    betas: Any = BETAS,
    weight_decay: Any = 0.0,
    weight_decouple: bool = True,
    fixed_decay: bool = False,
    rectify: bool = False,
    n_sma_threshold: Any = 5,
    degenerated_to_sgd: bool = True,
    ams_bound: bool = False,
    eps: Any = 1e-16,
    maximize: bool = False,
) -> Rule:
    """Return the rule of pytorch_optimizer's AdaBelief."""
    rule = belief(
        lr,
        betas,
        eps,
        rectify=rectify,
        threshold=n_sma_threshold,
        degenerated_to_sgd=degenerated_to_sgd,
        largest=ams_bound,
    )
    return choose_direction(
        add_decay(rule, weight_decay, weight_decouple, fixed=fixed_decay and weight_decouple),
        maximize,
    )


@counterpart(
    "pytorch_optimizer.Adan", COLLECTION, {**FOREACH, "max_grad_norm": 0.0, "maximize": False}
)
def adan_(
    *,
    lr: Any = 1e-3,
    betas: Any = (0.98, 0.92, 0.99),
    weight_decay: Any = 0.0,
    weight_decouple: bool = False,
    eps: Any = 1e-8,
) -> Rule:
    """Return the rule of pytorch_optimizer's Adan.

    Its ``maximize`` takes the first difference between g and -g; its clipping has the norm in
    float32.
    """
    beta1, beta2, beta3 = betas
    rule = adan
    if weight_decouple:
        rule = package_rules.adan_decoupled
    return rule(
        eta=lr, beta1=beta1, beta2=beta2, beta3=beta3, epsilon=eps, weight_decay=weight_decay
    )


@counterpart("pytorch_optimizer.Lion", COLLECTION, FOREACH)
def lion_(
    *,
    lr: Any = 1e-4,
    betas: Any = (0.9, 0.99),
    weight_decay: Any = 0.0,
    weight_decouple: bool = True,
    fixed_decay: bool = False,
    maximize: bool = False,
) -> Rule:
    """Return the rule of pytorch_optimizer's Lion."""
    beta1, beta2 = betas
    rule = lion(eta=lr, beta1=beta1, beta2=beta2)
    if weight_decouple:
        return choose_direction(
            rule(weight_decay=per_rate(weight_decay, lr) if fixed_decay else weight_decay), maximize
        )
    return choose_direction(add_decay(rule, weight_decay), maximize)


@counterpart("pytorch_optimizer.RAdam", COLLECTION, FOREACH)
def radam_(
    *,
    lr: Any = 1e-3,
    betas: Any = BETAS,
    weight_decay: Any = 0.0,
    weight_decouple: bool = True,
    fixed_decay: bool = False,
    n_sma_threshold: Any = 5,
    degenerated_to_sgd: bool = False,
    eps: Any = 1e-8,
    maximize: bool = False,
) -> Rule:
    """Return the rule of pytorch_optimizer's RAdam.

    It ignores a weight decay that is not decoupled.
    """
    beta1, beta2 = betas
    rule = package_rules.radam(
        eta=lr,
        beta1=beta1,
        beta2=beta2,
        epsilon=eps,
        threshold=n_sma_threshold,
        moves_before=degenerated_to_sgd,
    )
    if weight_decouple and not is_off(weight_decay):
        rule = rule(weight_decay=per_rate(weight_decay, lr) if fixed_decay else weight_decay)
    return choose_direction(rule, maximize)


@counterpart("pytorch_optimizer.Yogi", COLLECTION, FOREACH)
def yogi_(
    *,
    lr: Any = 1e-2,
    betas: Any = BETAS,
    initial_accumulator: Any = 1e-6,
    weight_decay: Any = 0.0,
    weight_decouple: bool = True,
    fixed_decay: bool = False,
    eps: Any = 1e-3,
    maximize: bool = False,
) -> Rule:
    """Return the rule of pytorch_optimizer's Yogi."""
    beta1, beta2 = betas
    rule = yogi(
        eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, initial_accumulator=initial_accumulator
    )
    return choose_direction(
        add_decay(rule, weight_decay, weight_decouple, fixed=fixed_decay and weight_decouple),
        maximize,
    )
