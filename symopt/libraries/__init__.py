"""Optimizers of other libraries, by the names and arguments they have there, as rules of symopt."""

from symopt.libraries import keras, optax, packages, pytorch_optimizer, torch  # each registers its classes

__all__ = ["keras", "optax", "packages", "pytorch_optimizer", "torch"]
