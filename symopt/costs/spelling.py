"""What a text is before Python reads it: |x| as a call, Python's own words as names."""

from __future__ import annotations

import keyword
import re

from symopt.errors import ParseError

KEPT = {"and", "or", "not", "if", "else", "True", "False", "None"}
"""Words that mean in a cost what they mean in Python."""
MARK = "\ua66e"  # a letter that nobody writes
NAMES = re.compile(rf"\b({'|'.join(sorted(set(keyword.kwlist) - KEPT))})\b")
GENERATOR = re.compile(r"\bfor\b.+\bin\b", re.DOTALL)
WORD = re.compile(r"[^\W\d]\w*$")
CALLED_IF = re.compile(r"(^|[-+*/(,<>=|%&\[]|\b(?:and|or|not|else)\b)(\s*)if(?=\s*\()")
RANGE = re.compile(r"(?<!\.)\.\.(?!\.)|…")
HINTS = (
    (re.compile(r"\?|\bthen\b"), "a choice is written as in if(x < 0, a, b)"),
    (re.compile(r"(?<![<>=!])=(?!=)"), "expected the cost alone, with no = in it; == compares"),
    (re.compile(r"'"), "a transpose is not read: write sums, or matrices in SymPy"),
    (re.compile(r"[{}]"), "expected round brackets"),
)
"""What is often written in a text that Python cannot read, and the cure."""


def refuse_ranges(text: str) -> None:
    """Refuse 0..n and 0...n, which Python reads as numbers with points.

    Raises
    ------
    ParseError
        If there is one.
    """
    if RANGE.search(text):
        raise ParseError(
            f"{text.strip()[:60]!r} holds '..'; a range is written as in sum(x[i]^2, i, 0, n-1)"
        )


def spell_bars(text: str) -> str:
    """Return a text with abs(...) in the place of bars.

    A bar opens where an operand is expected, and closes where one has ended. Bars after an operand
    that close nothing stay.

    Raises
    ------
    ParseError
        If a bar is not closed within its brackets.
    """
    if "|" not in text:
        return text
    spelled: list[str] = []
    opened: list[str] = []
    before = ""  # the text since the last bar or bracket
    for sign in text:
        ended = _ends_operand(before)
        if sign == "|" and ended and opened[-1:] == ["|"]:
            opened.pop()
            sign, before = ")", ")"  # noqa: PLW2901
        elif sign == "|" and not ended:
            opened.append("|")
            sign, before = "abs(", ""  # noqa: PLW2901
        else:
            _follow_brackets(sign, opened, text)
            before += sign
        spelled.append(sign)
    if "|" in opened:
        raise _not_closed(text)
    return "".join(spelled)


def _ends_operand(before: str) -> bool:
    """Tell whether a text ends with an operand: a name, a number or a closed bracket."""
    end = before.rstrip()
    word = WORD.search(end[-20:])
    if word and word[0] in KEPT:
        return False
    return bool(end) and (end[-1].isalnum() or end[-1] in "_)].")


def _follow_brackets(sign: str, opened: list[str], text: str) -> None:
    if sign in "([":
        opened.append(sign)
    if sign in ")]" and opened:
        if opened[-1] == "|":
            raise _not_closed(text)
        opened.pop()


def _not_closed(text: str) -> ParseError:
    return ParseError(
        f"{text.strip()[:60]!r} has a bar | without its other one; expected |x|, or abs(x)"
    )


def spell_words(text: str) -> str:
    """Return a text in which Python's words are names, as lambda, and if(c, a, b) is a call."""
    called = CALLED_IF.sub(rf"\1\2if{MARK}", text)
    if GENERATOR.search(called):
        return called
    return NAMES.sub(rf"\1{MARK}", called)


def without_mark(name: str) -> str:
    """Return a name as it was written."""
    return name.replace(MARK, "")


def hint(text: str) -> str:
    """Say what to write where a text holds what is often written elsewhere; empty if nothing."""
    return next((words for pattern, words in HINTS if pattern.search(text)), "")
