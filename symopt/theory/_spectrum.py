"""The numbers of a rule's linear map: its matrices and spectral radius."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath as mp
import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.errors import RuleError
from symopt.rules.rule import Rule
from symopt.theory._linear import matrix_seen_by_theta
from symopt.theory._update_map import (
    Held,
    cache_derivation,
    number,
    numbers_of,
    without_assumptions,
)
from symopt.validation import Array, read_numbers

DIGITS = 80  # of roots that lie together, n of which are known to 1/n of the digits
NEAR = 1e-2  # of their size: roots that are nearer to each other lose digits in floats
ROUNDING = (
    4 * 2.0**-52
)  # relative, within which a hyperparameter, and the largest eigenvalue, is known


def rate(rule: Rule, eigenvalues: npt.ArrayLike, *, held: Held = ()) -> float:
    """Return the factor per step by which theta tends to a minimum.

    The largest modulus of an eigenvalue of the rule's matrix, of theta and the states that it
    depends on, over all eigenvalues lambda of the Hessian: the root factor R1 of the error (Ortega
    and Rheinboldt 1970). Above 1 the run moves away. Eigenvalues of the matrix that are one but for
    the rounding of the hyperparameters, as those of the optimal heavy ball, count as one.

    Parameters
    ----------
    rule
        With numbers for its hyperparameters.
    eigenvalues
        Of the Hessian at the minimum, shape (n,) or one number.
    held
        As in :func:`linearize`, with a value for each, as in ``held={"v": 0.25}``.

    Raises
    ------
    RuleError
        As :func:`linearize`; also if a hyperparameter is a schedule or an array, a state that is
        held has no value, or the matrix has no finite numbers there.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.rate(so.gd(eta=2/101), [1, 100])  # (kappa - 1)/(kappa + 1)
    0.9801980198019802
    >>> round(so.theory.rate(so.heavy_ball(eta=1/25, kappa=25), [1, 25]), 14)  # a double root
    0.66666666666667
    """
    curvatures = np.unique(_eigenvalues(eigenvalues))
    names, _ = _entries(rule, held)
    values = numbers_of(rule, names, {**held_values(held), "lambda": curvatures})
    roots = _roots(rule, _matrices(rule, held, values, curvatures=curvatures), curvatures)
    together = _together(roots)
    parted = np.abs(roots[~together]).max(initial=0.0)
    largest = float(np.abs(curvatures).max())
    close = (
        _radius(rule, held, values | {"lambda": float(c)}, largest=largest)
        for c in curvatures[together]
    )
    return float(max([parted, *close]))


def held_values(held: Held) -> dict[str, float]:
    """Return the value of each state that is held and has one."""
    if not isinstance(held, Mapping):
        return {}
    return {name: number(f"held[{name!r}]", value, least=0.0) for name, value in held.items()}


def _eigenvalues(values: npt.ArrayLike) -> Array:
    what = f"eigenvalues={values!r}"
    numbers = read_numbers(values, what, "the eigenvalues of a Hessian", error=RuleError)
    array = np.atleast_1d(numbers)
    if array.ndim != 1 or not array.size:
        raise RuleError(
            f"eigenvalues has shape {array.shape}; expected one number or a list of them"
        )
    return array


@cache_derivation
def _entries(
    rule: Rule, held: Held, numbers: str = "numpy"
) -> tuple[list[str], list[list[Callable[..., Any]]]]:
    """Return the names in the matrix, and its entries as functions of their values."""
    matrix, back = matrix_seen_by_theta(rule, held)
    matrix = without_assumptions(matrix.xreplace(back))
    symbols = sorted(matrix.free_symbols, key=str)
    rows = [
        [sp.lambdify(symbols, entry, numbers) for entry in matrix.row(k)]
        for k in range(matrix.rows)
    ]
    return [s.name for s in symbols], rows


def _matrices(rule: Rule, held: Held, values: Mapping[str, Any], curvatures: Array) -> Array:
    """Return the matrix for each eigenvalue, shape (len(curvatures), k, k)."""
    names, entries = _entries(rule, held)
    wide = [np.asarray(values[name], dtype=np.float64) for name in names]
    with np.errstate(all="ignore"):
        rows = [
            [np.broadcast_to(entry(*wide), curvatures.shape) for entry in row] for row in entries
        ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def _roots(rule: Rule, matrices: Array, curvatures: Array) -> npt.NDArray[Any]:
    finite = np.isfinite(matrices).all((1, 2))
    if not finite.all():
        raise RuleError(
            f"{rule.name}: its step has no finite slope at lambda = "
            f"{curvatures[np.argmin(finite)]:g} "
            "and these hyperparameters: it divides by 0 there, or leaves the numbers"
        )
    return np.linalg.eigvals(matrices)


def _together(roots: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell in which rows a root that may be the largest of all has another one beside it."""
    size = np.abs(roots)
    large = size >= (1 - NEAR) * size.max()
    gaps = np.abs(roots[:, :, None] - roots[:, None, :])
    beside = (gaps <= NEAR * size[:, :, None]).sum(-1) > 1  # each is beside itself
    found: npt.NDArray[np.bool_] = (large & beside & (size > 0)).any(-1)
    return found


