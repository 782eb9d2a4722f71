"""Signs and names in text: read as mathematics, or refused with what to write."""

import pytest
import sympy as sp

import symopt as so


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("π*x^2", "pi*x^2"), ("x·y − 2×z²", "x*y - 2*z^2"), ("x⁻²", "x^(-2)"), ("x²³", "x^23"), ("x÷2", "x/2"),
        ("2\u00a0*\u2009x", "2*x"), ("𝑥^2+1", "x^2+1"), ("ϖ*x", "pi*x"), ("-x²·y", "-x^2*y"), ("ｘ１^2", "x1^2"),
    ],
)  # fmt: skip
def test_signs_are_read_as_in_mathematics(text, same):
    assert so.parse(text).expression == so.parse(same).expression


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("E^x", "exp"), ("inf*x", "large number"), ("Infinity+x", "large number"), ("oo*x", "large number"),
        ("NaN*x", "numbers"), ("∞*x", "large number"), ("∑x", "sum"), ("Pi*x", "write pi"),
        ("I*x", "real"), ("x*ｘ", "one name"), ("ϵ+ε", "one name"), ("ℓ+l", "one name"), ("x-х", "Cyrillic"),
        ("ο*o", "Greek"), ("x\ufe0e+x", "cannot be seen"), ("x\u200b+x", "cannot be seen"), ("x\u3164+x", "cannot be seen"),
    ],
)  # fmt: skip
def test_what_means_something_else_is_no_parameter(text, cure):
    with pytest.raises(so.ParseError, match=cure):
        so.parse(text)


@pytest.mark.parametrize("name", ["E", "I", "inf", "Pi", "e", "pi", "oo"])
def test_a_name_among_the_parameters_is_a_symbol(name):
    cost = so.parse(f"{name}*x + x", params=f"{name},x")
    assert [p.name for p in cost.params] == [name, "x"]
    assert cost.value([3.0, 2.0]) == 8
    assert so.parse("sum(E[i]^2, i, 0, n-1)").params == (sp.IndexedBase("E"),)


def test_names_of_parameters_are_read_as_in_the_text():
    assert so.parse("ϵ*x", params="ϵ x").value([2.0, 3.0]) == 6
    assert so.parse("θ^2 + φ").value([2.0, 1.0]) == 5
