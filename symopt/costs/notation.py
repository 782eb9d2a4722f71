"""Notations of mathematics and other languages, one rewritten after the other as Python's.

Each step takes tokens and returns tokens, from left to right: |x| becomes abs(x), 2x becomes 2*x,
``sin^2(x)`` becomes (sin(x)**2), ``c ? a : b`` becomes if(c, a, b). What could mean two things is
refused with both of them written out.
"""

from __future__ import annotations

import re
from itertools import pairwise

from symopt.costs.call_forms import WORDS
from symopt.costs.characters import normal_form
from symopt.costs.latex import latex
from symopt.costs.text_functions import APPLIED, MODULES
from symopt.costs.tokens import CLOSING, LOGICAL, OPENING, Token, join, sign, split
from symopt.errors import ParseError

BETWEEN = frozenset({"for", "in", "from", "to", "=", "..", ":"})
"""What separates the index of a sum and its bounds, beside a comma."""
REPLACED = {"&&": "and", "&": "and", "<>": "!=", "~=": "!="}
CURES = {
    "%": "write mod(x, 2) for a remainder, and 0.05 for 5%",
    "//": "write floor(x/2)",
    "@": "write sum(x[i]*y[i], i, 0, n-1)",
    "!": "write factorial(n), or gamma(x + 1)",
    "'": "a transpose or a derivative is not read: write sum(x[i]*y[i], i, 0, n-1) for x'*y",
    "=": "write only what is minimised, what stands after =; of an equation (left - right)^2; "
    "a comparison with ==",
    "\\": "write a cost in one line",
    "then": "write if(x > 0, a, b)",
    "?": "write if(x > 0, a, b)",
}
"""Signs that are not read after a number or a name, and what to write."""
FORTRAN = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)[dD][+-]?\d")
GOALS = re.compile(r"min|minimi[sz]e|(arg)?min_?\w*|lambda|def|function")
"""What people write before a cost."""
AMBIGUOUS = (
    "a product without its sign after a quotient or a power may mean two things; write *, as in "
    "(1/2)*x or 1/(2*x), x^2*y or x^(2*y)"
)


def as_python(text: str) -> str:
    """Return a text as Python writes it.

    Raises
    ------
    ParseError
        If a part of it could mean two things, or is another notation's.
    """
    if fortran := FORTRAN.search(text):
        raise ParseError(
            f"{fortran[0]!r} is a number in Fortran and a product elsewhere; write 1e-3 for a "
            "number, 2*d for a product"
        )
    tokens = split(text)
    for rewrite in (latex, words, indices, choices, sums, foreign, bars, calls, products):
        tokens = rewrite(tokens)
    return join(tokens)


def _previous(tokens: list[Token]) -> bool:
    """Tell whether an operand ends here, so that an operator may follow."""
    return bool(tokens) and tokens[-1].is_operand


def words(tokens: list[Token]) -> list[Token]:
    """Rewrite x² as a power, np.sin as sin, && as and, .* as *; ``if`` where a name may stand."""
    made: list[Token] = []
    skipped = 0
    for place, token in enumerate(tokens):
        if place < skipped:
            continue
        after = _previous(made)
        if token.kind == "raised":
            made += [sign("**"), sign("(", role="raised"), *split(token.text)]
            made.append(sign(")", role="raised"))
        elif (end := _module_end(tokens, place)) and not after:
            skipped = end
        elif token.text == "." and after and _is_operator(tokens, place + 1):
            continue
        elif after and (end := _logical_or(tokens, place)):
            made.append(Token("name", "or", token.gap))
            skipped = end
        elif _is_pi_times(token):
            made += [token._replace(text="π"), Token("name", token.text[1:])]
        elif token.text == "if" and not after:
            made.append(token._replace(role="called"))
        else:
            made.append(token._replace(text=REPLACED.get(token.text, token.text)))
    return made


def _module_end(tokens: list[Token], place: int) -> int:
    """Return where the name after np., np.linalg. or math. stands; 0 where there is none."""
    end = place
    while end + 2 < len(tokens) and tokens[end].text in MODULES and tokens[end + 1].text == ".":
        end += 2
    if end == place or tokens[end].kind != "name":
        return 0
    return end


