"""A rule that is linear on a bowl or a saddle, as the matrix of its step in numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.rules.rule import Rule
from symopt.theory import linearize

Numbers = npt.NDArray[np.float64]


def step_matrix(rule: Rule, curvature: float) -> Numbers:
    """Return the matrix of a rule's step on lambda*theta**2/2, with the rule's own numbers.

    Examples
    --------
    >>> import symopt as so
    >>> step_matrix(so.gd(eta=0.1), curvature=2.0)
    array([[0.8]])
    """
    known = {sp.Symbol(name): value for name, value in rule.hyperparameters.items()}
    matrix = linearize(rule).subs(known | {sp.Symbol("lambda"): curvature})
    return np.array(matrix.tolist(), dtype=float)


def path_from_rest(rule: Rule, curvature: float, steps: int) -> Numbers:
    """Return theta after 0, 1, ..., steps, from theta = 1 at rest: first entries of powers.

    Examples
    --------
    >>> import symopt as so
    >>> path_from_rest(so.gd(eta=0.1), curvature=-1.0, steps=2)
    array([1.  , 1.1 , 1.21])
    """
    matrix = step_matrix(rule, curvature)
    state = np.eye(len(matrix))[:, 0]
    path = [state[0]]
    for _ in range(steps):
        state = matrix @ state
        path.append(state[0])
    return np.array(path)


def leading_eigenvalue(rule: Rule, curvature: float) -> complex:
    """Return the eigenvalue of the largest modulus: the factor per step, and its turn.

    Examples
    --------
    >>> import symopt as so
    >>> leading_eigenvalue(so.gd(eta=0.1), curvature=1.0)
    (0.9+0j)
    """
    return complex(max(np.linalg.eigvals(step_matrix(rule, curvature)), key=abs))


def matrix_function(rule: Rule) -> Callable[[float, float], Numbers]:
    """Return the matrix of a rule's step as a function of curvature and eta: quick for many.

    Examples
    --------
    >>> import symopt as so
    >>> matrix_function(so.gd)(2.0, 0.1)
    array([[0.8]])
    """
    known = {sp.Symbol(name): value for name, value in rule.hyperparameters.items()}
    known.pop(sp.Symbol("eta"))
    matrix = linearize(rule).subs(known)
    made: Callable[[float, float], Numbers] = sp.lambdify(sp.symbols("lambda eta"), matrix)
    return made


def path_at(matrix: Numbers, steps: Any) -> Numbers:
    """Return theta after chosen steps, from theta = 1 at rest, by the matrix's eigenvalues.

    Examples
    --------
    >>> path_at(np.array([[0.5]]), [0, 1, 3])
    array([1.   , 0.5  , 0.125])
    """
    z, V = np.linalg.eig(matrix)
    weights = V[0] * np.linalg.solve(V, np.eye(len(z))[0])
    path: Numbers = (z ** np.asarray(steps)[:, None] @ weights).real
    return path
