"""Logarithms of what overflows, underflows or cancels before its logarithm is taken.

log(1 + exp(u)) is softplus, log(sum of exponentials) grows from it pair by pair, log(sigmoid(u)) is
-softplus(-u), and the logarithm of a product of powers and exponentials is a sum. A factor of
unknown sign keeps its sign: log(x**3*y**3) is 2*log|x| + 2*log|y| + log(x*y).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symopt.frontend.gamma_logarithms import GAMMAS, log_of_gammas
from symopt.frontend.terms import (
    Factors,
    Terms,
    add,
    factors_of,
    fixed_exponent,
    multiply,
    scale,
    sum_of,
    terms_of,
)
from symopt.ir.index import Loop
from symopt.ir.program import Graph

POSITIVE = {"exp", "sigmoid", "erfc", "cosh", "softplus", "gauss", "sech2", "sqrt", "abs"}
"""Functions that are never negative."""
PRODUCTS = ("mul", "div", "pow", "sqrt", *GAMMAS)


def log_of(graph: Graph, node: int) -> int:
    """Return log(node) in a stable form."""
    known = _better_form(graph, node)
    if known is None:
        return graph.op("log", node)
    return known


def _better_form(graph: Graph, node: int) -> int | None:
    """Return log(node) where there is a better form than the logarithm of its value."""
    op, args, payload = graph.nodes[node]
    if op in OWN:
        return OWN[op](graph, args[0])
    if op == "neg" and graph.nodes[args[0]].op in PRODUCTS:
        return _of_product(graph, node)
    if op in ("add", "sub", "neg"):
        return _of_sum(graph, node)
    if op == "sum":
        return _of_sum_over(graph, node)
    if op == "prod":
        assert isinstance(payload, Loop)
        return _of_product_over(graph, args[0], payload)
    if op in PRODUCTS:
        return _of_product(graph, node)
    return None


def _of_sigmoid(graph: Graph, u: int) -> int:
    return graph.op("neg", graph.op("softplus", graph.op("neg", u)))


def _of_expm1(graph: Graph, u: int) -> int:
    return graph.op("add", u, graph.op("log1mexp", graph.op("neg", u)))


OWN: dict[str, Callable[[Graph, int], int]] = {
    "exp": lambda _, u: u,
    "sigmoid": _of_sigmoid,
    "expm1": _of_expm1,
    "erfc": lambda graph, u: graph.op("log_erfc", u),
    "cosh": lambda graph, u: graph.op("log_cosh", u),
}
"""The logarithm of f(u), by f."""


# Sums


def _of_sum(graph: Graph, node: int) -> int | None:
    terms = terms_of(graph, [node])
    if terms is None:
        return None
    if is_exponential(graph, terms):
        return log_of_exponentials(graph, terms)
    if len(terms.parts) == 1:
        ((factor, only),) = terms.parts
    else:
        ((factor, only),) = ((0.0, node),)
    if terms.constant == 0.0 and factor < 0.0 and graph.nodes[only].op == "expm1":
        return graph.op(
            "add",
            graph.const(0.0),
            _add_log_factor(graph, -factor, graph.op("log1mexp", graph.nodes[only].args[0])),
        )
    if terms.constant == 1.0:
        return graph.op("log1p", sum_of(graph, Terms(0.0, terms.parts)))
    return None


def _add_log_factor(graph: Graph, factor: float, log: int) -> int:
    """Return log(factor) + log."""
    return graph.op("add", log_of_constant(graph, factor), log)


def log_of_constant(graph: Graph, value: float) -> int:
    """Return the node of log(value), 0 of 1; the logarithm is a kernel's own."""
    if value == 1.0:
        return graph.const(0.0)
    return graph.op("log", graph.const(value))


def is_exponential(graph: Graph, terms: Terms) -> bool:
    """Return whether terms are positive multiples of exponentials, or a positive constant."""
    exponentials = all(
        factor > 0.0 and graph.nodes[node].op == "exp" for factor, node in terms.parts
    )
    return bool(terms.parts) and exponentials and terms.constant >= 0.0