def _logical_or(tokens: list[Token], place: int) -> int:
    """Return the end of a || with space around it, which is no pair of bars; else 0."""
    if [token.text for token in tokens[place : place + 2]] != ["|", "|"]:
        return 0
    if not tokens[place].gap or tokens[place + 1].gap or not tokens[place + 2 : place + 3]:
        return 0
    return place + 2 if tokens[place + 2].gap else 0


def _is_pi_times(token: Token) -> bool:
    """Tell whether a name is π and another one, as in πr²."""
    return token.kind == "name" and token.text[0] == "π" and token.text[1:2].isalpha()


def _is_operator(tokens: list[Token], place: int) -> bool:
    return place < len(tokens) and tokens[place].text in ("*", "/", "**")


def _refused(tokens: list[Token], place: int, why: str) -> ParseError:
    return ParseError(f"{_shown(tokens[max(place - 3, 0) : place + 4])!r}: {why}")


def _shown(tokens: list[Token]) -> str:
    """Return the beginning of what tokens were written as."""
    return normal_form(join(tokens)).replace("**", "^")[:60]


def indices(tokens: list[Token]) -> list[Token]:
    """Rewrite x₁ as x1, but xᵢ as x[i]: then all of x's are indices."""
    pairs = [(left.text, right) for left, right in pairwise(tokens) if left.kind == "name"]
    arrays = {
        name
        for name, right in pairs
        if right.text == "[" or (right.kind == "lowered" and not right.text.isdigit())
    }
    made: list[Token] = []
    for token in tokens:
        if token.kind != "lowered" or not made:
            made.append(token)
        elif made[-1].text in arrays:
            made += [sign("["), *split(token.text), sign("]")]
        else:
            made[-1] = made[-1]._replace(text=made[-1].text + token.text)
    return made


def sums(tokens: list[Token]) -> list[Token]:
    """Rewrite i=0..n-1, ``for i in range(n)`` and i=0:n-1 in a sum with commas."""
    made: list[Token] = []
    inside = [False]
    for token in tokens:
        after = _previous(made)
        if token.text in OPENING:
            inside.append(after and made[-1].text.lower() in WORDS)
        elif token.text in CLOSING and len(inside) > 1:
            inside.pop()
        if inside[-1] and after and token.text in BETWEEN:
            made.append(sign(","))
        else:
            made.append(token)
    return made


def choices(tokens: list[Token]) -> list[Token]:
    """Rewrite c ? a : b as if(c, a, b), within each bracket and between commas."""
    made: list[Token] = []
    levels = [_Choices(0)]
    for token in tokens:
        level = levels[-1]
        if token.text in OPENING:
            made.append(token)
            levels.append(_Choices(len(made)))
        elif token.text in (",", "for"):
            made += [*level.end(), token]
            levels[-1] = _Choices(len(made))
        elif token.text in CLOSING:
            made += [*level.end(), token]
            if len(levels) > 1:
                levels.pop()
        elif token.text == "?":
            level.ask(made)
        elif token.text == ":" and level.open:
            level.otherwise(made)
        else:
            made.append(token)
    return made + levels[-1].end()


