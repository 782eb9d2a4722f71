"""What several packages for torch have in common."""

from __future__ import annotations

from typing import Any

from symopt.errors import RuleError
from symopt.interop import package_rules
from symopt.interop.counterpart import is_off
from symopt.optim.schedule_free import schedule_free_adamw, schedule_free_sgd
from symopt.rules.rule import Rule
from symopt.validation import is_real_number


def free_sgd(
    lr: Any, momentum: Any, weight_decay: Any, warmup_steps: Any, r: Any, weight_lr_power: Any
) -> Rule:
    """Return schedule-free SGD as packages for torch have it, with y in the parameters."""
    rule = schedule_free_sgd(
        eta=lr, beta=momentum, weight_decay=weight_decay, r=r, weight_power=weight_lr_power
    )
    return (rule if is_off(warmup_steps) else rule(warmup=warmup_steps)).reporting("theta")


def free_adamw(
    lr: Any,
    betas: Any,
    eps: Any,
    weight_decay: Any,
    warmup_steps: Any,
    r: Any,
    weight_lr_power: Any,
) -> Rule:
    """Return schedule-free AdamW as packages for torch have it, with y in the parameters."""
    beta1, beta2 = betas
    shared = {"eta": lr, "weight_decay": weight_decay, "r": r, "weight_power": weight_lr_power}
    rule = schedule_free_adamw(beta1=beta1, beta2=beta2, epsilon=eps, **shared)
    return (rule if is_off(warmup_steps) else rule(warmup=warmup_steps)).reporting("theta")


def belief(
    lr: Any,
    betas: Any,
    eps: Any,
    rectify: bool,
    threshold: Any,
    degenerated_to_sgd: bool,
    largest: bool,
) -> Rule:
    """Return AdaBelief as packages for torch have it, with one epsilon in both places."""
    beta1, beta2 = betas
    rule = package_rules.adabelief(
        eta=lr, beta1=beta1, beta2=beta2, epsilon=eps, epsilon_root=eps, largest=largest
    )
    if not rectify:
        return rule
    return rule(rectify=True, threshold=threshold, moves_before=degenerated_to_sgd)


def per_rate(decay: Any, lr: Any) -> Any:
    """Return a decay that eta is to be multiplied with, where the library does not multiply it."""
    if not is_real_number(lr) or float(lr) <= 0:
        raise RuleError(
            "a decay that is independent of the learning rate needs one number above 0 as that, "
            f"not {lr}"
        )
    return decay / lr
