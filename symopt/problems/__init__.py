"""Costs to optimise: a few lines of SymPy each, with data, a start and a source.

>>> from collections.abc import Callable

from symopt.problems import learning
>>> learning.iris_softmax()
Problem(iris_softmax: 15 parameters; iris: Anderson 1935, Fisher 1936)
"""

from collections.abc import Callable

from symopt.problems import learning
from symopt.problems.problem import Problem

NAMED: dict[str, Callable[..., Problem]] = {
    make.__name__: make
    for make in (
        learning.linear,
        learning.logistic,
        learning.softmax,
        learning.matrix_factorisation,
        learning.two_layer,
        learning.deep_linear_chain,
        learning.iris_logistic,
        learning.iris_softmax,
        learning.iris_two_layer,
    )
}
"""The problems that ``symopt race`` knows by name; each is made without arguments."""

__all__ = ["NAMED", "Problem", "learning"]
