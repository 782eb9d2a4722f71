"""Text to cost, without eval: Python's own syntax tree, walked with a list of what is allowed.

The expression is built as it is written: SymPy simplifies nothing in it, so hostile text cannot
make SymPy work for long, and what is compiled is what was typed. Only numbers are worked out, as
exact fractions while they are short, else as floats, so that 9^9^9 never becomes a million digits.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import sympy as sp

from symopt.costs.characters import check_names, normal_form, spell_as_python
from symopt.costs.cost import Cost
from symopt.costs.index_parser import (
    DEEPEST,
    POWERS,
    PRODUCTS,
    SUMMED,
    SUMS,
    Names,
    Scope,
    chain,
    sum_name,
    write_source,
)
from symopt.costs.sympy_failures import refuse_failures
from symopt.errors import ParseError, did_you_mean

LONGEST = 10_000  # characters
LARGEST_EXPONENT = 1_000
MOST_DIGITS = 400  # of an exact number


class Part(NamedTuple):
    """A part of the cost: its expression, and its value where it is a number."""

    expression: sp.Expr
    value: float | None = None


def parse(text: str, params: Iterable[Any] | str | None = None) -> Cost:
    """Read a cost from text, as a user or a shell gives it; nothing in it is ever evaluated.

    Numbers, names, ``+ - * / ** ^`` (``^`` is a power; also × · − ÷ and x²), parentheses, ``pi``
    (also π), ``e`` and the functions sqrt, cbrt, exp, log, ln, abs, sign, the trigonometric and
    hyperbolic ones and their inverses, erf, erfc, floor, ceil, max, min, pow; cbrt(x) and
    real_root(x, 5) are roots of negative numbers too. ``sum(term, i, first, last)`` and
    ``prod(...)`` run over entries of arrays, ``x[i+1]`` or ``W[k, j]``; names in their bounds are
    sizes.

    Parameters
    ----------
    text
        At most 10 000 characters, nested at most 100 deep, constant exponents up to 1000.
    params
        The names of the parameters, in order: they are symbols even where they would mean a number,
        as ``e``; all arrays and names that are neither index nor size, sorted, if left out.

    Raises
    ------
    ParseError
        If the text is anything else; the message shows the place.

    Examples
    --------
    >>> import symopt as so
    >>> so.parse("(1-x)^2 + 100*(y-x^2)^2")
    Cost((1 - x)**2 + 100*(-x**2 + y)**2, params=(x, y))
    """
    listed = params
    if isinstance(params, str):
        listed = re.split(r"\s*,\s*|\s+", params.strip())
    if isinstance(listed, list | tuple):
        listed = list(listed)
    read, names = _read(text, _declared(listed))
    if not names.parameters:
        raise ParseError(f"{text.strip()[:60]!r} has no variables: there is nothing to optimise")
    cost = Cost(read, _in_normal_form(listed))
    cost.text = text.strip()
    return cost


def expression(text: str) -> sp.Expr:
    """Read a SymPy expression from text; ``parse`` makes a cost of it."""
    return _read(text)[0]


def _in_normal_form(params: Any) -> Any:
    """Return parameters with names as Python reads them in the text."""
    if not isinstance(params, list):
        return params
    return [normal_form(one) if isinstance(one, str) else one for one in params]


def _declared(params: Any) -> frozenset[str]:
    """Return the names of parameters: they are symbols, whatever else such a name may mean."""
    if isinstance(params, list):
        listed = params
    else:
        listed = [params]
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
    names = Names(root, RESERVED - (declared & CONSTANTS.keys()), declared)
    part = _build(root, names)
    check_names(text, names.seen)
    return part.expression, names


def _tree(text: str) -> ast.expr:
    shown = repr(text.strip()[:60])
    written = spell_as_python(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on odd spellings is not for our users
            return ast.parse(written, mode="eval").body
    except (MemoryError, RecursionError):
        raise ParseError(f"{shown} is nested too deep; at most {DEEPEST} levels are read") from None
    except (SyntaxError, ValueError) as error:
        if "too many nested" in str(error):
            raise ParseError(
                f"{shown} is nested too deep; at most {DEEPEST} levels are read"
            ) from None
        place = getattr(error, "offset", None)
        near = ""
        if place:
            near = f" near {written[max(place - 1, 0) : place + 19]!r}"
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
        children = _children(node, names)
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


def _children(node: ast.expr, names: Names) -> list[ast.expr]:
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
        case ast.Name() | ast.Constant():
            return []
        case ast.Subscript() if names.has_sums:
            return []
    raise _not_allowed(node)


def _node(node: ast.expr, parts: list[Part], names: Names) -> Part:
    match node:
        case ast.Constant(value=value):
            return _number(value)
        case ast.Name(id=name):
            return _name(name, names)
        case ast.Subscript():
            return Part(names.entry(node))
        case ast.BinOp(op=op) if isinstance(op, SUMS):
            return _sum(parts, [inverse for _, inverse in chain(node, SUMS)])
        case ast.BinOp(op=op) if isinstance(op, PRODUCTS):
            return _product(parts, [inverse for _, inverse in chain(node, PRODUCTS)])
        case ast.BinOp(op=op) if isinstance(op, POWERS):
            return _power(*parts)
        case ast.UnaryOp(op=ast.USub()):
            return _negative(parts[0])
        case ast.UnaryOp(op=ast.UAdd()):
            return parts[0]
        case ast.Call() if sum_name(node):
            return Part(names.total(node, parts[0].expression))
        case ast.Call(func=ast.Name(id=name)):
            return _call(name, parts)
    raise _not_allowed(node)


def _not_allowed(node: ast.expr) -> ParseError:
    shown = write_source(node)[:60]
    hint = ""
    if isinstance(node, ast.Subscript):
        hint = "; x[i] is read in a text with sum(x[i]^2, i, 0, n-1)"
    return ParseError(
        f"{shown!r} is not allowed in a cost, which holds numbers, names, + - * / ^ and "
        f"functions{hint}"
    )


def _number(value: object) -> Part:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParseError(f"{str(value)[:40]!r} is not a real number")
    if isinstance(value, int) and value.bit_length() > MOST_DIGITS * 3.33:
        raise ParseError(
            f"a number of {value.bit_length() * 0.30103:.0f} digits; at most {MOST_DIGITS} are read"
        )
    if isinstance(value, int):
        return _exact(sp.Integer(value))
    return _exact(sp.Float(value))


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


def _exact(number: sp.Expr) -> Part:
    """Return a number with its value, refused beyond the doubles."""
    try:
        if number.is_Rational:
            value = int(number.p) / int(number.q)
        else:
            value = float(number)
    except OverflowError:
        value = math.inf
    return _check_value(value, number)


def _check_value(value: complex, form: sp.Expr | None = None) -> Part:
    """Return the value of a number, which must be real and finite."""
    if isinstance(value, int):
        value = _float(partial(float, value))
    if isinstance(value, complex) or not math.isfinite(value):
        raise ParseError(
            "a number in the cost is infinite, beyond 1.8e308, or not real, as log(0) or sqrt(-1) "
            "are"
        )
    if form is None:
        if value == int(value) and abs(value) < 2**53:
            form = sp.Integer(int(value))
        else:
            form = sp.Float(value)
    return Part(form, value)


def _short(number: sp.Expr) -> bool:
    return max(int(number.p).bit_length(), int(number.q).bit_length()) < MOST_DIGITS * 1.66


def _join(
    parts: list[Part], join: Callable[..., sp.Expr], neutral: int, value: Callable[[], float]
) -> Part:
    """Join terms or factors: the numbers among them become one, the rest stays as it is written."""
    numbers = [part for part in parts if part.value is not None]
    rest = [part.expression for part in parts if part.value is None]
    if not numbers:
        return Part(join(*rest, evaluate=False))
    number = _join_numbers(numbers, join, value)
    if not rest:
        return number
    if number.expression == neutral:
        kept = []
    else:
        kept = [number.expression]
    if len(kept) + len(rest) == 1:
        return Part(rest[0])
    return Part(join(*kept, *rest, evaluate=False))


def _join_numbers(
    numbers: list[Part], join: Callable[..., sp.Expr], value: Callable[[], float]
) -> Part:
    """Join numbers: exactly while they are short fractions, else by their values."""
    if not all(number.expression.is_Rational for number in numbers):
        form = None
        if 1 < len(numbers) < 4:
            form = join(*(number.expression for number in numbers), evaluate=False)
        if len(numbers) == 1:
            return numbers[0]
        return _check_value(value(), form)
    total = numbers[0].expression
    for number in numbers[1:]:
        total = join(total, number.expression)
        if not _short(total):
            return _check_value(value())
    return _exact(total)


def _sum(parts: list[Part], inverse: list[bool]) -> Part:
    terms = [_negative(part) if minus else part for part, minus in zip(parts, inverse, strict=True)]
    return _join(
        terms,
        sp.Add,
        0,
        value=lambda: _total([term.value for term in terms if term.value is not None]),
    )


def _total(values: list[float]) -> float:
    """Return the sum of numbers, rounded once; infinite where it is too large."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # on the way, or of infinite numbers
        return sum(values)


