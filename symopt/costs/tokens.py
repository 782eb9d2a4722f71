"""The words, numbers and signs of a text, one after the other."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import NamedTuple

from symopt.costs.characters import LOWERED, RAISED, WORD, normal_form

OPENING, CLOSING = "([{", ")]}"
LOGICAL = frozenset({"and", "or", "not", "if", "else"})
"""Words that join what stands beside them."""
SIGNS = [
    "**",
    "//",
    "<=",
    ">=",
    "==",
    "!=",
    ":=",
    "..",
    "&&",
    "<>",
    "~=",
    "->",
    "<<",
    ">>",
    r"\.(?=[*/])",
]
PATTERN = re.compile(
    r"(?P<gap>\s*)(?:"
    r"(?P<number>0[xXoObB]\w+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)"
    rf"|(?P<name>{WORD})"
    rf"|(?P<raised>[{RAISED}]+)"
    rf"|(?P<lowered>[{LOWERED}]+)"
    r"|(?P<string>(?<![\w)\]])(?:'[^'\n]*'|\"[^\"\n]*\"))"
    r"|\\(?P<command>[A-Za-z]+|[,;:!|{} ])"
    rf"|(?P<sign>{'|'.join(sign if '(' in sign else re.escape(sign) for sign in SIGNS)}|\S))"
)


class Token(NamedTuple):
    """A word, a number or a sign.

    Attributes
    ----------
    kind
        ``number``, ``name``, ``string``, ``sign``, ``command`` as in LaTeX, or ``raised`` and
        ``lowered`` as in x² and x₁.
    text
        What Python reads.
    gap
        The white space before it.
    role
        ``bar`` for a bracket that was written as |, ``raised`` for one of x², ``called`` for a
        name that is also a word of Python, else nothing.
    """

    kind: str
    text: str
    gap: str = ""
    role: str = ""

    @property
    def is_operand(self) -> bool:
        """Whether a number, a name or a bracket ends here, so that an operator may follow."""
        if self.kind == "name":
            return self.text not in LOGICAL or self.role == "called"
        return self.kind != "sign" or self.text in CLOSING


def sign(text: str, gap: str = "", role: str = "") -> Token:
    """Return a sign."""
    return Token("sign", text, gap, role)


def split(text: str) -> list[Token]:
    """Split a text into tokens; nothing is lost but white space at the end."""
    found = []
    for match in PATTERN.finditer(text):
        kind = match.lastgroup or "sign"
        gap = match["gap"].replace("\n", " ")
        found.append(Token(kind, _normal(kind, match[kind]), gap))
    return found


def _normal(kind: str, text: str) -> str:
    """Return letters and digits in their plain form."""
    if kind in ("name", "number", "raised", "lowered"):
        return normal_form(text).replace("−", "-")
    return text


def join(tokens: Iterable[Token]) -> str:
    """Return the text that Python reads.

    A keyword that is a name is written with a letter of mathematics, which makes it a name to
    Python and the same name in the tree.
    """
    written = ""
    for token in tokens:
        gap = token.gap
        if token.kind == "number" and written[-1:].isalnum():
            gap = gap or " "  # as in x₁2
        written += gap + _written(token)
    return written.strip()


def _written(token: Token) -> str:
    if token.kind == "name" and (token.text in NAMES_TO_US or token.role == "called"):
        return chr(ord("𝐚") + ord(token.text[0]) - ord("a")) + token.text[1:]
    return token.text


NAMES_TO_US = frozenset(keyword.kwlist) - LOGICAL - {"True", "False", "None"}
"""Keywords that are read as names wherever they stand."""
