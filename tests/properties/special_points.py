"""Points to try a cost at: random ones, and those where formulas break."""

from __future__ import annotations

import numpy as np

SPECIAL = [
    0.0, 0.0, -0.0, 1.0, -1.0, 1e150, -1e150, 1e-150, -1e-150, 1e8, -1e8, 1e-8, -1e-8, 0.5, -0.5, 1.5, 2.0, -2.0, 3.0,
    7.0, 10.0, -10.0, 30.0, -30.0, 100.0, -100.0, 800.0, -800.0, 1e-3, 1e3, 1e15, 0.25,
]  # fmt: skip


def random_point(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return coordinates of about one size, near 0, near 1 or far."""
    return rng.normal(size=size) * rng.choice([0.3, 1.0, 1.0, 3.0, 30.0])


def special_point(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a point of special coordinates, of equal ones (ties), or of one special coordinate among random ones."""
    kind = rng.integers(3)
    if kind == 0:
        return rng.choice(SPECIAL, size=size)
    if kind == 1:
        return np.full(size, rng.choice(SPECIAL[:24]) if rng.random() < 0.7 else rng.normal())
    point = random_point(rng, size)
    point[rng.integers(size)] = rng.choice(SPECIAL)
    return point


def direction(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a direction without zeros."""
    return rng.choice([1.0, -1.0, 0.5, -0.25, 2.0, 0.7], size=size)
