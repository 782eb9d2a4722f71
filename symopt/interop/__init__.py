"""Optimizers of other libraries, by the names and arguments they have there, as rules of symopt."""

from symopt.interop import (
    keras,
    optax,
    pytorch_optimizer,
    single_rule_packages,
    torch,
)  # each registers its classes

__all__ = ["keras", "optax", "pytorch_optimizer", "single_rule_packages", "torch"]
