"""Data for the models: the iris flowers, features, data that are drawn or given.

Here m counts the samples, d the features and K the classes.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt._typing import RandomLike
from symopt.errors import CostError
from symopt.validation import Array, read_generator

Classes = npt.NDArray[np.int64]


def iris() -> tuple[Array, Classes]:
    """The iris flowers: four lengths in cm, shape (150, 4), and the species, shape (150,).

    Sepal length, sepal width, petal length and petal width of 50 flowers of each species: 0 Iris
    setosa, 1 Iris versicolor, 2 Iris virginica (measured by Anderson 1935, published by Fisher
    1936).

    Examples
    --------
    >>> from symopt.problems import data
    >>> X, species = data.iris()
    >>> X[0], species[0]
    (array([5.1, 3.5, 1.4, 0.2]), np.int64(0))
    """
    text = files(__package__).joinpath("iris.csv").read_text("utf-8")
    lines = [line for line in text.splitlines() if line[0] != "#"]
    table = np.array([line.split(",") for line in lines[1:]], dtype=np.float64)
    return np.ascontiguousarray(table[:, :4]), table[:, 4].astype(np.int64)


# Features


def standardised(X: npt.ArrayLike) -> Array:
    """Give every column the mean 0 and the standard deviation 1; a constant one becomes 0.

    Examples
    --------
    >>> from symopt.problems import data
    >>> data.standardised([[1, 5], [3, 5]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    X = np.asarray(X, dtype=np.float64)
    spread = X.std(axis=0)
    return np.asarray((X - X.mean(axis=0)) / np.where(spread > 0, spread, 1))


def with_intercept(X: npt.ArrayLike) -> Array:
    """Put a column of ones before X; its weight is the intercept.

    Examples
    --------
    >>> from symopt.problems import data
    >>> data.with_intercept([[2.0], [3.0]])
    array([[1., 2.],
           [1., 3.]])
    """
    X = np.asarray(X, dtype=np.float64)
    return np.column_stack([np.ones(len(X)), X])


# Drawn


def draw_line(m: int, d: int, noise: float, rng: RandomLike) -> tuple[Array, Array, str]:
    """Draw x normal, theta normal, t = x . theta + noise*normal."""
    rng = read_generator(rng, CostError)
    X = with_intercept(rng.normal(size=(m, d)))
    theta = rng.normal(size=d + 1)
    t = X @ theta + noise * rng.normal(size=m)
    return X, t, "drawn from a linear model"


def draw_labels(m: int, d: int, rng: RandomLike) -> tuple[Array, Array, str]:
    """Draw x and theta normal, t = 1 with probability 1/(1 + exp(-x . theta)), -1 else."""
    rng = read_generator(rng, CostError)
    X = with_intercept(rng.normal(size=(m, d)))
    theta = rng.normal(size=d + 1)
    likely = 1 / (1 + np.exp(-X @ theta))
    t = np.where(rng.random(m) < likely, 1.0, -1.0)
    return X, t, "drawn from a logistic model"


def draw_clouds(m: int, d: int, K: int, rng: RandomLike) -> tuple[Array, Classes, str]:
    """Draw a normal cloud around a normal centre for each class, the classes in turn."""
    rng = read_generator(rng, CostError)
    classes = np.arange(m) % K
    centres = 2 * rng.normal(size=(K, d))
    X = centres[classes] + rng.normal(size=(m, d))
    return with_intercept(X), classes, "drawn from normal clouds"


def draw_quadrants(m: int, rng: np.random.Generator) -> tuple[Array, Classes, str]:
    """Draw x normal in the plane; its class is whether the two coordinates agree in sign."""
    X = rng.normal(size=(m, 2))
    classes = X[:, 0] * X[:, 1] > 0
    return X, classes.astype(np.int64), "drawn: XOR of two signs"


# Given


def read_given(
    inputs: npt.ArrayLike | None, targets: npt.ArrayLike | None
) -> tuple[Array, Any, str] | None:
    """Check inputs and targets that are given; None where both are left out."""
    if inputs is None and targets is None:
        return None
    if inputs is None or targets is None:
        raise CostError("inputs or targets alone; give both, or neither for data that are drawn")
    X = np.asarray(inputs, dtype=np.float64)
    t = np.asarray(targets)
    if X.ndim != 2 or t.shape != X.shape[:1]:
        raise CostError(
            f"inputs of shape {X.shape} with targets of shape {t.shape}; expected (m, d) with (m,)"
        )
    return X, t, "given data"


def check_signs(labels: Array) -> None:
    """Refuse labels other than -1 and 1."""
    if not np.isin(labels, (-1, 1)).all():
        raise CostError(
            f"labels {np.unique(labels)[:5]}; expected -1 and 1 (labels 0 and 1 become those as "
            "2*t - 1)"
        )


def count_classes(classes: Classes) -> int:
    """Count the classes, which are integers from 0."""
    if classes.dtype.kind not in "iu" or classes.min(initial=0) < 0:
        raise CostError(f"classes {np.unique(classes)[:5]}; expected integers 0, 1, ..., K - 1")
    return int(classes.max()) + 1


def read_or_draw_ratings(
    R: npt.ArrayLike | None,
    rank: int,
    shape: tuple[int, int],
    noise: float,
    rng: np.random.Generator,
) -> tuple[Array, str]:
    """Check a given matrix, or draw one: a product of normal factors, plus noise."""
    if R is None:
        U = rng.normal(size=(shape[0], rank))
        V = rng.normal(size=(shape[1], rank))
        return U @ V.T + noise * rng.normal(size=shape), f"drawn, of rank {rank}"
    if np.ndim(R) != 2:
        raise CostError(f"ratings of shape {np.shape(R)}; expected a matrix, (m, n)")
    return np.asarray(R, dtype=np.float64), "given data"
