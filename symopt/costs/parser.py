"""Text to cost, without eval: Python's own syntax tree, walked with a list of what is allowed.

Notations are first made Python's (``notation``), then the tree is walked. The expression is built
as it is written (``text_arithmetic``): hostile text cannot make SymPy work for long, and what is
compiled is what was typed.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy.typing as npt
import sympy as sp

from symopt.costs.call_forms import usual_forms
from symopt.costs.characters import check_names, normal_form, usual_signs
from symopt.costs.checks import mapping
from symopt.costs.cost import Cost
from symopt.costs.index_parser import (
    DEEPEST,
    POWERS,
    PRODUCTS,
    SUMS,
    Names,
    Scope,
    chain,
    quote,
    sum_name,
    write_source,
)
from symopt.costs.ingredients import list_params
from symopt.costs.notation import as_python
from symopt.costs.sympy_failures import refuse_failures
from symopt.costs.text_arithmetic import Part, negative, number, power, product, total
from symopt.costs.text_conditions import as_number, choose, compare, opposite, together
from symopt.costs.text_functions import RESERVED, call, is_function
from symopt.errors import ParseError

LONGEST = 10_000  # characters


def parse(
    text: str,
    params: Iterable[Any] | str | None = None,
    *,
    data: Mapping[Any, npt.ArrayLike] | None = None,
    samples: Any = None,
) -> Cost:
    """Read a cost from text, as a user or a shell gives it; nothing in it is ever evaluated.

    Numbers, names, ``+ - * / ** ^`` (``^`` is a power; also × · − ÷, x² and x₁), parentheses,
    absolute values ``|x|``, ``pi`` (also π), ``e`` and the functions sqrt, cbrt, exp, log (natural,
    also ln), log2, log10, abs, sign, the trigonometric and hyperbolic ones and their inverses
    (``asin`` or ``arcsin``), atan2, hypot, erf, erfc, floor, ceil, mod, max, min, pow, clip,
    sigmoid, softplus; cbrt(x) and real_root(x, 5) are roots of negative numbers too. Names as
    NumPy's, ``np.sin(x)``, are read without their module.

    ``if(x > 0, a, b)``, ``a if x > 0 else b`` and ``x > 0 ? a : b`` choose by a condition, which
    holds < <= > >= == != ``and``, ``or`` and ``not``; a condition among numbers is 1 or 0.

    The sign of a product may be left out after a number and between brackets: ``2x``,
    ``3(x + 1)``, ``(x + 1)(x - 1)``. ``sin^2(x)`` is the square of sin(x).

    ``x[0]`` and ``W[1, 2]`` are entries of arrays. ``sum(term, i, first, last)`` and ``prod(...)``
    run over them, as in ``sum((x[i] - 1)^2, i, 0, n-1)``, also written ``i=0..n-1`` or
    ``for i in range(n)``; names in their bounds are sizes.

    Parameters
    ----------
    text
        At most 10 000 characters, nested at most 100 deep, constant exponents up to 1000.
    params
        The names of the parameters, in order, in a list or as ``"x, y"``: they are symbols even
        where they would mean a number, as ``e``; all arrays and names that are neither index, size
        nor data, sorted, if left out.
    data
        The values of the other arrays, by name, as for :class:`Cost`.
    samples
        The index that mini-batches draw from, as for :class:`Cost`.

    Raises
    ------
    ParseError
        If the text is anything else; the message shows the place.
    CostError
        If parameters, data or samples do not fit the text.

    Examples
    --------
    >>> import symopt as so
    >>> so.parse("(1-x)^2 + 100*(y-x^2)^2")
    Cost((1 - x)**2 + 100*(-x**2 + y)**2, params=(x, y))
    >>> so.parse("|x - |2y|| + 3sin²(x)").value([1, 1])
    np.float64(3.1242202548207136)
    >>> fit = so.parse(
    ...     "sum((y[i] - a*exp(-b*t[i]))^2 for i in range(n))",
    ...     params="a, b",
    ...     data={"t": [0, 1, 2], "y": [4, 2, 1]},
    ... )
    >>> fit.value([4, 0])
    np.float64(13.0)
    """
    listed = list_params(params)
    if data is not None:
        data = mapping(data, "data", "{'x': array}")
        data = {_in_normal_form(key): values for key, values in data.items()}
    read, names = _read(text, _names_of(listed or ()) | _names_of(data or ()))
    if not names.parameters:
        raise ParseError(f"{text.strip()[:60]!r} has no variables: there is nothing to optimise")
    if listed is not None:
        listed = [_in_normal_form(one) for one in listed]
    cost = Cost(read, listed, data=data, samples=samples)
    cost.text = text.strip()
    return cost


def expression(text: str) -> sp.Expr:
    """Read a SymPy expression from text; ``parse`` makes a cost of it."""
    return _read(text)[0]


def _in_normal_form(name: Any) -> Any:
    """Return a name as Python reads it in the text; what is no text stays as it is."""
    if isinstance(name, str):
        return normal_form(name)
    return name


def _names_of(listed: Iterable[Any]) -> frozenset[str]:
    """Return the names of parameters or data: they are symbols, whatever else they may mean."""
    return frozenset(
        normal_form(one if isinstance(one, str) else str(getattr(one, "name", "")))
        for one in listed
    )


def _read(text: str, declared: frozenset[str] = frozenset()) -> tuple[sp.Expr, Names]:
    if not isinstance(text, str):
        raise ParseError(f"expected text, not {type(text).__name__}")
    if len(text) > LONGEST:
        raise ParseError(f"the text has {len(text)} characters; at most {LONGEST} are read")
    if not text.strip():
        raise ParseError(
            "the text is empty; expected an expression such as (1-x)^2 + 100*(y-x^2)^2"
        )
    root = _tree(text)
    usual_forms(root)
    names = Names(root, RESERVED | (CONSTANTS.keys() - declared), declared)
    part = _build(root, names)
    check_names(text, names.seen)
    if part.is_condition:
        raise _no_cost(root)
    return part.expression, names


def _no_cost(root: ast.expr) -> ParseError:
    """Return the error of a condition that is given as a cost."""
    return ParseError(
        f"{_spelled_short(root)} is not allowed as a cost, which is a number; write "
        "(left - right)^2 for an equation left = right, and if(x > 0, a, b) for a choice"
    )


def _tree(text: str) -> ast.expr:
    shown = repr(text.strip()[:60])
    written = as_python(usual_signs(text))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on odd spellings is not for our users
            return ast.parse(written, mode="eval").body
    except (MemoryError, RecursionError, SystemError):  # the last of a tree that was cut off
        raise ParseError(f"{shown} is nested too deep; at most {DEEPEST} levels are read") from None
    except (SyntaxError, ValueError) as error:
        if "too many nested" in str(error):
            raise ParseError(
                f"{shown} is nested too deep; at most {DEEPEST} levels are read"
            ) from None
        place = getattr(error, "offset", None)
        near = ""
        if place:
            near = (
                f" near {normal_form(written[max(place - 1, 0) : place + 19]).replace('**', '^')!r}"
            )
        raise ParseError(
            f"{shown} is not an expression{near}; write products with *, as in 2*x"
        ) from None


def _build(root: ast.expr, names: Names) -> Part:
    """Build bottom up: list the nodes, parents before children, then work backwards."""
    order: list[tuple[ast.expr, list[ast.expr]]] = []
    stack: list[tuple[ast.expr, int, Scope]] = [(root, 0, frozenset())]
    while stack:
        node, depth, scope = stack.pop()
        if depth > DEEPEST:
            raise ParseError(f"operations are nested more than {DEEPEST} deep")
        children = _children(node)
        order.append((node, children))
        inner = names.meet(node, scope, depth)
        stack.extend((child, depth + 1, inner) for child in children)
    names.settle()
    made: dict[int, Part] = {}
    for node, children in reversed(order):
        parts = [made[id(child)] for child in children]
        with refuse_failures(ParseError, partial(_spelled_short, node)):
            made[id(node)] = _node(node, parts, names)
    return made[id(root)]


def _spelled_short(node: ast.expr) -> str:
    return repr(write_source(node)[:60])


def _children(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(op=op) if isinstance(op, SUMS):
            return [child for child, _ in chain(node, SUMS)]
        case ast.BinOp(op=op) if isinstance(op, PRODUCTS):
            return [child for child, _ in chain(node, PRODUCTS)]
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.Call(func=ast.Name(), args=args, keywords=[]):
            if sum_name(node):
                return args[:1]
            return args
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.BoolOp(values=values):
            return values
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return [test, body, otherwise]
        case ast.Name() | ast.Constant() | ast.Subscript():
            return []
    raise _not_allowed(node)


def _node(node: ast.expr, parts: list[Part], names: Names) -> Part:
    """Build a part of those below it."""
    match node:
        case ast.Constant(value=value):
            return number(value)
        case ast.Name(id=name):
            return _name(name, names)
        case ast.Subscript():
            return Part(names.entry(node))
        case ast.Compare(ops=relations):
            return compare([as_number(part) for part in parts], relations)
        case ast.BoolOp(op=ast.And()):
            return together(parts, sp.And)
        case ast.BoolOp():
            return together(parts, sp.Or)
        case ast.UnaryOp(op=ast.Not()):
            return opposite(parts[0])
        case ast.IfExp():
            return choose(*parts)
        case ast.Call(func=ast.Name(id=name)) if not sum_name(node):
            names.refuse_called_name(name, is_function(name))
            return call(name, parts)
    return _of_numbers(node, [as_number(part) for part in parts], names)


def _of_numbers(node: ast.expr, parts: list[Part], names: Names) -> Part:
    match node:
        case ast.Call():
            return Part(names.total(node, parts[0].expression))
        case ast.BinOp(op=op) if isinstance(op, SUMS):
            return total(parts, [inverse for _, inverse in chain(node, SUMS)])
        case ast.BinOp(op=op) if isinstance(op, PRODUCTS):
            return product(parts, [inverse for _, inverse in chain(node, PRODUCTS)])
        case ast.BinOp(op=op) if isinstance(op, POWERS):
            return power(*parts)
        case ast.UnaryOp(op=ast.USub()):
            return negative(parts[0])
        case ast.UnaryOp(op=ast.UAdd()):
            return parts[0]
    raise _not_allowed(node)


def _not_allowed(node: ast.expr) -> ParseError:
    hint = ""
    if isinstance(node, ast.Tuple):
        hint = "; a cost is one expression, and the point of a number is ., as in 0.5"
    elif isinstance(node, ast.List | ast.Set):
        hint = "; write round parentheses"
    elif isinstance(getattr(node, "func", node), ast.Attribute):
        hint = "; write a function as sin(x), and a sum as sum(x[i], i, 0, n-1)"
    return ParseError(
        f"{quote(node)!r} is not allowed in a cost, which holds numbers, names, + - * / ^ and "
        f"functions{hint}"
    )


def _name(name: str, names: Names) -> Part:
    if name in CONSTANTS and name in names.reserved:
        return Part(CONSTANTS[name], float(CONSTANTS[name]))
    if name in names.reserved:
        raise ParseError(f"{name} is a function: write {name}(x)")
    if name.startswith("__"):
        raise ParseError(f"{name!r} is not allowed as a name")
    if (meant := AMBIGUOUS.get(name) or AMBIGUOUS.get(name.lower())) and name not in names.declared:
        raise ParseError(
            f"{name} is read neither as {meant}. For a symbol of that name, name it among the "
            "parameters, "
            f"as in so.parse(text, params={name!r}), or call it otherwise"
        )
    return Part(names.symbol(name))


CONSTANTS = {"pi": sp.pi, "e": sp.E, "π": sp.pi}
_INFINITE = "infinity nor as a parameter: a cost is finite, write a large number"
AMBIGUOUS = {
    "E": "the number e nor as a parameter: write exp(x) or e^x",
    "I": "the imaginary unit nor as a parameter: costs are real",
    "Pi": "the number pi nor as a parameter: write pi",
    "PI": "the number pi nor as a parameter: write pi",
    **dict.fromkeys(("oo", "zoo", "inf", "infinity", "infty"), _INFINITE),
    "nan": "a value that does not exist nor as a parameter: costs are numbers",
}
"""Names that mean something else elsewhere, and what to write."""
