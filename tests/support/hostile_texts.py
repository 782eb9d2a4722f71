"""Texts that nobody means well with, from a seed: noise, broken and endless expressions, Python that must not run."""

import random
from collections.abc import Iterator

EVIL = [
    "__import__('os').system('touch {file}')", "open('{file}', 'w')", "exec(\"open('{file}','w')\")", "eval('1')",
    "().__class__.__bases__[0].__subclasses__()", "x.__class__", "x.diff", "lambda x: x", "[x for x in y]", "{{x: 1}}",
    "f'{{x}}'", "x if y else z", "x := 1", "print(x)", "globals()", "getattr(x, 'y')", "x[0]", "x; y", "import os",
    "x # y", "'a'*10**9", "b'x'", "x and y", "not x", "x < y", "x == y", "x @ y", "*x", "yield x", "await x", "...", "1j",
]  # fmt: skip
PIECES = [
    "x", "y", "1", "2.5", "1e308", "1e-400", "9", "99999999", "0", "pi", "e", "+", "-", "*", "/", "^", "**", "(", ")", "[",
    "]", ",", " ", "sin(", "exp(", "sqrt(", "max(", "sum(", "prod(", "i", "n-1", "x[i]", "x[i+1]", "__", ".", "é", "\u202e", "\0",
    "|", "|", "?", ":", "²", "ⁿ", "₁", "ᵢ", "½", "√", "\\frac{", "\\sin", "}", "{", "if(", "np.", " for ", " in ", "range(", "..", "<", ">",
    " and ", " or ", "not ", "sin^2", "mod(", "atan2(", "binomial(", "==", "&&", "||", "\n", "\t", "'", '"', "\\", ";", "#", "%", "//", "<<", "=", "!", "~", "0x1f", "1_000", "1e", "lambda", "None", "True",
]  # fmt: skip
FUNCTIONS = [
    "sin",
    "exp",
    "log",
    "sqrt",
    "abs",
    "tanh",
    "asin",
    "floor",
    "erf",
    "cosh",
    "max",
    "min",
    "pow",
    "sec",
    "mod",
    "hypot",
    "cbrt",
    "log10",
]


def texts(seed: int, count: int, file: str) -> Iterator[str]:
    """Give ``count`` hostile texts; those that could run something would make ``file``."""
    draw = random.Random(seed)
    kinds = (
        _noise,
        _tower,
        _deep,
        _wide,
        nested_text,
        _choices,
        lambda one: one.choice(EVIL).format(file=file),
        _mixed(file),
        _sum,
    )
    for _ in range(count):
        yield draw.choice(kinds)(draw)


def _noise(draw: random.Random) -> str:
    return "".join(draw.choice(PIECES) for _ in range(draw.randint(0, 60)))


def _tower(draw: random.Random) -> str:
    base = draw.choice(["9", "x", "10", "0.5", "-3", "1e300", "(x+1)", "pi"])
    return draw.choice(["^", "**"]).join([base] * draw.randint(2, 40))


def _deep(draw: random.Random) -> str:
    levels, (left, right) = (
        draw.randint(1, 400),
        draw.choice([("(", ")"), ("sin(", ")"), ("-(", ")"), ("1/(1+", ")"), ("[", "]")]),
    )
    return left * levels + "x" + right * draw.choice([levels, levels, levels - 1, 0])


def _wide(draw: random.Random) -> str:
    return draw.choice("+-*/").join(
        draw.choice(["x", "y^2", "1e200", "3", "sin(x)"]) for _ in range(draw.randint(2, 1500))
    )


def nested_text(draw: random.Random, depth: int = 6) -> str:
    if not depth or draw.random() < 0.15:
        return draw.choice(["x", "y", "2", "0.1", "1/3", "999", "1e308", "pi", "0"])
    if draw.random() < 0.5:
        name = draw.choice(FUNCTIONS)
        return f"{name}({', '.join(nested_text(draw, depth - 1) for _ in range(1 + (name in ('max', 'min', 'pow', 'mod', 'hypot'))))})"
    return f"({nested_text(draw, depth - 1)}){draw.choice('+-*/^')}({nested_text(draw, depth - 1)})"


def _choices(draw: random.Random, depth: int = 5) -> str:
    if not depth:
        return draw.choice(["x", "2y", "|x|", "1e300", "x²", "9^99", "sin^2(x)"])
    inner = [_choices(draw, depth - 1) for _ in range(3)]
    relation = draw.choice(["<", "<=", "==", "!=", " and ", " or ", "<1<"])
    form = draw.choice(
        ["({}{}{} ? {} : {})", "if({}{}{}, {}, {})", "|{}| {} {}*{}-{}", "({}{}{})^{}*{}"]
    )
    return form.format(inner[0], relation, inner[1], inner[2], inner[1][:20])


def _sum(draw: random.Random) -> str:
    term = draw.choice(
        [
            "x[i]^2",
            "x[i]*x[i+1]",
            "x[i^2]",
            "x[1e9]",
            "x[i,j]",
            "i",
            "sum(x[j],j,0,i)",
            "x[-1]",
            "x[n]",
        ]
    )
    last = draw.choice(["n-1", "n-2", "10^9", "m", "-1", "1e400", "i", "x[0]", "n/2"])
    return f"{draw.choice(['sum', 'prod'])}({term}, {draw.choice(['i', '1', 'x', 'n'])}, {draw.choice(['0', '1', 'n'])}, {last})"


def _mixed(file: str):
    def made(draw: random.Random) -> str:
        evil = draw.choice(EVIL).format(file=file)
        return draw.choice(
            [
                f"x^2 + {evil}",
                f"sin({evil})",
                f"{evil} - y",
                f"max(x, {evil})",
                f"sum({evil}, i, 0, n-1)",
            ]
        )

    return made