def log_of_exponentials(graph: Graph, terms: Terms) -> int:
    """Return the logarithm of a sum of exponentials, one after the other; with 1 it is softplus."""
    logs = [
        _add_log_factor(graph, factor, graph.nodes[node].args[0]) for factor, node in terms.parts
    ]
    if terms.constant and len(logs) == 1:
        least = log_of_constant(graph, terms.constant)
        return graph.op("add", least, graph.op("softplus", graph.op("sub", logs[0], least)))
    logs += [log_of_constant(graph, terms.constant)] if terms.constant else []
    total = logs[0]
    for log in logs[1:]:
        total = graph.op("logaddexp", total, log)
    return total


def _of_sum_over(graph: Graph, node: int) -> int | None:
    """Return the logarithm of sums of multiples of e**u, as M + log(sum(e**(u - M)))."""
    body, loops = node, []
    while graph.nodes[body].op == "sum":
        loops.append(graph.nodes[body].payload)
        (body,) = graph.nodes[body].args
    weight, exponent = exponential_factor(graph, body)
    return None if exponent is None else log_over_loops(graph, weight, exponent, loops=loops)  # type: ignore[arg-type]


def log_over_loops(graph: Graph, weight: int, exponent: int, loops: Sequence[Loop]) -> int:
    """Return log(sum(weight*e**exponent)) over loops, the outermost first."""
    peak = exponent
    for loop in reversed(loops):
        peak = graph.reduce("peak", loop, peak)
    total = graph.op("mul", weight, graph.op("exp", graph.op("sub", exponent, peak)))
    for loop in reversed(loops):
        total = graph.reduce("sum", loop, total)
    return graph.op("add", peak, graph.op("log", total))


def exponential_factor(graph: Graph, node: int) -> tuple[int, int | None]:
    """Return w and u where a node is written w*exp(u); the node itself and None elsewhere."""
    factors = [node]
    while graph.nodes[factors[-1]].op == "mul":
        factors += graph.nodes[factors.pop()].args
    for place, number in enumerate(factors):
        if graph.nodes[number].op == "exp":
            rest = multiply(graph, [*factors[:place], *factors[place + 1 :]])
            return rest, graph.nodes[number].args[0]
    return node, None


# Products


def _of_product(graph: Graph, node: int) -> int | None:
    _, args, _ = graph.nodes[node]
    power = fixed_exponent(graph, node)
    if power is not None and power != int(power):
        return scale(graph, power, log_of(graph, args[0]))
    factors = factors_of(graph, node)
    if factors is None or factors.constant == 0.0:
        return None
    if factors.constant == 0.5 and not factors.powers and len(factors.parts) == 1:
        ((base, power),) = factors.parts
        if power == 1.0 and graph.nodes[base].op == "erfc":
            return _of_half_erfc(graph, *graph.nodes[base].args)
    gammas = log_of_gammas(graph, node, factors, log_of)
    if gammas is not None or not _is_worth_it(graph, factors):
        return gammas
    known, odd = [], []
    for base, power in factors.parts:
        if _is_positive(graph, base):
            known.append(scale(graph, power, log_of(graph, base)))
        elif power % 2.0 == 0.0:
            known.append(scale(graph, power, graph.op("log", graph.op("abs", base))))
        else:
            odd.append((base, power))
    known += [power_log(graph, base, exponent) for base, exponent in factors.powers]
    return add(graph, [*known, *_signed_logs(graph, factors.constant, odd)])


def _of_half_erfc(graph: Graph, u: int) -> int:
    """Return log(erfc(u)/2), the logarithm of a normal distribution, with the digits of both tails.

    Left of 0 it is log(1 - erfc(-u)/2).
    """
    half = scale(graph, -0.5, graph.op("erfc", graph.op("neg", u)))
    right = graph.op("add", log_of_constant(graph, 0.5), graph.op("log_erfc", u))
    left = graph.op("lt", u, graph.const(0.0))
    return graph.op("select", left, graph.op("log1p", half), right)


