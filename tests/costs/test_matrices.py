"""Costs that are written with matrices, beside NumPy's own matrices and complex steps."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from support.spread import spread

import symopt as so

m, n, p, q = sp.symbols("m n p q", integer=True, positive=True)
A, B = sp.MatrixSymbol("A", m, n), sp.MatrixSymbol("B", m, p)
X, L = sp.MatrixSymbol("X", n, p), sp.MatrixSymbol("L", n, n)
S, U, V = sp.MatrixSymbol("S", n, n), sp.MatrixSymbol("U", m, q), sp.MatrixSymbol("V", n, q)
x, y, w = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", m, 1), sp.MatrixSymbol("w", 1, n)
F = sp.MatrixSymbol("F", 3, 2)
lam = sp.Symbol("lam", positive=True)
i, j = sp.symbols("i j", integer=True)
RNG = np.random.default_rng(3)
SIZES = {m: 5, n: 4, p: 3, q: 2}
SQUARE = RNG.normal(size=(4, 4))
NUMBERS = {
    A: RNG.normal(size=(5, 4)), B: RNG.normal(size=(5, 3)), X: RNG.normal(size=(4, 3)), L: SQUARE @ SQUARE.T,
    S: SQUARE.T @ SQUARE + np.eye(4), U: RNG.normal(size=(5, 2)), V: RNG.normal(size=(4, 2)), x: RNG.normal(size=(4, 1)),
    y: RNG.normal(size=(5, 1)), w: RNG.normal(size=(1, 4)), F: RNG.normal(size=(3, 2)),
}  # fmt: skip
det, inv, tr, eye = np.linalg.det, np.linalg.inv, np.trace, np.eye
R = A * X - B
r = A * x - y


def square(M: Any) -> Any:
    return (M * M).sum()


Case = tuple[Any, list[Any], Callable[..., Any]]
CASES: dict[str, Case] = {
    "least squares": (sp.Trace(R.T * R), [X, A, B], lambda X, A, B: square(A @ X - B)),
    "least squares of a vector": (r.T * r, [x, A, y], lambda x, A, y: square(A @ x - y)),
    "an entry of a product": ((r.T * r)[0, 0] / 2, [x, A, y], lambda x, A, y: square(A @ x - y) / 2),
    "a chain of four": ((x.T * A.T * A * x)[0], [x, A], lambda x, A: square(A @ x)),
    "ridge": (r.T * r + lam * x.T * x, [x, A, y], lambda x, A, y: square(A @ x - y) + 0.7 * square(x)),
    "norm": (sp.sqrt(sp.Trace(R * R.T)), [X, A, B], lambda X, A, B: np.sqrt(square(A @ X - B))),
    "trace of X' L X": (sp.Trace(X.T * L * X), [X, L], lambda X, L: tr(X.T @ L @ X)),
    "factorisation": (sp.Trace((A - U * V.T).T * (A - U * V.T)), [U, V, A], lambda U, V, A: square(A - U @ V.T)),
    "Gaussian": (
        sp.log(sp.Determinant(S)) + sp.Trace(S.inv() * L), [S, L], lambda S, L: np.log(det(S)) + tr(inv(S) @ L)
    ),
    "quadratic form of an inverse": (x.T * S.inv() * x, [x, S], lambda x, S: (x.T @ inv(S) @ x)[0, 0]),
    "determinant": (sp.Determinant(S) ** 2 / 100, [S], lambda S: det(S) ** 2 / 100),
    "log of a quotient": (sp.log(1 / sp.Determinant(S)), [S], lambda S: -np.log(det(S))),
    "determinant of a sum": (sp.log(sp.Determinant(sp.Identity(n) + X * X.T)), [X], lambda X: np.log(det(eye(4) + X @ X.T))),
    "inverse of a sum": (sp.Trace(sp.Inverse(S + L)), [S, L], lambda S, L: tr(inv(S + L))),
    "inverse of an inverse's sum": (
        sp.Trace(sp.Inverse(S.inv() + sp.Identity(n))), [S], lambda S: tr(inv(inv(S) + eye(4)))
    ),
    "powers": (sp.Trace(S**3) + sp.Trace(S**-2), [S], lambda S: tr(S @ S @ S) + tr(inv(S) @ inv(S))),
    "layers": (
        sp.Trace((U.T * (A * X).applyfunc(sp.tanh)).T * (U.T * (A * X).applyfunc(sp.tanh))),
        [U, A, X], lambda U, A, X: square(U.T @ np.tanh(A @ X)),
    ),
    "Hadamard": (
        sp.Trace(sp.HadamardProduct(A, A - B * X.T) * A.T), [A, B, X], lambda A, B, X: tr(A * (A - B @ X.T) @ A.T)
    ),
    "Hadamard power": (
        sp.Trace(sp.matrices.expressions.hadamard_power(R, 4) * sp.OneMatrix(p, m)), [X, A, B],
        lambda X, A, B: ((A @ X - B) ** 4).sum(),
    ),
    "a bias": (
        sp.Trace((A * X + y * sp.OneMatrix(1, p)).applyfunc(sp.sin) * sp.OneMatrix(p, m)), [X, A, y],
        lambda X, A, y: np.sin(A @ X + y).sum(),
    ),
    "a diagonal": (
        sp.Trace(X.T * sp.DiagMatrix(x) * X), [X, x],
        lambda X, x: tr(X.T @ np.diag(x[:, 0]) @ X),
    ),
    "a row": (w * x + (w * L * x) ** 2, [w, x, L], lambda w, x, L: (w @ x)[0, 0] + (w @ L @ x)[0, 0] ** 2),
    "an outer product": (sp.Trace((x * w - L) * (x * w - L).T), [x, w, L], lambda x, w, L: square(x @ w - L)),
    "slices": (sp.Trace(A[:2, 1:3] * A[:2, 1:3].T) + A[3, 0], [A], lambda A: square(A[:2, 1:3]) + A[3, 0]),
    "rows in a sum": (
        sp.Sum(sp.log(1 + sp.exp(-y[i, 0] * (A[i, :] * x)[0, 0])), (i, 0, m - 1)), [x, A, y],
        lambda x, A, y: np.log(1 + np.exp(-y * (A @ x))).sum(),
    ),
    "entries in a sum": (sp.Sum(X[i, j] ** 4, (i, 0, n - 1), (j, 0, p - 1)), [X], lambda X: (X**4).sum()),
    "numbers": (
        sp.Trace(F.T * sp.Matrix([[2, 1, 0], [1, 3, 1], [0, 1, 4]]) * F), [F],
        lambda F: tr(F.T @ np.array([[2, 1, 0], [1, 3, 1], [0, 1, 4]]) @ F),
    ),
    "fixed shapes": (sp.exp(F[0, 1]) + F.T[1, 2] * F[0, 0], [F], lambda F: np.exp(F[0, 1]) + F[2, 1] * F[0, 0]),
    "blocks": (
        sp.log(sp.Determinant(sp.BlockMatrix([[S, x], [x.T, sp.Matrix([[50]])]]))), [S, x],
        lambda S, x: np.log(det(np.block([[S, x], [x.T, 50 * eye(1)]]))),
    ),
    "dot product": (sp.DotProduct(x, x) ** 2 + sp.DotProduct(w, x), [x, w], lambda x, w: square(x) ** 2 + (w @ x)[0, 0]),
    "a function of a number": (sp.exp(-(x.T * x) / 2), [x], lambda x: np.exp(-square(x) / 2)),
}  # fmt: skip


def flat(symbols: list[Any]) -> np.ndarray:
    return np.concatenate([NUMBERS[one].ravel() for one in symbols])


def gradient(function: Callable[..., Any], symbols: list[Any]) -> np.ndarray:
    """Return the gradient by complex steps, which do not cancel (Squire and Trapp 1998)."""
    point = flat(symbols).astype(complex)
    ends = np.cumsum([NUMBERS[one].size for one in symbols])[:-1]
    slopes = []
    for k in range(point.size):
        moved = point.copy()
        moved[k] += 1e-30j
        parts = np.split(moved, ends)
        arrays = [
            part.reshape(NUMBERS[one].shape) for part, one in zip(parts, symbols, strict=True)
        ]
        slopes.append(np.imag(function(*arrays)) / 1e-30)
    return np.array(slopes)


def cost_of(case: Case) -> so.Cost:
    expression, symbols, _ = case
    return so.Cost(expression, params=symbols)(
        **{"lam": 0.7} if sp.Basic.has(sp.sympify(expression), lam) else {}
    )


@pytest.mark.parametrize("case", spread(CASES.values(), every=5), ids=list(CASES))
def test_value_and_gradient_are_those_of_numpy_s_matrices(case: Case):
    _, symbols, function = case
    J = cost_of(case)
    point = {one.name: np.squeeze(NUMBERS[one]) for one in symbols}
    assert J.value(point) == pytest.approx(function(*(NUMBERS[one] for one in symbols)), rel=1e-12)
    np.testing.assert_allclose(J.grad(point), gradient(function, symbols), rtol=1e-10, atol=1e-12)


def test_the_second_derivative_of_a_likelihood_is_the_difference_of_slopes():
    J = so.Cost(
        sp.log(sp.Determinant(S)) + (x.T * S.inv() * x)[0] + sp.Determinant(S + L),
        params=[S, x],
        data={L: NUMBERS[L]},
    )
    at, v = flat([S, x]), RNG.normal(size=20)
    step = 1e-5 * v
    np.testing.assert_allclose(
        J.hvp(at, v), (J.grad(at + step) - J.grad(at - step)) / 2e-5, rtol=1e-7, atol=1e-7
    )


def test_check_works_inverses_and_determinants_out_in_many_digits():
    M = sp.MatrixSymbol("M", 2, 2)
    J = so.Cost(sp.log(sp.Determinant(M)) + sp.Trace(M.inv()), params=M)
    assert J.check([[2.0, 0.3], [-0.4, 1.0]]).ok


def test_matrices_cost_what_they_cost_with_indices():
    k, Ab, Xb, Bb = sp.Symbol("k", integer=True), *map(sp.IndexedBase, "AXB")
    inner = sp.Sum(Ab[i, k] * Xb[k, j], (k, 0, n - 1)) - Bb[i, j]
    indexed = so.Cost(
        sp.Sum(inner**2, (i, 0, m - 1), (j, 0, p - 1)),
        params=Xb,
        data={Ab: NUMBERS[A], Bb: NUMBERS[B]},
    )
    matrices = so.Cost(sp.Trace(R.T * R), params=X, data={A: NUMBERS[A], B: NUMBERS[B]})
    assert matrices.statements == indexed.statements
    np.testing.assert_array_equal(matrices.grad(flat([X])), indexed.grad(flat([X])))


def test_a_product_is_multiplied_in_the_cheapest_order():
    """A chain that ends in a column takes matrix times vector; nothing is a sum in a sum in a sum."""
    for expression in (x.T * A.T * A * x, (x.T * A.T * A * x)[0, 0]):
        program = so.Cost(expression, params=[x, A]).objective.value_program
        deepest = max(len(program_loops) for program_loops in loops_of(program))
        assert deepest <= 2


def loops_of(program: Any) -> list[Any]:
    from symopt.ir.program import Graph

    graph = Graph()
    graph.inline(program, graph.input)
    return [graph.loops(number) for number in range(len(graph.nodes))]


def test_a_layer_is_stored_once():
    H = (A * X).applyfunc(sp.tanh)
    E = U.T * H
    J = so.Cost(sp.Trace(E.T * E), params=[U, A, X])
    assert len(J.objective.value_program.statements) == 1


def test_a_column_is_given_as_a_column_or_flat():
    J = so.Cost(r.T * r, params=x, data={A: NUMBERS[A], y: NUMBERS[y]})
    K = so.Cost(r.T * r, params=x, data={"A": NUMBERS[A], "y": NUMBERS[y][:, 0]})
    assert J.value(NUMBERS[x][:, 0]) == K.value(NUMBERS[x][:, 0])


def test_the_determinant_of_a_singular_matrix_is_zero():
    J = so.Cost(sp.Determinant(S), params=S)
    assert J.value(np.ones((3, 3))) == J.value(np.zeros((3, 3))) == 0.0
    assert J.value([[0.0, 1.0], [1.0, 0.0]]) == -1.0


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (R, "trace"), (sp.exp(L), "applyfunc(sympy.exp)"), (sp.Trace(L ** sp.Rational(1, 2)), "whole exponent"),
        (sp.Trace(sp.KroneckerProduct(L, S)), "entries are not known"), (sp.Sum(sp.Determinant(S * i), (i, 1, 3)), "in each term"),
        (sp.Matrix([[1, 2]]), "scalar"), (sp.Trace(A * sp.MatrixSymbol("C", n, m)) + sp.Symbol("A"), "both as an array and"),
    ],
)  # fmt: skip
def test_what_is_refused_says_what_to_write(expression: Any, words: str):
    with pytest.raises(so.CostError, match=re.escape(words)):
        so.Cost(expression)


def test_a_cost_with_matrices_reads_like_the_textbook():
    J = so.Cost(sp.Trace(R.T * R), params=X, data={A: NUMBERS[A], B: NUMBERS[B]})
    assert J.expression == sp.Trace(R.T * R)
    assert "operatorname{tr}" in J.latex()
    assert "A*X" in repr(J)


def test_parameters_may_be_a_matrix_of_symbols():
    a, b = sp.symbols("a b")
    column = sp.Matrix([b, a])
    J = so.Cost((column.T * column)[0] + a, params=column)
    assert [p.name for p in J.params] == ["b", "a"]
    assert J.value([1.0, 2.0]) == J.value([[1.0], [2.0]]) == 7.0
    assert so.minimize(J, so.gd(eta=0.1), np.ones((2, 1)), steps=1).theta.shape == (2,)