class _Choices:
    """The choices that are open in one bracket; of each, whether its condition holds here."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.open: list[bool] = []

    def ask(self, made: list[Token]) -> None:
        """Begin a choice by what stands since the start."""
        made[self.start : self.start] = [Token("name", "if", role="called"), sign("(")]
        made.append(sign(","))
        self.open.append(True)
        self.start = len(made)

    def otherwise(self, made: list[Token]) -> None:
        """Go on to what holds where the condition does not."""
        while self.open and not self.open[-1]:
            made.append(sign(")"))
            self.open.pop()
        if not self.open:
            raise ParseError("a ':' belongs to no '?'; write c ? a : b, or if(c, a, b)")
        self.open[-1] = False
        made.append(sign(","))
        self.start = len(made)

    def end(self) -> list[Token]:
        """Return the brackets that close all choices."""
        if any(self.open):
            raise ParseError("a '?' has no ':'; write c ? a : b, or if(c, a, b)")
        return [sign(")")] * len(self.open)


def foreign(tokens: list[Token]) -> list[Token]:
    """Refuse the signs of other languages and books, each with what to write."""
    _refuse_goal(tokens)
    for place, token in enumerate(tokens):
        if token.text == "T" and place and tokens[place - 1].text == "**":
            raise _refused(
                tokens,
                place,
                "a transpose is not read: write sum(x[i]*y[i], i, 0, n-1); a power as x^(T)",
            )
        after = place and tokens[place - 1].is_operand
        if token.text in CURES and (after or token.text == "="):
            raise _refused(
                tokens, place, f"{token.text!r} is not allowed in a cost; {CURES[token.text]}"
            )
    return tokens


def _refuse_goal(tokens: list[Token]) -> None:
    """Refuse ``minimize x^2``, ``lambda x: x^2`` and @(x) x^2."""
    goal, following = [*tokens[:2], sign("("), sign("(")][:2]
    named = (
        goal.role != "command"
        and following.kind == "name"
        and following.is_operand
        and GOALS.fullmatch(goal.text)
    )
    if named or goal.text == "@" or "->" in [token.text for token in tokens]:
        raise _refused(tokens, 0, "write only the expression; what a cost is of, params says")


def bars(tokens: list[Token]) -> list[Token]:
    """Rewrite |x| as abs(x): a bar opens where an operand may stand, else closes one."""
    made: list[Token] = []
    opened: list[int | None] = []  # where bars opened; None for a bracket
    closed = (-1, -1)
    for place, token in enumerate(tokens):
        if token.text != "|" or token.kind != "sign":
            _match(token, opened)
            made.append(token)
        elif _previous(made) and opened and opened[-1] is not None:
            start = opened.pop() or 0
            if closed == (start + 2, len(made) - 1):
                raise ParseError(
                    "||x|| is a norm: write sqrt(sum(x[i]^2, i, 0, n-1)), its square without sqrt"
                )
            closed = (start, len(made))
            made.append(sign(")", role="bar"))
        elif _joins_conditions(tokens, place):
            made.append(Token("name", "or", token.gap))
        else:
            _check_opening(made)
            opened.append(len(made))
            made += [Token("name", "abs", token.gap), sign("(", role="bar")]
    if any(start is not None for start in opened):
        raise _bar(tokens)
    return made


def _joins_conditions(tokens: list[Token], place: int) -> bool:
    """Tell whether a bar stands between brackets with space around it, as in NumPy."""
    around = [token.text for token in tokens[max(place - 1, 0) : place + 2]]
    return around == [")", "|", "("] and bool(tokens[place].gap and tokens[place + 1].gap)


def _match(token: Token, opened: list[int | None]) -> None:
    """Keep track of brackets: none may close, and no argument end, within open bars."""
    if token.kind == "sign" and token.text in OPENING:
        opened.append(None)
    elif token.kind == "sign" and token.text in CLOSING + ",":
        if opened and opened[-1] is not None:
            raise _bar([token])
        if opened and token.text != ",":
            opened.pop()


def _check_opening(made: list[Token]) -> None:
    """Refuse a bar after an operand that is neither a number nor another closing bar."""
    if made and made[-1].is_operand and made[-1].kind != "number" and made[-1].role != "bar":
        raise ParseError(
            f"'{_shown(made[-3:])}|': a bar after a name or a bracket is not allowed; write "
            "abs(...) or x*|y|, and 'or' between conditions"
        )


def _bar(tokens: list[Token]) -> ParseError:
    return ParseError(
        f"{_shown(tokens)!r}: a bar | has no partner; write abs(x), and 'or' between conditions"
    )


def calls(tokens: list[Token]) -> list[Token]:
    """Rewrite sin^2(x) as (sin(x)**2), and ``sin x``, if nothing follows, as sin(x)."""
    made: list[Token] = []
    closers: list[list[Token]] = []  # what follows each bracket that is open
    place = 0
    while place < len(tokens):
        token, following = tokens[place], []
        if token.kind == "name" and token.text.lower() in APPLIED:
            _check_brackets(tokens, place)
            exponent, place = _exponent(tokens, place)
            if exponent:
                made.append(sign("(", token.gap))
                following = [*exponent, sign(")")]
            made.append(token)
            if _is_atom(tokens, place):
                _check_alone(tokens, place - 1)
                made += [sign("("), tokens[place]._replace(gap=""), sign(")"), *following]
                place += 1
                continue
            if place >= len(tokens) or tokens[place].text != "(":
                continue
            token = tokens[place]
        made.append(token)
        place += 1
        if token.kind == "sign" and token.text in OPENING:
            closers.append(following)
        elif token.kind == "sign" and token.text in CLOSING and closers:
            made += closers.pop()
    return made


def _check_brackets(tokens: list[Token], place: int) -> None:
    """Refuse Sin[x], which would be an entry of an array."""
    if place + 1 < len(tokens) and tokens[place + 1].text == "[":
        name = tokens[place].text
        raise _refused(
            tokens,
            place,
            f"{name!r} is not allowed as the name of an array; write a function with round "
            f"brackets, {name.lower()}(x)",
        )


def _exponent(tokens: list[Token], place: int) -> tuple[list[Token], int]:
    """Return the power in sin^2(x), and where the argument begins; no power if none follows."""
    following = place + 1
    found = re.match(r"\*\* ((- )?\d+|\( (- )?\d+ \)) ", _texts(tokens, following, 5))
    if not found:
        return [], following
    end = following + len(found[0].split())
    if end >= len(tokens) or not (tokens[end].text == "(" or _is_atom(tokens, end)):
        return [], following
    if found[2] or found[3]:
        name = tokens[place].text
        raise ParseError(
            f"{name}^-1 is read neither as the inverse function nor as a quotient; write "
            f"a{name}(x), or 1/{name}(x)"
        )
    return tokens[following:end], end


def _texts(tokens: list[Token], place: int, count: int) -> str:
    return "".join(token.text + " " for token in tokens[place : place + count])


def _is_atom(tokens: list[Token], place: int) -> bool:
    """Tell whether a number or a plain name stands here."""
    if place >= len(tokens) or tokens[place].kind not in ("name", "number"):
        return False
    return tokens[place].text not in LOGICAL


def _check_alone(tokens: list[Token], place: int) -> None:
    """Refuse what follows an argument without brackets, unless it ends there."""
    argument = tokens[place + 1].text
    rest = tokens[place + 2] if place + 2 < len(tokens) else sign(")")
    ends = rest.text in (*CLOSING, ",", "+", "-", "<", ">", "<=", ">=", "==", "!=", *LOGICAL)
    if not ends or argument.lower() in APPLIED:
        function = tokens[place].text
        raise _refused(
            tokens, place, f"where the argument of {function} ends is not said; write {function}(x)"
        )


def products(tokens: list[Token]) -> list[Token]:
    """Write the sign of a product that is left out, as in 2x and (x+1)(x-1)."""
    made: list[Token] = []
    starts: list[int] = []  # of each token, where the operand that ends there begins
    opened: list[int] = []
    for place, token in enumerate(tokens):
        if place and _left_out(tokens[place - 1], token):
            _check_product(tokens, starts, place)
            made.append(sign("*"))
        start = place
        if token.kind == "sign" and token.text in OPENING:
            opened.append(place)
        elif token.kind == "sign" and token.text in CLOSING and opened:
            start = opened.pop()
            if start and tokens[start - 1].kind == "name" and tokens[start - 1].is_operand:
                start -= 1
        starts.append(start)
        made.append(token)
    return made


def _left_out(left: Token, right: Token) -> bool:
    """Tell whether a product is meant between two tokens."""
    if right.kind == "name" and right.text in LOGICAL and right.role != "called":
        return False
    if left.role == "bar" and left.text == ")":
        return right.kind == "name" and right.text == "abs"
    if left.kind == "number":
        return right.text == "(" or (right.kind == "name" and not _is_suffix(left, right))
    if left.kind == "name" and right.kind == "name" and not right.gap:
        return True  # as in x₁x₂
    if left.text == "π" or left.role == "command":
        return right.kind == "name"
    return left.text == ")" and (right.kind == "name" or right.text == "(")


def _is_suffix(left: Token, right: Token) -> bool:
    """Tell whether a letter belongs to a number: 1j in Python, 1.0f in C."""
    if right.gap:
        return False
    return right.text in ("j", "J") or (right.text in ("f", "F") and "." in left.text)


def _check_product(tokens: list[Token], starts: list[int], place: int) -> None:
    """Refuse a product without its sign after a quotient or a power: 1/2x, x^2y."""
    last = place - 1
    start = starts[last]
    while start and not tokens[start - 1].is_operand:
        before = start - 1
        while before and tokens[before].text in "+-" and not tokens[before - 1].is_operand:
            before -= 1
        power = tokens[before].text == "**"
        if tokens[before].text == "/" or (power and tokens[last].text != ")"):
            raise _refused(tokens, place, AMBIGUOUS)
        if not power or not before:
            return
        last = before - 1
        start = starts[last]
