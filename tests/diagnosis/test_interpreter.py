"""Programs with loops worked out in plain Python."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.diagnosis.interpreter import Interpreter
from symopt.diagnosis.precisely import in_doubles


def test_an_inner_sum_over_an_index_that_stands_elsewhere_stays_inside_its_own_range():
    i, j, n = sp.symbols("i j n", integer=True)
    th = sp.IndexedBase("th")
    triangle = sp.Sum(th[i + j], (j, 0, n - 1 - i))
    cost = so.Cost(sp.Product(sp.tanh(triangle) * th[i], (i, 0, n - 1)), params=th)
    at, sizes = np.array([0.5, -0.75, 1.0]), cost.sizes({"n": 3}, None).sizes
    interpreter = Interpreter(cost.objective.program, in_doubles, {}, {("x", "th"): at}, sizes)
    interpreter.carry_out()
    found = [interpreter.stored[("g", "th"), (k,)] for k in range(3)]
    np.testing.assert_allclose(found, cost.grad(at, n=3), rtol=1e-14)