def _negative(part: Part) -> Part:
    if part.expression.is_Number:
        return Part(-part.expression, -(part.value or 0.0))
    if part.expression.is_Mul and part.expression.args[0] == -1:
        rest = part.expression.args[1:]
        return Part(
            rest[0] if len(rest) == 1 else sp.Mul(*rest, evaluate=False), part.value and -part.value
        )
    return Part(
        sp.Mul(sp.S.NegativeOne, part.expression, evaluate=False), part.value and -part.value
    )


def _product(parts: list[Part], inverse: list[bool]) -> Part:
    factors = [
        _inverse(part) if below else part for part, below in zip(parts, inverse, strict=True)
    ]
    return _join(
        factors,
        sp.Mul,
        1,
        value=lambda: math.prod(part.value for part in factors if part.value is not None),
    )


def _inverse(part: Part) -> Part:
    if part.value == 0:
        raise ParseError(f"division by zero, by {part.expression}")
    if part.expression.is_Rational:
        return _exact(1 / part.expression)
    if part.value is None:
        value = None
    else:
        value = 1 / part.value
    return Part(sp.Pow(part.expression, sp.S.NegativeOne, evaluate=False), value)


def _power(base: Part, exponent: Part) -> Part:
    if exponent.value is not None and abs(exponent.value) > LARGEST_EXPONENT:
        raise ParseError(f"the exponent {exponent.value:.6g} is larger than {LARGEST_EXPONENT}")
    if base.value == 0 and exponent.value is not None and exponent.value < 0:
        raise ParseError(f"division by zero, in 0^{exponent.value:g}")
    if base.expression == sp.E:
        return _call("exp", [exponent])
    if base.value is None or exponent.value is None:
        return Part(sp.Pow(base.expression, exponent.expression, evaluate=False))
    if base.expression.is_Rational and exponent.expression.is_Integer:
        bits = max(int(base.expression.p).bit_length(), int(base.expression.q).bit_length())
        if bits * abs(int(exponent.expression)) < MOST_DIGITS * 3.33:
            return _exact(base.expression**exponent.expression)
    return _check_value(_float(lambda: base.value**exponent.value))  # type: ignore[operator]


