"""Text to cost, without eval: Python's own syntax tree, walked with a list of what is allowed.

The expression is built as it is written: SymPy simplifies nothing in it, so hostile text cannot
make SymPy work for long, and what is compiled is what was typed. Only numbers are worked out, as
exact fractions while they are short, else as floats, so that 9^9^9 never becomes a million digits.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy.typing as npt
import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from symopt.costs.characters import check_names, normal_form, spell_as_python
from symopt.costs.cost import Cost
from symopt.costs.dialects import normalize
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
from symopt.costs.ingredients import list_params
from symopt.costs.spelling import hint, refuse_ranges, spell_bars, spell_words, without_mark
from symopt.costs.sympy_failures import refuse_failures
from symopt.costs.text_functions import FUNCTIONS, MEANT, TextFunction
from symopt.errors import ParseError, suggestion

LONGEST = 10_000  # characters
LARGEST_EXPONENT = 1_000
MOST_DIGITS = 400  # of an exact number
SHORTEST_FUNCTION = 3  # letters; a shorter name before a bracket is a factor
MOST_LISTED = 10  # arguments of a function that a message counts
COMPARISONS = {
    ast.Lt: (sp.Lt, operator.lt),
    ast.LtE: (sp.Le, operator.le),
    ast.Gt: (sp.Gt, operator.gt),
    ast.GtE: (sp.Ge, operator.ge),
    ast.Eq: (sp.Eq, operator.eq),
    ast.NotEq: (sp.Ne, operator.ne),
}


class Part(NamedTuple):
    """A part of the cost: its expression, and its value where it is a number."""

    expression: sp.Expr
    value: float | None = None

    @property
    def is_condition(self) -> bool:
        """Whether it holds or not, and is no number."""
        return isinstance(self.expression, Boolean) and not self.expression.is_Symbol


def parse(
    text: str,
    params: Iterable[Any] | str | None = None,
    *,
    data: Mapping[Any, npt.ArrayLike] | None = None,
    samples: Any = None,
) -> Cost:
    """Read a cost from text, as a user or a shell gives it; nothing in it is ever evaluated.

    Numbers, names, ``+ - * / % ** ^`` (``^`` is a power; also × · − ÷ and x²), parentheses, |x|,
    ``pi`` (also π), ``e`` and the functions sqrt, cbrt, exp, log (``log(x, 2)``, log2, log10,
    log1p), abs, sign, the trigonometric and hyperbolic ones and their inverses, atan2, hypot, erf,
    erfc, floor, ceil, mod, max, min, pow, sigmoid; cbrt(x) and real_root(x, 5) are roots of
    negative numbers too. ``if(x < 0, a, b)`` chooses, by ``< <= > >= == !=``, and, or, not; a
    comparison elsewhere is 1 or 0. ``sum(term, i, first, last)`` and ``prod(...)`` run over entries
    of arrays, ``x[i+1]`` or ``W[k, j]``; names in their bounds are sizes. NumPy's and SymPy's
    spellings are read too: np.arcsin(x), Abs(x), Sum(x[i], (i, 0, n-1)), sum(x[i] for i in
    range(n)), a if x < 0 else b.

    Parameters
    ----------
    text
        At most 10 000 characters, nested at most 100 deep, constant exponents up to 1000.
    params
        The names of the parameters, in order, in a list or as ``"x, y"``: they are symbols even
        where they would mean a number, as ``e``; all arrays and names that are neither index nor
        size nor data, sorted, if left out.
    data
        The values of arrays by their names: ``{"X": array}``.
    samples
        The index that mini-batches draw from, as ``"k"``.

    Raises
    ------
    ParseError
        If the text is anything else; the message shows the place.

    Examples
    --------
    >>> import symopt as so
    >>> so.parse("(1-x)^2 + 100*(y-x^2)^2")
    Cost((1 - x)**2 + 100*(-x**2 + y)**2, params=(x, y))
    >>> line = so.parse("sum((a*x[k] + b - y[k])^2, k, 0, m-1)", data={"x": [0, 1], "y": [1, 3]})
    >>> line.value([2, 1])
    np.float64(0.0)
    """
    listed = list_params(params)
    read, names = _read(text, _declared(listed))
    if not names.parameters:
        raise ParseError(f"{text.strip()[:60]!r} has no variables: there is nothing to optimise")
    cost = Cost(read, _in_normal_form(listed), data=data, samples=samples)
    cost.text = text.strip()
    return cost


def expression(text: str) -> sp.Expr:
    """Read a SymPy expression from text; ``parse`` makes a cost of it."""
    return _read(text)[0]


def _in_normal_form(params: list[Any] | None) -> list[Any] | None:
    """Return parameters with names as Python reads them in the text."""
    if params is None:
        return None
    return [normal_form(one) if isinstance(one, str) else one for one in params]


def _declared(params: list[Any] | None) -> frozenset[str]:
    """Return the names of parameters: they are symbols, whatever else such a name may mean."""
    return frozenset(
        normal_form(one if isinstance(one, str) else str(getattr(one, "name", "")))
        for one in params or ()
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
    if part.is_condition:
        raise ParseError(f"{text.strip()[:60]!r} is a condition; expected a number")
    check_names(text, names.seen)
    return part.expression, names


def _tree(text: str) -> ast.expr:
    shown = repr(text.strip()[:60])
    refuse_ranges(text)
    written = spell_words(spell_bars(spell_as_python(text)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on odd spellings is not for our users
            root = ast.parse(written, mode="eval").body
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
            near = f" near {without_mark(written[max(place - 1, 0) : place + 19])!r}"
        cure = hint(text) or "write products with *, as in 2*x"
        raise ParseError(f"{shown} is not an expression{near}; {cure}") from None
    return normalize(root)


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
        if not _takes_conditions(node):
            parts = [_as_number(part) for part in parts]
        with refuse_failures(ParseError, partial(_spelled_short, node)):
            made[id(node)] = _node(node, parts, names)
    return made[id(root)]


def _takes_conditions(node: ast.expr) -> bool:
    """Tell whether the parts of a node may be conditions; elsewhere they are 1 or 0."""
    match node:
        case ast.BoolOp() | ast.UnaryOp(op=ast.Not() | ast.Invert()):
            return True
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr()) | ast.Call(func=ast.Name(id="if")):
            return True
    return False


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
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.BoolOp(values=values):
            return values
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.Call(func=ast.Name(), args=args, keywords=[]):
            if sum_name(node):
                return args[:1]
            return args
        case ast.Name() | ast.Constant():
            return []
        case ast.Subscript():
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
        case ast.BinOp(op=ast.Mod()):
            return _call("mod", parts)
        case ast.UnaryOp(op=ast.USub()):
            return _negative(parts[0])
        case ast.UnaryOp(op=ast.UAdd()):
            return parts[0]
        case ast.Call() if sum_name(node):
            return Part(names.total(node, parts[0].expression))
        case ast.Call(func=ast.Name(id=name)):
            return _call(name, parts)
    return _condition(node, parts)


def _not_allowed(node: ast.expr) -> ParseError:
    shown = write_source(node)[:60]
    cure = ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Constant | ast.BinOp):
        cure = "; write products with *, as in 3*(x + 1)"
    if isinstance(node, ast.Tuple):
        cure = "; write a number with a point, as 0.5"
    return ParseError(
        f"{shown!r} is not allowed in a cost, which holds numbers, names, + - * / ^ and "
        f"functions{cure}"
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
    if name == "if":
        _check_count(name, parts, 3)
        return _choose(*parts)
    if name not in FUNCTIONS:
        raise ParseError(f"unknown function {name!r}{_instead(name)}")
    function = FUNCTIONS[name]
    if not function.least <= len(parts) <= function.most:
        raise ParseError(f"{name} takes {_count(function)} argument(s), not {len(parts)}")
    values = [part.value for part in parts if part.value is not None]
    if len(values) == len(parts):
        return _check_value(_float(lambda: function.number(*values)))
    return Part(function.build(*(part.expression for part in parts)))


def _count(function: TextFunction) -> str:
    if function.least == function.most:
        return str(function.least)
    if function.most > MOST_LISTED:
        return f"at least {function.least}"
    return f"{function.least} to {function.most}"


def _instead(name: str) -> str:
    """Say what to write for a function that is not known."""
    if name in MEANT:
        return f"; write {MEANT[name]}"
    near = suggestion(name.lower(), CALLABLE)
    if near and (abs(len(near) - len(name)) < 2 or name.startswith(near)):
        return f" (did you mean {near!r}?)"
    if len(name) < SHORTEST_FUNCTION:
        return f"; write products with *, as in {name}*(y+1)"
    return f"; known: {', '.join(CALLABLE)}"


# Conditions


def _condition(node: ast.expr, parts: list[Part]) -> Part:
    match node:
        case ast.Compare():
            return _compare(node, parts)
        case ast.BoolOp(op=op) | ast.BinOp(op=ast.BitAnd() | ast.BitOr() as op):
            return _join_conditions(op, parts)
        case ast.UnaryOp(op=ast.Not() | ast.Invert()):
            return _not(parts[0])
    raise _not_allowed(node)


def _compare(node: ast.Compare, parts: list[Part]) -> Part:
    """Build a comparison; a chain a < x < b is all of its comparisons."""
    pairs = zip(node.ops, parts, parts[1:], strict=False)
    found = [_comparison(op, one, other, node=node) for op, one, other in pairs]
    if len(found) == 1:
        return found[0]
    return _join_conditions(ast.And(), found)


def _comparison(op: ast.cmpop, one: Part, other: Part, *, node: ast.expr) -> Part:
    if type(op) not in COMPARISONS:
        raise _not_allowed(node)
    relation, of_numbers = COMPARISONS[type(op)]
    left, right = _as_number(one), _as_number(other)
    if left.value is not None and right.value is not None:
        return Part(sp.true if of_numbers(left.value, right.value) else sp.false)
    return Part(relation(left.expression, right.expression, evaluate=False))


def _join_conditions(op: ast.boolop | ast.operator, parts: list[Part]) -> Part:
    for part in parts:
        _check_condition(part)
    join = sp.And
    if isinstance(op, ast.Or | ast.BitOr):
        join = sp.Or
    return Part(join(*(part.expression for part in parts), evaluate=False))


def _not(part: Part) -> Part:
    _check_condition(part)
    if isinstance(part.expression, Relational):
        return Part(part.expression.negated)
    return Part(sp.Not(part.expression, evaluate=False))


def _check_condition(part: Part) -> None:
    if not part.is_condition:
        raise ParseError(
            f"{str(part.expression)[:60]!r} is a number where a condition is expected, such as "
            "x < 0"
        )


def _choose(condition: Part, yes: Part, no: Part) -> Part:
    """Build if(c, a, b): a where c holds, else b."""
    _check_condition(condition)
    yes, no = _as_number(yes), _as_number(no)
    if condition.expression == sp.true:
        return yes
    if condition.expression == sp.false:
        return no
    pairs = ((yes.expression, condition.expression), (no.expression, True))
    return Part(sp.Piecewise(*pairs, evaluate=False))


def _as_number(part: Part) -> Part:
    """Return a condition as 1 where it holds and 0 where not; a number as it is."""
    if not part.is_condition:
        return part
    one, zero = Part(sp.S.One, 1.0), Part(sp.S.Zero, 0.0)
    return _choose(part, one, zero)


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
POWERLIKE = ("pow", "cbrt", "real_root")
CALLABLE = (*FUNCTIONS, *POWERLIKE, *SUMMED, "if")
RESERVED = frozenset({*CONSTANTS, *FUNCTIONS, *POWERLIKE})
