"""Schedules: hyperparameters as expressions in the step; ``decay`` has them all."""

from symopt.schedules.decay import (
    constant,
    cosine,
    exponential,
    inverse_time,
    nesterov_beta,
    one_cycle,
    polynomial,
    step,
    warmup,
    wsd,
)

__all__ = [
    "constant",
    "cosine",
    "exponential",
    "inverse_time",
    "nesterov_beta",
    "one_cycle",
    "polynomial",
    "step",
    "warmup",
    "wsd",
]
