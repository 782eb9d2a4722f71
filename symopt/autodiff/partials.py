"""Local derivatives: what each operation passes on to its arguments.

The derivative of exp, sin, cos, sinh and cosh is asked of SymPy (``fdiff``). Where the formula
that SymPy knows would lose digits (1 - tanh**2, 1 + log(x), 1/(1 + x**2) far out) the slope is an
operation of its own, which shares its work with the value once both are inlined. At a kink the
subgradient is fixed: sign(0) = 0 is the slope of abs at 0, the slope of sqrt at 0 is 0 (so that
sqrt(x**2 + y**2) has gradient 0 at the origin), that of x**p for 0 <= p < 1 likewise, a tie of Max
or Min belongs to the first, and the steps of floor and sign have slope 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import sympy as sp

from symopt.frontend.expressions import FUNCTIONS, lower
from symopt.frontend.logarithms import log_of
from symopt.frontend.signs import is_positive
from symopt.ir.index import Loop
from symopt.ir.ops import OPERATIONS
from symopt.ir.program import Graph, LoopOf, Node

Partial = Callable[[Graph, int], list[int | None]]
"""Given a node, the derivative of it by each argument: a node, or None for zero everywhere."""


def partials(graph: Graph, number: int) -> list[int | None]:
    """Return the partial derivatives of a node by its arguments."""
    op = graph.nodes[number].op
    if OPERATIONS[op].step:
        return [None] * len(graph.nodes[number].args)
    if op in LOCAL:
        return LOCAL[op](graph, number)
    argument = graph.nodes[number].args[0]
    return [lower(graph, _slope(op), lambda _: argument)]


def expand_others(graph: Graph, factor: int, loop: Loop) -> int:
    """Return the product over a loop of all factors but one.

    That is the quotient where no factor is zero; else the product of the others if this is the
    only zero, and 0 otherwise.
    """
    zero, one = graph.const(0.0), graph.const(1.0)
    is_zero, zeros, product, divisor = _zeros(graph, factor, loop)
    quotient = graph.op("div", product, divisor)
    alone = graph.op("and", is_zero, graph.op("eq", zeros, one))
    some = graph.op("select", alone, product, zero)
    return graph.op("select", graph.op("eq", zeros, zero), quotient, some)


def _zeros(graph: Graph, factor: int, loop: Loop) -> tuple[int, int, int, int]:
    """Build: is a factor zero, how many are, the product of the rest, the factor or 1."""
    zero, one = graph.const(0.0), graph.const(1.0)
    is_zero = graph.op("eq", factor, zero)
    divisor = graph.op("select", is_zero, one, factor)
    zeros = graph.reduce("sum", loop, graph.op("select", is_zero, one, zero))
    return is_zero, zeros, graph.reduce("prod", loop, divisor), divisor


def others_tangent(graph: Graph, node: Node, dot: int) -> int:
    """Return the change of the product of all factors but one, whose factors change by ``dot``.

    The sum over another factor of its change times the product of all but the two: of these the
    zeros must be all that there are.
    """
    assert isinstance(node.payload, LoopOf)
    (factor,), loop = node.args, node.payload.loop
    zero, op = graph.const(0.0), graph.op
    is_zero, zeros, product, divisor = _zeros(graph, factor, loop)
    rate = op("div", dot, divisor)
    of_zeros = graph.reduce("sum", loop, op("select", is_zero, dot, zero))
    of_rest = graph.reduce("sum", loop, op("select", is_zero, zero, rate))
    count = [op("eq", zeros, graph.const(float(k))) for k in range(3)]
    two = op("select", op("and", count[2], is_zero), op("sub", of_zeros, dot), zero)
    one = op("select", count[1], op("select", is_zero, of_rest, of_zeros), two)
    change = op("select", count[0], op("sub", of_rest, rate), one)
    return op("mul", op("div", product, divisor), change)


@cache
def _slope(op: str) -> sp.Basic:
    """Return f'(z) as SymPy knows it."""
    function = {name: kind for kind, name in FUNCTIONS.items()}[op]
    return function(sp.Symbol("z", real=True)).fdiff(1)


def _args(graph: Graph, number: int) -> tuple[int, ...]:
    return graph.nodes[number].args


def _mul(graph: Graph, number: int) -> list[int | None]:
    a, b = _args(graph, number)
    if a == b:
        return [graph.op("mul", graph.const(2.0), a), None]
    return [b, a]


