"""The table of operations: each is evaluated, printed and differentiated, or says why it is not."""

import inspect

import mpmath as mp
import pytest

import symopt.compiler.codegen.printer as printing
from symopt.autodiff.partials import partials
from symopt.compiler.library import catalogue, elementary, primitives
from symopt.compiler.runtime.interpreter import value_of
from symopt.diagnosis.precisely import EXACT
from symopt.diagnosis.series import OPERATIONS as SERIES
from symopt.frontend.expressions import FUNCTIONS
from symopt.ir.index import Size, constant, plus, variable
from symopt.ir.ops import COMMUTATIVE, COMPARISONS, COMPOSED, LOGIC, OPERATIONS
from symopt.ir.program import Graph
from symopt.passes.fma import form_fma

NO_PARTIAL = {
    "fma": "formed after derivatives are taken",
    "select": "reverse mode passes adjoints to the branch that was taken",
    "guarded": "reverse mode knows it: its factor stays what it is",
    "steep": "reverse mode knows it: its derivative is NaN",
    "mod_far": "put beside the fast ones after derivatives are taken",
    "sin_far": "put beside the fast ones after derivatives are taken",
    "cos_far": "put beside the fast ones after derivatives are taken",
    "sin_far_part": "put beside the fast ones after derivatives are taken",
    "cos_far_part": "put beside the fast ones after derivatives are taken",
    "log_erfc_curvature": "",
    "sinc_curvature": "only third derivatives of sinc need it",
    "pentagamma": "only Hessians of trigamma need it",
}
DEEPEST = {"xlogx_slope"}


def a_node(name):
    """A graph with one operation on inputs."""
    graph = Graph()
    inputs = [graph.input(f"u{k}") for k in range(OPERATIONS[name].arity)]
    return graph, graph.op(name, *inputs)


@pytest.mark.parametrize("name", OPERATIONS)
def test_it_is_evaluated_with_as_many_arguments_as_it_takes(name):
    if name in COMPOSED:
        graph, node = a_node(name)
        written = form_fma(graph.program({"J": node}))
        assert name not in {one.op for one in written.nodes}
        return
    function = value_of(name)
    try:
        arguments = len(inspect.signature(function).parameters)
    except ValueError:  # a built-in
        arguments = OPERATIONS[name].arity
    assert arguments == OPERATIONS[name].arity


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - COMPOSED))
def test_it_is_printed_as_python_of_the_kernel_language(name):
    graph, node = a_node(name)
    printer = printing.Printer(graph, lambda _: printing.LANE, lambda key: str(key))
    lines = []
    (text,) = printer.write([node], ([], [], lines, lines), {})
    compile("\n".join([*lines, text]), "kernel", "exec")
    called = printer.functions
    assert called <= set(catalogue.FUNCTIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_it_has_partial_derivatives_or_a_reason_why_not(name):
    graph, node = a_node(name)
    if NO_PARTIAL.get(name):
        with pytest.raises((KeyError, ValueError)):
            partials(graph, node)
        return
    found = partials(graph, node)
    assert len(found) == OPERATIONS[name].arity
    if OPERATIONS[name].step:
        assert found == [None] * len(found)
    else:
        assert any(one is not None for one in found)


def test_the_functions_of_the_library_are_all_in_the_table():
    public = {name for name in vars(elementary) if not name.startswith("_") and name.islower()}
    assert public - {"annotations"} <= set(OPERATIONS)
    assert set(elementary.ULP) <= set(OPERATIONS)


def test_single_instructions_are_in_the_table():
    for name in ("fma", "sqrt", "floor"):
        assert hasattr(primitives, name)
        assert name in OPERATIONS


def test_the_sets_follow_from_the_table():
    assert {"lt", "le", "eq", "ne"} == COMPARISONS
    assert {"and", "or"} == LOGIC
    assert {"add", "mul", "eq", "ne", "and", "or"} == COMMUTATIVE


def test_an_index_is_written_as_in_mathematics():
    n = variable(Size("n"))
    assert str(plus(n, constant(-1))) == "n - 1"
    assert str(plus(constant(0), n, -3)) == "-3*n"
    assert str(plus(plus(constant(2), n, 2), variable(Size("m")), -1)) == "-m + 2*n + 2"
    assert str(constant(0)) == "0"
    assert str(constant(-4)) == "-4"


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS.values())))
def test_a_function_of_costs_has_its_value_in_many_digits_and_a_series(name):
    """Both are asked for by J.check, and where a slope is found by its definition."""
    assert name in EXACT or hasattr(mp, name)
    assert name in SERIES
