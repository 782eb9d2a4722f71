r"""Commands of LaTeX in a text, and braces: \frac{1}{2}, \sqrt{x}, \alpha, x_{1}."""

from __future__ import annotations

from symopt.costs.call_forms import WORDS
from symopt.costs.text_functions import GREEK, is_function
from symopt.costs.tokens import Token, sign
from symopt.errors import ParseError

SIGNS = {
    **dict.fromkeys(("cdot", "times", "ast"), "*"),
    **dict.fromkeys(("le", "leq", "leqslant"), "<="),
    **dict.fromkeys(("ge", "geq", "geqslant"), ">="),
    **dict.fromkeys(("ne", "neq"), "!="),
    **dict.fromkeys(("lvert", "rvert", "vert", "mid"), "|"),
    **dict.fromkeys(("ldots", "dots", "cdots"), ".."),
    "div": "/",
    "lt": "<",
    "gt": ">",
}
SPACES = frozenset({
    "left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "quad", "qquad", "displaystyle",
    *",;:! ",
})  # fmt: skip
"""Commands that change how a formula looks, and not what it is."""
FRACTIONS = frozenset({"frac", "dfrac", "tfrac"})
LETTERS = GREEK | {"infty", "ell", "varepsilon", "vartheta", "varphi", "varrho", "varsigma"}
INSTEAD = {
    **dict.fromkeys(("sum", "prod"), "write sum(x[i]^2, i, 0, n-1), or prod"),
    **dict.fromkeys(("partial", "nabla", "int"), "write what it comes to"),
    **dict.fromkeys(("|", "Vert", "lVert"), "write a norm as sqrt(sum(x[i]^2, i, 0, n-1))"),
    **dict.fromkeys(("top", "intercal", "mathbf"), "write sums over entries, as x[i]"),
    "pm": "write + or -",
    "operatorname": "write the function itself, as in sinh(x)",
}


def latex(tokens: list[Token]) -> list[Token]:
    """Rewrite commands as names and signs, fractions as quotients, braces as brackets.

    Raises
    ------
    ParseError
        For a command that is not read, with what to write.
    """
    made: list[Token] = []
    fractions: list[str] = []  # of each open brace, the part of a fraction that it holds
    place = 0
    while place < len(tokens):
        token, after = tokens[place], tokens[place + 1 : place + 2]
        place += 1
        if token.kind == "command" and token.text in FRACTIONS:
            _expect_brace(after)
            made += [sign("(", token.gap), sign("(")]
            fractions.append("above")
            place += 1
        elif token.kind == "command":
            made += _command(token, after)
        elif token.text == "{" and made and made[-1].text.endswith("_"):
            made[-1], place = _lowered(made[-1], tokens, place)
        elif token.text == "{":
            made.append(sign("(", token.gap))
            fractions.append("")
        elif token.text == "}" and fractions:
            part = fractions.pop()
            made.append(sign(")"))
            if part == "above":
                _expect_brace(after)
                made += [sign("/"), sign("(")]
                fractions.append("below")
                place += 1
            elif part == "below":
                made.append(sign(")"))
        elif _continues(token, made):
            made[-1] = made[-1]._replace(text=made[-1].text + token.text, role="")
        else:
            made.append(token)
    return made


def _expect_brace(after: list[Token]) -> None:
    if not after or after[0].text != "{":
        raise ParseError(
            "a fraction needs both of its parts in braces, as in \\frac{1}{2}; write (a)/(b)"
        )


def _command(token: Token, after: list[Token]) -> list[Token]:
    """Return what a command stands for."""
    name = token.text
    if name == "sqrt" and after and after[0].text == "[":
        raise ParseError("\\sqrt[n]{x} is not read; write real_root(x, 3), or x^(1/3) for x > 0")
    if name in SPACES:
        return []
    if name in SIGNS:
        return [sign(SIGNS[name], token.gap)]
    if name not in INSTEAD and (name.lower() in LETTERS or is_function(name)):
        return [Token("name", name, token.gap, role="command")]
    instead = INSTEAD.get(name, "write the formula with + - * / ^ and functions as sin(x)")
    raise ParseError(f"\\{name} is not allowed in a cost; {instead}")


def _lowered(name: Token, tokens: list[Token], place: int) -> tuple[Token, int]:
    """Return a name with its index in braces, as x_{1}, and where the text goes on."""
    index, end = [*tokens[place : place + 2], sign(""), sign("")][:2]
    if index.kind not in ("name", "number") or end.text != "}":
        array = name.text[:-1]
        if array.lower() in WORDS:
            raise ParseError(f"'{array}_{{...}}' is not read; {INSTEAD['sum']}")
        raise ParseError(f"'{array}_{{...}}' is not read; write an entry as {array}[i+1]")
    return name._replace(text=name.text + index.text), place + 2


def _continues(token: Token, made: list[Token]) -> bool:
    r"""Tell whether a name is the index of a letter before it, as in \theta_1."""
    return (
        bool(made)
        and made[-1].role == "command"
        and token.kind == "name"
        and token.text[0] == "_"
        and not token.gap
    )
