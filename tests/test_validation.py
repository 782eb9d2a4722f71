"""What a user gives: one place reads numbers, whole numbers, arrays and seeds, and names what is wrong."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.validation import (
    check_number,
    check_whole_number,
    is_real_number,
    read_generator,
    read_numbers,
)


@pytest.mark.parametrize(
    "value",
    [2, 2.0, np.float32(2), np.int8(2), sp.Integer(2), Fraction(4, 2), Decimal(2), np.array(2)],
)
def test_a_number_of_any_kind_is_a_float(value):
    number = check_number(value, "drop")
    assert type(number) is float
    assert number == 2.0


@pytest.mark.parametrize(
    "value", [True, "2", None, np.nan, np.inf, [2.0], 2j, 10**400, sp.Symbol("x")]
)
def test_what_is_no_number_is_refused_with_its_name(value):
    with pytest.raises(so.RunError, match=r"^drop=.*; expected a finite number, at least 0$"):
        check_number(value, "drop", least=0)


def test_bounds_are_closed_below_and_open_above_them():
    assert check_number(0, "drop", least=0) == 0
    with pytest.raises(so.RuleError, match=r"radius=0; expected a finite number above 0"):
        check_number(0, "radius", above=0, error=so.RuleError)


@pytest.mark.parametrize("value", [1.0, True, np.bool_(True), "1", None, -1, 10])
def test_whole_numbers_are_neither_floats_nor_truth_values(value):
    with pytest.raises(so.CostError, match=r"size=.*; expected a digit"):
        check_whole_number(value, "size", "a digit", below=10, error=so.CostError)


def test_arrays_keep_their_shape_and_are_copies():
    given = np.ones((2, 3))
    read = read_numbers(given, "points", "numbers")
    assert read.shape == (2, 3)
    assert not np.shares_memory(read, given)


def test_a_generator_goes_on_and_a_seed_begins():
    generator = np.random.default_rng(1)
    assert read_generator(generator) is generator
    assert read_generator(1).random() == read_generator(1).random()
    with pytest.raises(so.CostError, match="rng='a'; expected a seed"):
        read_generator("a", so.CostError)


def test_numbers_of_sympy_are_real_and_its_symbols_are_not():
    assert is_real_number(sp.Rational(1, 2))
    assert not is_real_number(sp.Symbol("x"))
    assert not is_real_number(np.bool_(True))
