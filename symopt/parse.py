"""Text to cost, without eval: Python's own syntax tree, walked with a list of what is allowed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp

from symopt.cost import Cost
from symopt.errors import ParseError, did_you_mean

LONGEST = 10_000  # characters
DEEPEST = 100  # nested operations
LARGEST_EXPONENT = 1_000
MOST_DIGITS = 400


def _quotient(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    if b.is_zero:
        raise ParseError(f"division by zero, in ({a})/({b})")
    return a / b


def _power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    if exponent.is_number and abs(exponent) > LARGEST_EXPONENT:
        raise ParseError(f"the exponent {str(exponent)[:20]} is larger than {LARGEST_EXPONENT}")
    if base.is_zero and exponent.is_negative:
        raise ParseError(f"division by zero, in ({base})**({exponent})")
    if (
        base.is_Integer
        and exponent.is_Integer
        and base.p
        and abs(int(exponent)) * int(base.p).bit_length() > MOST_DIGITS * 3.33
    ):
        raise ParseError(f"({str(base)[:20]})**({exponent}) is a number of more than {MOST_DIGITS} digits")
    return base**exponent


FUNCTIONS: dict[str, Callable[..., sp.Expr]] = {
    "sqrt": sp.sqrt, "exp": sp.exp, "log": sp.log, "ln": sp.log, "abs": sp.Abs, "sign": sp.sign,
    "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "asin": sp.asin, "acos": sp.acos, "atan": sp.atan,
    "sinh": sp.sinh, "cosh": sp.cosh, "tanh": sp.tanh, "asinh": sp.asinh, "acosh": sp.acosh, "atanh": sp.atanh,
    "erf": sp.erf, "floor": sp.floor, "ceil": sp.ceiling, "max": sp.Max, "min": sp.Min,
    "sec": sp.sec, "csc": sp.csc, "cot": sp.cot, "pow": _power,
}  # fmt: skip
SEVERAL = {"max", "min"}
CONSTANTS = {"pi": sp.pi, "e": sp.E}
OPERATORS: dict[type[ast.AST], Callable[..., sp.Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: _quotient,
    ast.Pow: _power,
    ast.BitXor: _power,
    ast.USub: lambda a: -a,
    ast.UAdd: lambda a: a,
}


def parse(text: str, params: Iterable[Any] | str | None = None) -> Cost:
    """Read a cost from text, as a user or a shell gives it; nothing in it is ever evaluated.

    Numbers, names, ``+ - * / ** ^`` (``^`` is a power), parentheses, ``pi``, ``e`` and the
    functions sqrt, exp, log, ln, abs, sign, the trigonometric and hyperbolic ones and their
    inverses, erf, floor, ceil, max, min, pow.

    Parameters
    ----------
    text
        At most 10 000 characters, nested at most 100 deep, constant exponents up to 1000.
    params
        The names of the parameters, in order; all names, sorted, if left out.

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
    if not isinstance(text, str):
        raise ParseError(f"expected text, not {type(text).__name__}")
    if len(text) > LONGEST:
        raise ParseError(f"the text has {len(text)} characters; at most {LONGEST} are read")
    read = expression(text)
    if not read.free_symbols:
        raise ParseError(f"{text.strip()[:60]!r} has no variables: there is nothing to optimise")
    cost = Cost(read, params.replace(" ", "").split(",") if isinstance(params, str) else params)
    cost.text = text.strip()
    return cost


def expression(text: str) -> sp.Expr:
    """Read a SymPy expression from text; ``parse`` makes a cost of it."""
    # ^ binds like ** in mathematics and weaker than + in Python, so it is spelled the Python way
    spelled = text.strip().replace("^", "**")
    if not spelled:
        raise ParseError("the text is empty; expected an expression such as (1-x)^2 + 100*(y-x^2)^2")
    _check_depth(spelled)
    try:
        tree = ast.parse(spelled, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        place = getattr(error, "offset", None)
        near = f" near {spelled[max(place - 1, 0) : place + 19]!r}" if place else ""
        raise ParseError(
            f"{text.strip()[:60]!r} is not an expression{near}; write products with *, as in 2*x"
        ) from None
    return _build(tree.body)


def _check_depth(text: str) -> None:
    """Refuse deep nesting before Python's parser meets it."""
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise ParseError(f"parentheses are nested {deepest} deep; at most {DEEPEST} are read")


def _build(root: ast.expr) -> sp.Expr:
    """Build the expression bottom up: first list the nodes, parents before children, then work backwards."""
    order: list[tuple[ast.expr, int]] = []
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > 10 * DEEPEST:
            raise ParseError(f"operations are nested more than {10 * DEEPEST} deep")
        order.append((node, depth))
        stack.extend((child, depth + 1) for child in _children(node))
    made: dict[int, sp.Expr] = {}
    for node, _ in reversed(order):
        made[id(node)] = _node(node, [made[id(child)] for child in _children(node)])
    return made[id(root)]


def _children(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.Call(func=ast.Name(), args=args, keywords=[]):
            return list(args)
        case ast.Name() | ast.Constant():
            return []
    raise ParseError(
        f"{ast.unparse(node)[:60]!r} is not allowed in a cost; it may hold numbers, names, + - * / ^ and functions"
    )


def _node(node: ast.expr, parts: list[sp.Expr]) -> sp.Expr:
    match node:
        case ast.Constant(value=value):
            return _number(value)
        case ast.Name(id=name):
            return _name(name)
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) if type(op) in OPERATORS:
            return OPERATORS[type(op)](*parts)
        case ast.Call(func=ast.Name(id=name)):
            return _call(name, parts)
    raise ParseError(f"the operator in {ast.unparse(node)[:60]!r} is not allowed; use + - * / ^")


def _number(value: object) -> sp.Expr:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParseError(f"{value!r} is not a real number")
    if isinstance(value, int):
        if value.bit_length() > MOST_DIGITS * 3.33:
            raise ParseError(
                f"a number of about {value.bit_length() * 0.301:.0f} digits; at most {MOST_DIGITS} are read"
            )
        return sp.Integer(value)
    if value in (float("inf"), float("-inf")):
        raise ParseError("a number is beyond 1.8e308")
    return sp.Float(value)


def _name(name: str) -> sp.Expr:
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name in FUNCTIONS:
        raise ParseError(f"{name} is a function: write {name}(x)")
    if name.startswith("__"):
        raise ParseError(f"{name!r} is not allowed as a name")
    return sp.Symbol(name, real=True)


def _call(name: str, parts: list[sp.Expr]) -> sp.Expr:
    if name not in FUNCTIONS:
        raise ParseError(
            f"unknown function {name!r}{did_you_mean(name, FUNCTIONS)}; write products with *, as in x*(y+1)"
        )
    wanted = 2 if name == "pow" else 1
    if (name in SEVERAL and not parts) or (name not in SEVERAL and len(parts) != wanted):
        raise ParseError(f"{name} takes {'at least 1' if name in SEVERAL else wanted} argument(s), not {len(parts)}")
    return FUNCTIONS[name](*parts)