def _call(name: str, parts: list[Part]) -> Part:
    if name == "pow":
        _check_count(name, parts, 2)
        return _power(*parts)
    if name == "real_root":
        _check_count(name, parts, 2)
        return _real_root(*parts)
    if name == "cbrt":
        _check_count(name, parts, 1)
        return _real_root(parts[0], Part(sp.Integer(3), 3.0))
    if name in SEVERAL:
        if not parts:
            raise ParseError(f"{name} takes at least 1 argument, not 0")
        if all(part.value is not None for part in parts):
            number: Part = SEVERAL[name][1](parts, key=lambda part: part.value)
            return number
        return Part(SEVERAL[name][0](*(part.expression for part in parts), evaluate=False))
    if name not in FUNCTIONS:
        known = [*FUNCTIONS, *SEVERAL, *POWERLIKE, *SUMMED]
        raise ParseError(
            f"unknown function {name!r}{did_you_mean(name, known)}; write products with *, as in "
            "x*(y+1)"
        )
    _check_count(name, parts, 1)
    function, of_number = FUNCTIONS[name]
    argument, value = parts[0]
    if value is not None:
        return _check_value(_float(lambda: of_number(value)))
    return Part(function(argument, evaluate=False))


def _real_root(base: Part, root: Part) -> Part:
    """Build a root of odd degree, of negative numbers too, as sympy.real_root writes it."""
    degree = root.expression
    if not (degree.is_Integer and degree.is_odd and 0 < degree <= LARGEST_EXPONENT):
        raise ParseError(
            f"real_root(u, {degree}): expected an odd whole number from 1, as in real_root(u, 3)"
        )
    if base.value is not None:
        return _check_value(math.copysign(abs(base.value) ** (1 / int(degree)), base.value))
    size = sp.Pow(sp.Abs(base.expression, evaluate=False), sp.Rational(1, degree), evaluate=False)
    return Part(sp.Mul(sp.sign(base.expression, evaluate=False), size, evaluate=False))


