"""The errors of symopt: each says what was given, what is expected and how to mend it.

SymoptError                base of all
├── CostError              a cost that cannot be used: its symbols, its functions, its values
│   └── UnsupportedError   a function or node that has no machine code or no derivative
├── RuleError              an optimizer that cannot be used, or hyperparameters it does not have
├── ParseError             text that is not a cost
└── RunError               a start, a number of steps, a recording that cannot be run
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SymoptError(ValueError):
    """Base of all errors that symopt raises on purpose."""


class CostError(SymoptError):
    """The cost cannot be used as given."""


class UnsupportedError(CostError):
    """The cost holds something that has no machine code or no derivative."""


class RuleError(SymoptError):
    """The optimizer, or a hyperparameter given to it, cannot be used."""


class ParseError(SymoptError):
    """The text is not an expression that symopt reads."""


class RunError(SymoptError):
    """The run or sweep cannot be started as asked."""


class SymoptWarning(UserWarning):
    """Something works, but not as well as it could."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest a known word, as " (did you mean 'adam'?)", or list all where none is near."""
    names = list(known)
    near = suggestion(word, names)
    if near:
        return f" (did you mean {near!r}?)"
    return f" (known: {', '.join(names) or 'none'})"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the known word that is nearest to a word; empty where none is near."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), "")
