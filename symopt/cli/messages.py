"""Errors and warnings in the words of the shell: options, not Python's arguments."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from symopt.errors import SymoptWarning

ARRAY = r"(\w+)(?:\[[^]]*\])?"
WORDS = {
    r"a number, a schedule in so\.t, or an array of numbers": "a number, or a schedule in t",
    r"known: ((?:[^,()]+, ){11}[^,()]+), [^()]*": r"known: \1, ...",
    r"\bso\.t and so\.T\b": "t and T",
    r"\bso\.t\b": "t",
    r"see so\.scipy\(J, \"([\w-]+)\", \.\.\.\)": (r"--rule scipy:\1 is near to it"),
    r"\bso\.scipy\(J, \"([\w-]+)\", start=\.\.\.\)": r"--rule scipy:\1",
    r"\bso\.like\('([\w.]+)', (\w+=[\w.]+)\)": r"--rule \1:\2",
    r"give it to the cost, as in so\.Cost\(J, optimal_value=0\.0\)": "give it, as in --minimum 0",
    rf"name {ARRAY} in params, or give its values as in data=\{{{ARRAY}: array\}}": (
        r"give \1 a start, as in --start \1[10]=0, or its values, as in --data \1=FILE.csv"
    ),
    r"so\.Cost\(\.\.\., (data=\{\.\.\.\}, )?samples=k\)": "--samples k",
    r"as in so\.parse\(text, params='?(\w+)'?\)": r"as in --start \1=1",
    r"give its value as in J\((\w+)=2\)": r"write it with an index, \1[k], in a sum over k",
    r"; so\.(clip_norm|clip_value|weight_decay)\(.*\) adds it": (
        r"; so.\1 adds it, in a file of your own for --import"
    ),
    r"expected True or False": "expected true or false",
    r"\bNone\b": "none",
    r"\b(batch|tolerance|steps|samples)=": r"--\1 ",
}
"""What Python's users are told, as patterns, and how it is said here."""


def in_shell_words(message: str) -> str:
    """Return a message as one line, with options in place of arguments.

    Examples
    --------
    >>> in_shell_words("it needs the smallest value of J: give it to the cost, as in "
    ...                "so.Cost(J, optimal_value=0.0)")
    'it needs the smallest value of J: give it, as in --minimum 0'
    """
    line = " ".join(message.split())
    for pattern, words in WORDS.items():
        line = re.sub(pattern, words, line)
    return line


def tell(message: str) -> None:
    """Write a line to the error stream."""
    typer.echo(f"symopt: {in_shell_words(message)}", err=True)


@contextmanager
def told_warnings() -> Iterator[None]:
    """Write warnings as lines of the command, each once."""
    told: set[str] = set()

    def show(message: Any, *_: Any, **__: Any) -> None:
        if str(message) not in told:
            told.add(str(message))
            tell(str(message))

    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("always", SymoptWarning)
        warnings.showwarning = show
        yield