def _div(graph: Graph, number: int) -> list[int | None]:
    _, b = _args(graph, number)
    inverse = graph.op("div", graph.const(1.0), b)
    return [inverse, graph.op("neg", graph.op("div", number, b))]


def _sqrt(graph: Graph, number: int) -> list[int | None]:
    slope = graph.op("div", graph.const(0.5), number)
    if is_positive(graph, *_args(graph, number)):
        return [slope]
    at_zero = graph.op("eq", number, graph.const(0.0))
    return [graph.op("select", at_zero, graph.const(0.0), slope)]


def _root_less(graph: Graph, number: int) -> list[int | None]:
    """Slopes of sqrt(x + y) - sqrt(y), without the difference of roots.

    By y it is -number/(2*sqrt(x + y)*sqrt(y)).
    """
    x, y = _args(graph, number)
    whole, part = graph.op("sqrt", graph.op("add", x, y)), graph.op("sqrt", y)
    (by_x,) = _sqrt(graph, whole)
    assert by_x is not None
    if graph.value(y) is not None:
        return [by_x, None]
    return [by_x, graph.op("neg", graph.op("div", graph.op("mul", by_x, number), part))]


def _pow(graph: Graph, number: int) -> list[int | None]:
    base, exponent = _args(graph, number)
    growth = graph.op("mul", number, log_of(graph, base))
    at_zero = graph.op("eq", base, graph.const(0.0))
    by_exponent = graph.op("select", at_zero, graph.const(0.0), growth)
    return [
        _by_base(graph, base, exponent),
        None if graph.value(exponent) is not None else by_exponent,
    ]


def _pow_less(graph: Graph, number: int) -> list[int | None]:
    base, exponent = _args(graph, number)
    less, zero = graph.op("add", exponent, graph.const(-1.0)), graph.const(0.0)
    by_base = graph.op("mul", less, graph.op("pow_less", base, less))
    by_base = graph.op("select", graph.op("eq", less, zero), zero, by_base)  # x**0, at x = 0 too
    return [by_base, graph.op("mul", number, graph.op("log", base))]


def _by_base(graph: Graph, base: int, exponent: int) -> int:
    """Build p*x**(p - 1); an infinite slope at x = 0 counts as 0 for 0 <= p < 1."""
    less = graph.op("add", exponent, graph.const(-1.0))
    power = graph.value(exponent)
    exact = power is not None and (power - 1.0) + 1.0 == power
    if exact:
        lower_power = graph.op("pow", base, less)
    else:
        lower_power = graph.op("pow_less", base, exponent)
    slope = graph.op("mul", exponent, lower_power)
    if is_positive(graph, base):
        return slope
    zero = graph.const(0.0)
    finite = graph.op("select", graph.op("eq", base, zero), zero, slope)
    if power is not None:
        if 0.0 <= power < 1.0:
            return finite
        return slope
    # the exponent chooses first: at x = 0 only the powers below 1 have a kink
    slope = graph.op("select", graph.op("eq", exponent, zero), zero, slope)
    return graph.op("select", _between(graph, exponent, "lt"), finite, slope)


def _between(graph: Graph, exponent: int, above: str) -> int:
    """Return the condition 0 < p < 1, or 0 <= p < 1 where ``above`` is "le"."""
    over = graph.op(above, graph.const(0.0), exponent)
    return graph.op("and", over, graph.op("lt", exponent, graph.const(1.0)))


def steep_at(graph: Graph, number: int, fixed: bool) -> int | None:
    """Build the condition under which an infinite slope counts as 0; None if it never does.

    A power whose exponent is ``fixed`` has none at an exponent of 0.
    """
    node, zero = graph.nodes[number], graph.const(0.0)
    if is_positive(graph, node.args[0]):
        return None
    if node.op == "sqrt":
        return graph.op("eq", number, zero)
    base, exponent = node.args
    power, at_zero = graph.value(exponent), graph.op("eq", base, zero)
    if power is not None:
        if 0.0 <= power < 1.0:
            return at_zero
        return None
    return graph.op("and", at_zero, _between(graph, exponent, "lt" if fixed else "le"))


def _logaddexp(graph: Graph, number: int) -> list[int | None]:
    """The two shares, without the cancellation of 1 - sigmoid."""
    a, b = _args(graph, number)
    gap = graph.op("sub", a, b)
    return [graph.op("sigmoid", gap), graph.op("sigmoid", graph.op("neg", gap))]