def _is_worth_it(graph: Graph, factors: Factors) -> bool:
    """Return whether some factor is a power, or has a logarithm that is better taken alone."""
    if factors.powers or any(abs(power) >= 2.0 for _, power in factors.parts):
        return True
    if len(factors.parts) == 1 and factors.constant > 0.0 and factors.parts[0][1] != 1.0:
        return True
    return any(
        _is_positive(graph, base) and _better_form(graph, base) is not None
        for base, _ in factors.parts
    )


def _is_positive(graph: Graph, node: int) -> bool:
    """Return whether a node is known to be positive or 0.

    Only then its logarithm may stand alone in a product.
    """
    if graph.nodes[node].op in POSITIVE:
        return True
    terms = None
    if graph.nodes[node].op == "add":
        terms = terms_of(graph, [node])
    return terms is not None and is_exponential(graph, terms)


def _signed_logs(graph: Graph, constant: float, odd: list[tuple[int, float]]) -> list[int]:
    """Return the logarithms of factors whose signs count, each with |u|."""
    if not odd:
        if constant == 1.0:
            return []
        return [log_of_constant(graph, constant)]
    if len(odd) == 1 and constant > 0.0:
        ((base, power),) = odd
        log = scale(graph, power, log_of(graph, base))
        if constant == 1.0:
            return [log]
        return [log_of_constant(graph, constant), log]
    apart = [
        scale(graph, p - _sign(p), graph.op("log", graph.op("abs", b)))
        for b, p in odd
        if abs(p) != 1.0
    ]
    above = multiply(graph, [graph.const(constant), *(base for base, power in odd if power > 0.0)])
    below = multiply(graph, [base for base, power in odd if power < 0.0])
    return [*apart, graph.op("log", graph.op("div", above, below))]


def _sign(value: float) -> float:
    if value > 0.0:
        return 1.0
    return -1.0


def power_log(graph: Graph, base: int, exponent: int) -> int:
    """Return log(base**exponent) as exponent*log(base), 0 of exponent 0."""
    log = _better_form(graph, base)
    if log is not None:
        return graph.op("mul", exponent, log)
    split = graph.op("vanishing", exponent, graph.op("log", base))
    if graph.nodes[base].op in POSITIVE:
        return split
    whole = graph.op("log", graph.op("pow", base, exponent))
    return graph.op("select", graph.op("lt", base, graph.const(0.0)), whole, split)


def _of_product_over(graph: Graph, body: int, loop: Loop) -> int | None:
    """Return the logarithm of a product over a loop as a sum of logarithms.

    It is NaN of an odd number of negative factors.
    """
    factors = factors_of(graph, body)
    if factors is None or factors.constant == 0.0:
        return None
    signed = [
        base
        for base, power in factors.parts
        if power % 2.0 and graph.nodes[base].op not in POSITIVE
    ]
    size = _log_of_size(graph, factors)
    total = graph.reduce("sum", loop, size)
    if not signed and factors.constant > 0.0:
        return total
    sign = multiply(graph, [graph.const(_sign(factors.constant)), *signed])
    one, zero = graph.const(1.0), graph.const(0.0)
    negative = graph.reduce("sum", loop, graph.op("select", graph.op("lt", sign, zero), one, zero))
    half = scale(graph, 0.5, negative)
    even = graph.op("le", half, graph.op("floor", half))
    return graph.op("select", even, total, graph.const(float("nan")))


def _log_of_size(graph: Graph, factors: Factors) -> int:
    """Return the logarithm of the absolute value of a product."""
    if abs(factors.constant) == 1.0:
        logs = []
    else:
        logs = [log_of_constant(graph, abs(factors.constant))]
    for base, power in factors.parts:
        if graph.nodes[base].op in POSITIVE:
            positive = base
        else:
            positive = graph.op("abs", base)
        logs.append(scale(graph, power, log_of(graph, positive)))
    return add(
        graph, [*logs, *(power_log(graph, base, exponent) for base, exponent in factors.powers)]
    )