def _check_count(name: str, parts: list[Part], wanted: int) -> None:
    if len(parts) != wanted:
        raise ParseError(f"{name} takes {wanted} argument(s), not {len(parts)}")


def _float(work: Callable[[], Any]) -> complex:
    """Work a number out; what has no value is infinite."""
    try:
        result: complex = work()
    except (ValueError, OverflowError, ZeroDivisionError):
        return math.inf
    return result


CONSTANTS = {"pi": sp.pi, "e": sp.E, "π": sp.pi}
_INFINITE = "infinity nor as a parameter: a cost is finite, write a large number"
AMBIGUOUS = {
    "E": "the number e nor as a parameter: write exp(x) or e^x",
    "I": "the imaginary unit nor as a parameter: costs are real",
    "Pi": "the number pi nor as a parameter: write pi",
    "PI": "the number pi nor as a parameter: write pi",
    **dict.fromkeys(("oo", "zoo", "inf", "infinity"), _INFINITE),
    "nan": "a value that does not exist nor as a parameter: costs are numbers",
}
"""Names that mean something else elsewhere, and what to write."""
SEVERAL: dict[str, tuple[Any, Any]] = {"max": (sp.Max, max), "min": (sp.Min, min)}
FUNCTIONS: dict[str, tuple[Callable[..., sp.Expr], Callable[[float], Any]]] = {
    "sqrt": (lambda x, evaluate: sp.Pow(x, sp.S.Half, evaluate=evaluate), math.sqrt),
    "exp": (sp.exp, math.exp),
    "log": (sp.log, math.log),
    "ln": (sp.log, math.log),
    "abs": (sp.Abs, abs),
    "sign": (sp.sign, lambda x: (x > 0) - (x < 0)),
    "erf": (sp.erf, math.erf),
    "erfc": (sp.erfc, math.erfc),
    "floor": (sp.floor, math.floor),
    "ceil": (sp.ceiling, math.ceil),
    "sin": (sp.sin, math.sin),
    "cos": (sp.cos, math.cos),
    "tan": (sp.tan, math.tan),
    "asin": (sp.asin, math.asin),
    "acos": (sp.acos, math.acos),
    "atan": (sp.atan, math.atan),
    "sinh": (sp.sinh, math.sinh),
    "cosh": (sp.cosh, math.cosh),
    "tanh": (sp.tanh, math.tanh),
    "asinh": (sp.asinh, math.asinh),
    "acosh": (sp.acosh, math.acosh),
    "atanh": (sp.atanh, math.atanh),
    "sec": (sp.sec, lambda x: 1 / math.cos(x)),
    "csc": (sp.csc, lambda x: 1 / math.sin(x)),
    "cot": (sp.cot, lambda x: 1 / math.tan(x)),
    "sech": (sp.sech, lambda x: 1 / math.cosh(x)),
    "csch": (sp.csch, lambda x: 1 / math.sinh(x)),
    "coth": (sp.coth, lambda x: 1 / math.tanh(x)),
}
POWERLIKE = ("pow", "cbrt", "real_root")
RESERVED = frozenset({*CONSTANTS, *FUNCTIONS, *SEVERAL, *POWERLIKE})