def _mod(graph: Graph, number: int) -> list[int | None]:
    x, y = _args(graph, number)
    turns = graph.op("div", graph.op("sub", x, number), y)  # whole but for its rounding
    return [
        graph.const(1.0),
        graph.op("neg", graph.op("floor", graph.op("add", turns, graph.const(0.5)))),
    ]


def _sigmoid_slope(graph: Graph, number: int) -> list[int | None]:
    """s*(1 - s)*(1 - 2*s), whose last factor is -tanh(x/2)."""
    half = graph.op("mul", graph.const(0.5), *_args(graph, number))
    return [graph.op("neg", graph.op("mul", number, graph.op("tanh", half)))]


def _log_erfc_curvature(graph: Graph, number: int) -> list[int | None]:
    """-m'*(2*x + m) - m*(2 + m') with m the slope of log_erfc."""
    (x,) = _args(graph, number)
    op, two = graph.op, graph.const(2.0)
    slope = op("log_erfc_slope", x)
    first = op("mul", number, op("add", op("mul", two, x), slope))
    return [op("neg", op("add", first, op("mul", slope, op("add", two, number))))]


def _is(name: str, factor: float = 1.0) -> Partial:
    """Return the slope that is an operation on the same argument, times a number."""
    return lambda g, n: [g.op("mul", g.const(factor), g.op(name, *_args(g, n)))]


def _times(name: str, factor: float) -> Partial:
    """Return the slope factor*name(x)*f(x)."""
    return lambda g, n: [g.op("mul", g.op("mul", g.const(factor), g.op(name, *_args(g, n))), n)]


def _of_powers(power: int, factor: float) -> Partial:
    """Return the slope factor*x*f(x)**power, in an order that overflows only where it must."""

    def slope(g: Graph, n: int) -> list[int | None]:
        if power == 2:
            rest = n
        else:
            rest = g.op("mul", n, n)
        return [g.op("mul", g.op("mul", g.const(factor), g.op("mul", *_args(g, n), n)), rest)]

    return slope


def _of_square(name: str, square: str, factor: float, constant: float) -> Partial:
    """Return the slope name(x)*(constant + factor*square(x)), ``square`` that of ``name``."""

    def slope(g: Graph, n: int) -> list[int | None]:
        (x,) = _args(g, n)
        scaled = g.op("mul", g.const(factor), g.op(square, x))
        return [g.op("mul", g.op(name, x), g.op("add", g.const(constant), scaled))]

    return slope


def _atan(g: Graph, n: int) -> list[int | None]:
    """1/(1 + u**2), or 1/sqrt(1 + u**2) twice where u may be so large that this is 0."""
    (u,) = _args(g, n)
    if g.nodes[u].op in ("input", "add", "sub"):
        return [g.op("atan_slope", u)]
    root = g.op("asinh_slope", u)
    return [g.op("mul", root, root)]


def _minus_square(g: Graph, n: int) -> list[int | None]:
    return [g.op("neg", g.op("mul", n, n))]


def _gauss_slope(g: Graph, n: int) -> list[int | None]:
    (x,) = _args(g, n)
    outer = g.op("mul", g.op("mul", g.const(-2.0), x), n)
    return [g.op("add", outer, g.op("mul", g.const(-2.0), g.op("gauss", x)))]


def _erfcx_slope(g: Graph, n: int) -> list[int | None]:
    (x,) = _args(g, n)
    return [g.op("mul", g.const(2.0), g.op("add", g.op("erfcx", x), g.op("mul", x, n)))]


def _log1mexp_slope(g: Graph, n: int) -> list[int | None]:
    return [g.op("mul", n, g.op("sub", g.const(1.0), n))]


def _atan2(g: Graph, n: int) -> list[int | None]:
    """x/h**2 and -y/h**2 with h = hypot(x, y), in two divisions, of which none overflows."""
    y, x = _args(g, n)
    h = g.op("hypot", x, y)
    across, along = (g.op("div", g.op("div", part, h), h) for part in (x, y))
    return [across, g.op("neg", along)]


def _hypot(g: Graph, n: int) -> list[int | None]:
    """x/h and y/h, 0 at the origin as the slope of sqrt is."""
    zero = g.const(0.0)
    at_zero = g.op("eq", n, zero)
    return [g.op("select", at_zero, zero, g.op("div", part, n)) for part in _args(g, n)]


def _gamma(g: Graph, n: int) -> list[int | None]:
    """gamma(x)*digamma(x)."""
    return [g.op("mul", n, g.op("digamma", *_args(g, n)))]


