"""The characters of a text: signs as Python spells them; names that look alike refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from symopt.errors import ParseError

SIGNS = {
    "^": "**",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "∗": "*",
    "∙": "*",
    "•": "*",
    "÷": "/",
    "∕": "/",
    "−": "-",
    "–": "-",
}
"""What is read as something else; ``^`` is a power, and binds weaker than + in Python."""
REFUSED = {
    "√": "write sqrt(x)",
    "∛": "write a power, as in x^(1/3)",
    "∑": "write sum(x[i]^2, i, 0, n-1)",
    "∏": "write prod(x[i], i, 0, n-1)",
    "∞": "a cost is finite: write a large number",
    "\u2044": "write / for a quotient",
    "\\": "LaTeX is not read: write sqrt(x), a/b, pi",
    **dict.fromkeys("#;\0", ""),
}
"""What is not read, and what to write in its place."""
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True))
EXPONENT = re.compile(f"[{''.join(RAISED)}]+")
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


def spell_as_python(text: str) -> str:
    """Return a text with mathematical signs as Python writes them.

    Raises
    ------
    ParseError
        If it holds a sign that is not read, or a character that cannot be seen.
    """
    shown = repr(text.strip()[:60])
    for character, instead in REFUSED.items():
        if character in text:
            cure = ""
            if instead:
                cure = f"; {instead}"
            raise ParseError(
                f"{shown} holds the character {character!r}, which is not allowed in a cost{cure}"
            )
    if unseen := UNSEEN.search(text):
        raise ParseError(
            f"{shown} holds {unseen[0]!r}, a character that cannot be seen; type the text anew"
        )
    text = EXPONENT.sub(lambda raised: f"**({''.join(RAISED[sign] for sign in raised[0])})", text)
    text = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in text)
    return "".join(SIGNS.get(sign, sign) for sign in text).strip()


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
    for word in re.findall(r"[^\W\d]\w*", text):
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
