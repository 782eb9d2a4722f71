"""The characters of a text: signs as Python spells them; names that look alike refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from symopt.errors import ParseError

SIGNS = {
    **dict.fromkeys("×·⋅∗∙•", "*"),
    **dict.fromkeys("÷∕", "/"),
    **dict.fromkeys("−–‒", "-"),
    **dict.fromkeys("∣❘", "|"),
    **dict.fromkeys("…‥", ".."),
    "^": "**",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "∧": " and ",
    "∨": " or ",
    "¬": " not ",
    "∈": " in ",
    "√": " sqrt ",
    "∛": " cbrt ",
    "⌊": " floor(",
    "⌋": ")",
    "⌈": " ceil(",
    "⌉": ")",
}
"""What is read as something else; ``^`` is a power, and binds weaker than + in Python."""
_TRANSPOSE = "write the sum over entries, as in sum(x[i]*y[i], i, 0, n-1)"
_DERIVATIVE = "a cost holds no derivatives or integrals: write what they come to"
REFUSED = {
    "∜": "write a power, as in x^(1/4)",
    "∑": "write sum(x[i]^2, i, 0, n-1)",
    "∏": "write prod(x[i], i, 0, n-1)",
    "∞": "a cost is finite: write a large number",
    "\u2044": "write / for a quotient",
    "‖": "write a norm as sqrt(sum(x[i]^2, i, 0, n-1)), its square without sqrt",
    "°": "angles are in radians: write x*pi/180",
    "±": "write + or -",
    ";": "arguments are separated by commas, and a cost is one expression",
    "$": "write the formula without $",
    **dict.fromkeys("ᵀᵗ′’", _TRANSPOSE),
    **dict.fromkeys("∂∇∫", _DERIVATIVE),
    "#": "leave comments out",
    "\0": "",
}
"""What is not read, and what to write in its place."""
MIXED = re.compile("[0-9][¼-¾⅐-⅞]")
UNSEEN = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\u200b-\u200f\u2060-\u206f\ufeff]"
)
ALIKE = dict(
    zip(
        "аеорсухіјѕԁһАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
        "aeopcyxijsdhABEKMHOPCTYXIJSABEZHIKMNOPTYXo",
        strict=True,
    )
)
"""Letters of the Cyrillic and Greek alphabets that look like Latin ones."""


def _written_as(kind: str) -> str:
    """Return the characters that Unicode has as another one, raised or lowered."""
    blocks = [*range(0x80, 0x2FF), *range(0x1D00, 0x1DC0), *range(0x2070, 0x20A0)]
    return "".join(
        chr(code) for code in blocks if unicodedata.decomposition(chr(code)).startswith(kind)
    )


RAISED, LOWERED = _written_as("<super>"), _written_as("<sub>")
"""Characters of exponents, as in x², and of indices, as in x₁."""
WORD = f"(?:(?![{RAISED}{LOWERED}])[^\\W\\d])(?:(?![{RAISED}{LOWERED}])\\w)*"
"""The pattern of a name."""


def usual_signs(text: str) -> str:
    """Return a text with mathematical signs as a keyboard has them.

    Raises
    ------
    ParseError
        If it holds a sign that is not read, or a character that cannot be seen.
    """
    shown = repr(text.strip()[:60])
    text = _as_words(text)
    for character, instead in REFUSED.items():
        if character in text:
            cure = ""
            if instead:
                cure = f"; {instead}"
            raise ParseError(
                f"{shown} holds the character {character!r}, which is not allowed in a cost{cure}"
            )
    if mixed := MIXED.search(text):
        raise ParseError(
            f"{shown} holds {mixed[0]!r}, a sum or a product; write it as one number, as 2.5"
        )
    if unseen := UNSEEN.search(text):
        raise ParseError(
            f"{shown} holds {unseen[0]!r}, a character that cannot be seen; type the text anew"
        )
    return "".join(map(_as_usual, text)).strip()


def _as_words(text: str) -> str:
    """Return a text with the sign of a sum or a product before a bracket as a word."""
    return re.sub(r"[∏Π](?=\s*\()", "prod", re.sub(r"[∑Σ](?=\s*\()", "sum", text))


def _as_usual(character: str) -> str:
    """Return a character as Python writes it."""
    if character in SIGNS:
        return SIGNS[character]
    if unicodedata.category(character) == "Zs":
        return " "
    if unicodedata.decomposition(character).startswith("<fraction>"):
        above, below = normal_form(character).split("\u2044")
        return f"({above}/{below or 1})"
    if "\uff01" <= character <= "\uff5e" and not character.isalnum():
        return _as_usual(normal_form(character))
    return character


def normal_form(name: str) -> str:
    """Return a name as Python reads it: variants of letters as the letters."""
    return unicodedata.normalize("NFKC", name)


def check_names(text: str, names: Iterable[str]) -> None:
    """Refuse two names that look alike, and two spellings of one.

    Raises
    ------
    ParseError
        With both of them.
    """
    written: dict[str, str] = {}
    for word in re.findall(WORD, text):
        if written.setdefault(normal_form(word), word) != word:
            raise ParseError(
                f"{written[normal_form(word)]!r} and {word!r} are one name to Python; write it in "
                "one way"
            )
    seen: dict[str, str] = {}
    for name in sorted(names):
        latin = "".join(ALIKE.get(letter, letter) for letter in name)
        if seen.setdefault(latin, name) != name:
            raise ParseError(
                f"the names {seen[latin]!r} and {name!r} ({_alphabet(seen[latin])}, "
                f"{_alphabet(name)}) look alike; "
                "type them anew, or choose other names"
            )


def _alphabet(name: str) -> str:
    letter = next((letter for letter in name if letter in ALIKE), name[0])
    return unicodedata.name(letter, "").partition(" ")[0].capitalize()