def _loggamma(g: Graph, n: int) -> list[int | None]:
    """digamma(x), NaN below 0 as loggamma is."""
    (x,) = _args(g, n)
    above = g.op("lt", g.const(0.0), x)
    return [g.op("select", above, g.op("digamma", x), g.const(float("nan")))]


def _binomial(g: Graph, number: int) -> list[int | None]:
    """Times the digamma of n + 1, or less that of k + 1, and the digamma of n - k + 1."""
    n, k = _args(g, number)
    one = g.const(1.0)
    whole, chosen = (g.op("digamma", g.op("add", part, one)) for part in (n, k))
    rest = g.op("digamma", g.op("add", g.op("sub", n, k), one))
    return [
        g.op("mul", number, g.op("sub", whole, rest)),
        g.op("mul", number, g.op("sub", rest, chosen)),
    ]


TWO_BY_ROOT_PI = 1.1283791670955126
LOCAL: dict[str, Partial] = {
    "add": lambda g, _: [g.const(1.0), g.const(1.0)],
    "sub": lambda g, _: [g.const(1.0), g.const(-1.0)],
    "neg": lambda g, _: [g.const(-1.0)],
    "mul": _mul,
    "div": _div,
    "sqrt": _sqrt,
    "pow": _pow,
    "pow_less": _pow_less,
    "root_less": _root_less,
    "abs": lambda g, n: [g.op("sign", *_args(g, n))],
    "log": _is("log_slope"),
    "log_slope": _minus_square,
    "log1p": _is("log1p_slope"),
    "log1p_slope": _minus_square,
    "expm1": _is("exp"),
    "xlogx": _is("xlogx_slope"),
    "xlogx_slope": _is("log_slope"),
    "softplus": _is("sigmoid"),
    "sigmoid": _is("sigmoid_slope"),
    "sigmoid_slope": _sigmoid_slope,
    "log1mexp": _is("log1mexp_slope"),
    "log1mexp_slope": _log1mexp_slope,
    "tan": _is("tan_slope"),
    "tan_slope": _times("tan", 2.0),
    "cot": _is("cot_slope"),
    "cot_slope": _times("cot", -2.0),
    "sec": _is("sec_slope"),
    "sec_slope": _of_square("sec", "tan_slope", 2.0, constant=-1.0),
    "csc": _is("csc_slope"),
    "csc_slope": _of_square("csc", "cot_slope", -2.0, constant=-1.0),
    "tanh": _is("sech2"),
    "sech2": _times("tanh", -2.0),
    "coth": _is("coth_slope"),
    "coth_slope": _times("coth", -2.0),
    "sech": _is("sech_slope"),
    "sech_slope": _of_square("sech", "sech2", -2.0, constant=1.0),
    "csch": _is("csch_slope"),
    "csch_slope": _of_square("csch", "coth_slope", -2.0, constant=1.0),
    "asin": _is("asin_slope"),
    "acos": _is("asin_slope", -1.0),
    "asin_slope": _of_powers(3, 1.0),
    "atan": _atan,
    "atan_slope": _of_powers(2, -2.0),
    "asinh": _is("asinh_slope"),
    "asinh_slope": _of_powers(3, -1.0),
    "acosh": _is("acosh_slope"),
    "acosh_slope": _of_powers(3, -1.0),
    "atanh": _is("atanh_slope"),
    "atanh_slope": _of_powers(2, 2.0),
    "erf": _is("gauss", TWO_BY_ROOT_PI),
    "erfc": _is("gauss", -TWO_BY_ROOT_PI),
    "gauss": _is("gauss_slope"),
    "gauss_slope": _gauss_slope,
    "erfcx": _is("erfcx_slope"),
    "erfcx_slope": _erfcx_slope,
    "log_erfc": _is("log_erfc_slope"),
    "log_erfc_slope": _is("log_erfc_curvature"),
    "log_erfc_curvature": _log_erfc_curvature,
    "sinc": _is("sinc_slope"),
    "sinc_slope": _is("sinc_curvature"),
    "atan2": _atan2,
    "hypot": _hypot,
    "gamma": _gamma,
    "loggamma": _loggamma,
    "digamma": _is("trigamma"),
    "trigamma": _is("tetragamma"),
    "tetragamma": _is("pentagamma"),
    "binomial": _binomial,
    "mod": _mod,
    "log_cosh": _is("tanh"),
    "logaddexp": _logaddexp,
    "vanishing": lambda g, n: list(_args(g, n)[::-1]),
}