def _radius(rule: Rule, held: Held, values: Mapping[str, float], largest: float) -> float:
    """Return the largest modulus at one eigenvalue, with roots that are one as one."""
    with mp.workdps(DIGITS):
        given = {name: mp.mpf(float(value)) for name, value in values.items()}
        matrix = _exact(rule, held, given)
        polynomial = _characteristic(matrix)
        spread = [mp.mpf(0)] * len(polynomial)
        for name, value in given.items():
            moved = given | {name: value + ROUNDING * (largest if name == "lambda" else value)}
            other = _characteristic(_exact(rule, held, moved))
            spread = [s + abs(a - b) for s, a, b in zip(spread, polynomial, other, strict=True)]
        roots = _as_one(list(mp.eig(matrix, left=False, right=False)), polynomial, spread)
        return float(max(abs(root) for root in roots))


def _exact(rule: Rule, held: Held, values: Mapping[str, Any]) -> mp.matrix:
    names, entries = _entries(rule, held, "mpmath")
    return mp.matrix(
        [[entry(*(values[name] for name in names)) for entry in row] for row in entries]
    )


def _characteristic(matrix: mp.matrix) -> list[Any]:
    """Return the coefficients of det(z - matrix), the highest first (Faddeev and Le Verrier)."""
    n = matrix.rows
    found, power = [mp.mpf(1)], mp.eye(n)
    for k in range(1, n + 1):
        product = matrix * power
        found.append(-sum(product[i, i] for i in range(n)) / k)
        power = product + found[-1] * mp.eye(n)
    return found


def _as_one(roots: list[Any], polynomial: Sequence[Any], spread: Sequence[Any]) -> list[Any]:
    """Replace roots that are one within the spread by their mean, largest groups first."""
    found, free = list(roots), set(range(len(roots)))
    for size in range(len(roots), 1, -1):
        for k in range(len(roots)):
            group = _nearest(k, free, found)[:size]
            if k in free and len(group) == size:
                mean = sum(found[other] for other in group) / size
                room = _around(spread, abs(mean))
                if all(
                    abs(term) <= room[j] for j, term in enumerate(_around(polynomial, mean)[:size])
                ):
                    found = [mean if other in group else root for other, root in enumerate(found)]
                    free -= set(group)
    return found


def _nearest(k: int, free: set[int], roots: Sequence[Any]) -> list[int]:
    return sorted(free, key=lambda other: float(abs(roots[other] - roots[k])))


def _around(polynomial: Sequence[Any], place: Any) -> list[Any]:
    """Return a polynomial in powers of the distance to a place, the lowest first."""
    rest, found = list(polynomial), []
    while rest:
        for k in range(1, len(rest)):
            rest[k] += place * rest[k - 1]
        found.append(rest.pop())
    return found
