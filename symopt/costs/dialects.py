"""Forms that people write in other languages, as the calls that they mean.

np.sin(x), Sum(x[i], (i, 0, n - 1)), sum(x[i] for i in range(n)), a if x < 0 else b, sin^2(x): each
becomes a plain call. The syntax tree is changed in place; nothing in it is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from symopt.costs.spelling import without_mark
from symopt.errors import ParseError

LIBRARIES = {"np", "numpy", "jnp", "math", "sp", "sympy", "torch", "mpmath"}
SAME = {
    **dict.fromkeys(("Abs", "fabs", "absolute"), "abs"),
    **dict.fromkeys(("Max", "maximum", "fmax"), "max"),
    **dict.fromkeys(("Min", "minimum", "fmin"), "min"),
    "Sum": "sum",
    **dict.fromkeys(("Product", "product"), "prod"),
    "ceiling": "ceil",
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    **{f"ar{name}": f"a{name}" for name in ("sinh", "cosh", "tanh")},
    "sgn": "sign",
    "power": "pow",
    "where": "if",
    **dict.fromkeys(("Mod", "remainder"), "mod"),
}
"""Other names of functions; they are read as these where they are called."""


def normalize(root: ast.expr) -> ast.expr:
    """Return a syntax tree in which what other languages write is a call of a known function."""
    for node in ast.walk(root):
        if isinstance(node, ast.Name):
            node.id = without_mark(node.id)
        elif isinstance(node, ast.Call):
            _normalize_call(node)
    return _replaced(root)


def _normalize_call(node: ast.Call) -> None:
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        if node.func.value.id not in LIBRARIES:
            return
        node.func = ast.Name(node.func.attr)
    if not isinstance(node.func, ast.Name):
        return
    node.func.id = SAME.get(without_mark(node.func.id), without_mark(node.func.id))
    rule = FORMS.get(node.func.id)
    if rule is not None:
        rule(node)


def _sum(node: ast.Call) -> None:
    """Read sum(term, (i, 0, n - 1), ...) and sum(term for i in range(n))."""
    if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
        _sum_of_generator(node, node.args[0])
    elif len(node.args) > 1 and all(isinstance(limit, ast.Tuple) for limit in node.args[1:]):
        _sum_over(node, [limit.elts for limit in node.args[1:]])  # type: ignore[attr-defined]


def _sum_of_generator(node: ast.Call, made: ast.GeneratorExp) -> None:
    limits = []
    for one in reversed(made.generators):
        ends = _range(one.iter)
        if ends is None or one.ifs or one.is_async:
            raise ParseError(
                f"{ast.unparse(made)[:60]!r}: expected for i in range(n), or range(first, end), "
                "without if"
            )
        first, end = ends
        limits.append([one.target, first, ast.BinOp(end, ast.Sub(), ast.Constant(1))])
    node.args = [made.elt]
    _sum_over(node, limits)


def _range(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    match node:
        case ast.Call(func=ast.Name(id="range"), args=[end], keywords=[]):
            return ast.Constant(0), end
        case ast.Call(func=ast.Name(id="range"), args=[first, end], keywords=[]):
            return first, end
    return None


def _sum_over(node: ast.Call, limits: list[list[ast.expr]]) -> None:
    """Nest sums over limits, the first innermost, as SymPy has it."""
    function, term = node.func, node.args[0]
    *inner, last = limits
    for limit in inner:
        term = ast.Call(function, [term, *limit], [])
    node.args = [term, *last]


def _piecewise(node: ast.Call) -> None:
    """Read Piecewise((a, c), (b, True)) as if(c, a, b)."""
    pairs = node.args
    if not pairs or not all(isinstance(one, ast.Tuple) and len(one.elts) == 2 for one in pairs):
        complete = False
    else:
        complete = _is_true(pairs[-1].elts[1])  # type: ignore[attr-defined]
    if not complete:
        raise ParseError(
            "Piecewise: expected pairs of a value and a condition, the last one True, as in "
            "Piecewise((a, x < 0), (b, True))"
        )
    values = [tuple(pair.elts) for pair in pairs if isinstance(pair, ast.Tuple)]
    (value, _), *before = reversed(values)
    for other, condition in before:
        value = _choice(condition, other, value)
    whole = (
        value if isinstance(value, ast.Call) and before else ast.Call(ast.Name("max"), [value], [])
    )
    node.func, node.args = whole.func, whole.args


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _choice(condition: ast.expr, yes: ast.expr, no: ast.expr) -> ast.Call:
    return ast.Call(ast.Name("if"), [condition, yes, no], [])


FORMS: dict[str, Callable[[ast.Call], None]] = {
    "sum": _sum,
    "prod": _sum,
    "Piecewise": _piecewise,
}


def _replaced(root: ast.expr) -> ast.expr:
    """Return the tree with choices by if and else, and powers of functions, as calls."""
    holder = ast.Expr(root)
    for node in reversed(list(ast.walk(holder))):  # what stands inside first
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, name, _call_for(value))
            elif isinstance(value, list):
                value[:] = [_call_for(one) if isinstance(one, ast.expr) else one for one in value]
    return holder.value


def _call_for(node: ast.expr) -> ast.expr:
    match node:
        case ast.IfExp(test=test, body=yes, orelse=no):
            return _choice(test, yes, no)
        case ast.BinOp(
            left=ast.Name(id=name), op=ast.Pow(), right=ast.Call(func=power, args=args, keywords=[])
        ) if not isinstance(power, ast.Name):
            return _power_of_call(name, power, args)
        case ast.BinOp(
            left=ast.Name(id=name),
            op=ast.Pow(),
            right=ast.UnaryOp(op=ast.USub(), operand=ast.Call(func=ast.Constant(value=int(power)))),
        ):
            raise _two_ways(name, f"-{power}")
    return node


def _power_of_call(name: str, power: ast.expr, args: list[ast.expr]) -> ast.expr:
    """Read sin^2(x) as sin(x)^2.

    Raises
    ------
    ParseError
        If the power is -1: that is the inverse function to some, a quotient to others.
    """
    if isinstance(power, ast.UnaryOp):
        raise _two_ways(name, ast.unparse(power))
    return ast.BinOp(ast.Call(ast.Name(name), args, []), ast.Pow(), power)


def _two_ways(name: str, power: str) -> ParseError:
    return ParseError(
        f"{name}^{power}(x) is read in two ways; write a{name}(x) for the inverse function, "
        f"{name}(x)^({power}) for the power"
    )
