"""Where SymPy gives up: odd but legal expressions make it raise errors of its own.

SymPy decides assumptions while it builds, rewrites and prints. On some expressions it fails there:
an argument of Max that it cannot compare, a polynomial without generators, assumptions that
contradict each other, an integer of too many digits. Such failures become symopt's errors, or what
was asked for is left out where the cost works without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sympy.polys.polyerrors import BasePolynomialError

from symopt.errors import SymoptError

T = TypeVar("T")

FAILURES = (
    ValueError,  # "not comparable", InconsistentAssumptions
    TypeError,  # "cannot determine truth value of Relational"
    ArithmeticError,  # "too many digits in integer"
    NotImplementedError,
    RecursionError,
    BasePolynomialError,  # GeneratorsNeeded: an Exception, no ValueError
)
MOST_SHOWN = 60  # characters of SymPy's own message


def ask_sympy(work: Callable[[], T], otherwise: T) -> T:
    """Let SymPy work something out; give ``otherwise`` where it fails."""
    try:
        return work()
    except FAILURES:
        return otherwise


@contextmanager
def refuse_failures(raised: type[SymoptError], what: Callable[[], str]) -> Iterator[None]:
    """Turn SymPy's failures within the block into an error that names the cure.

    Parameters
    ----------
    raised
        The type of the error.
    what
        Describes the expression; called only after a failure.

    Raises
    ------
    SymoptError
        Of the type ``raised``.
    """
    try:
        yield
    except SymoptError:
        raise
    except FAILURES as error:
        own_words = f"{type(error).__name__}: {str(error)[:MOST_SHOWN]}"
        raise raised(
            f"SymPy cannot work with {what()} ({own_words}); write it in another form, with "
            "simpler numbers or without parts that cancel"
        ) from error
