"""Reads --rule and --import: published rules, the user's own, other libraries', SciPy's methods."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from symopt.cli.arguments import split
from symopt.costs.parser import expression
from symopt.errors import ParseError, RuleError, SymoptError, did_you_mean, suggestion
from symopt.interop.like import find, like
from symopt.interop.scipy.methods import METHODS
from symopt.interop.scipy.minimize import SciPyRule
from symopt.optim.registry import RULES
from symopt.rules.foreign_names import RATE, suggest
from symopt.rules.rule import Rule, same
from symopt.rules.symbols import T, t
from symopt.runs.tuning import Maker, rate_name

SCIPY = "scipy:"
OURS = ("so", "symopt")
"""What Python calls this package: its rules have no such name in front here."""
WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Entrant:
    """A rule of a race.

    Attributes
    ----------
    rule
        The rule, with the values that are given.
    family
        How it is called behind --rule: "adam", "torch.optim.Adam", "scipy:BFGS".
    given
        Its values, as they are written there.
    rate
        What its learning rate is called there, where it is to be tuned; else empty.
    """

    rule: Rule
    family: str
    given: Mapping[str, Any]
    rate: str = ""

    @property
    def maker(self) -> Maker:
        """From learning rates to the rule."""
        if "." in self.family:
            return lambda rates: like(self.family, **{**self.given, self.rate: rates})
        return lambda rates: self.rule(**{self.rate: rates})

    def spelled(self, rate: float | None = None) -> str:
        """Write the rule with its values, as --rule takes it."""
        values = dict(self.given)
        if not self.is_foreign:
            values |= {**self.rule.hyperparameters, **self.given}
        if rate is not None:
            values[self.rate] = rate
        shown = ",".join(f"{key}={_written(value)}" for key, value in values.items())
        return f"{self.family}:{shown}" if shown else self.family

    @property
    def is_foreign(self) -> bool:
        """Whether it is another library's: what that library sets by itself is not written."""
        return "." in self.family or self.family.startswith(SCIPY)


def entrant(name: str, rule: Rule) -> Entrant:
    """Return a known rule without values of the user's own."""
    return Entrant(rule, name, {}, open_rate(rule))


def open_rate(rule: Rule) -> str:
    """Return the name of a learning rate that is still the default; else nothing."""
    name = rate_name(rule)
    if name and same(rule.values[name], rule.defaults[name]):
        return name
    return ""


def read_rules(texts: list[str], own: Mapping[str, Rule]) -> dict[str, Entrant]:
    """Read rules such as ``adam:eta=0.02``; one that occurs twice is named by its text.

    Raises
    ------
    RuleError
        If a text is no rule, or does not fit it, or occurs twice.
    """
    found: dict[str, Entrant] = {}
    families = [_family(text) for text in texts]
    for family, text in zip(families, texts, strict=True):
        one = _entrant(text, own)
        name = one.family if families.count(family) == 1 else text.strip()
        if name in found:
            raise RuleError(f"--rule {text!r} is given twice; expected it once")
        found[name] = one
    return found


def _family(text: str) -> str:
    """Return what is in front of the values."""
    name = text.strip()
    if name.lower().startswith(SCIPY):
        return SCIPY + name[len(SCIPY) :].strip()
    return name.partition(":")[0].strip()


def _entrant(text: str, own: Mapping[str, Rule]) -> Entrant:
    family = _family(text)
    if family.startswith(SCIPY):
        return _of_scipy(family.removeprefix(SCIPY), text)
    if not re.fullmatch(r"[\w.-]*", family):
        name = re.split(r"[^\w.-]", family)[0] or "adam"
        raise RuleError(
            f"--rule {text!r}: cannot read {family!r}; expected a name, and a colon before its "
            f"values, as in {name}:eta=0.02"
        )
    values = _assignments(text)
    if family.partition(".")[0].lower() == "scipy":
        return _of_scipy(family.rpartition(".")[2], text)
    if "." in family and family.partition(".")[0] not in OURS:
        return _of_library(family, values, text)
    known = {**RULES, **own}
    if family not in known:
        raise RuleError(f"--rule {text!r}: there is no rule {family!r}{_near(family, known)}")
    base = known[family]
    given = {key: _value(value, base.defaults.get(key), text) for key, value in values.items()}
    rate = open_rate(base)
    return Entrant(base(**given), family, given, "" if rate in given else rate)


def _near(family: str, known: Mapping[str, Rule]) -> str:
    """Return what may have been meant, a method of SciPy too."""
    methods = {name.lower().replace("-", ""): name for name in METHODS}
    plain = family.lower().replace("-", "").replace("_", "")
    if plain in methods or plain == "lbfgs":
        return f" (did you mean {SCIPY + methods.get(plain, 'L-BFGS-B')!r}?)"
    if family.rpartition(".")[2] in known:
        return f" (did you mean {family.rpartition('.')[2]!r}?)"
    if suggestion(family, known):
        return did_you_mean(family, known)
    return "; symopt show lists the rules"


def _of_scipy(method: str, text: str) -> Entrant:
    by_name = {known.lower(): known for known in METHODS}
    if method.lower() not in by_name:
        plain = method.partition(":")[0].partition(",")[0]
        cure = did_you_mean(method, METHODS)
        if near := suggestion(method.lower(), by_name):
            cure = f" (did you mean {by_name[near]!r}?)"
        if plain.lower() in by_name:
            cure = f"; a method takes no values: expected --rule {SCIPY}{by_name[plain.lower()]}"
        raise RuleError(
            f"--rule {text!r}: SciPy's method {method!r} is not one of those here{cure}"
        )
    proper = by_name[method.lower()]
    return Entrant(SciPyRule.named(METHODS[proper]), SCIPY + proper, {})


def _of_library(family: str, values: Mapping[str, str], text: str) -> Entrant:
    """Return a class of another library, and its learning rate where that is not given."""
    found = find(family)
    arguments = found.arguments
    for key in values:
        if found.renamed.get(key, key) not in {*arguments, *found.fixed}:
            near = suggest(key, family, arguments, ranges={})
            raise RuleError(f"--rule {text!r}: {family} has no argument {key!r}{near}")
    given = {key: _value(value, arguments.get(key), text) for key, value in values.items()}
    rate = next((name for name in RATE if name in arguments), "")
    if rate in {found.renamed.get(key, key) for key in given}:
        rate = ""
    missing = {rate: 0.001} if rate else {}
    return Entrant(like(family, **{**given, **missing}), family, given, rate)


def _assignments(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in filter(None, split(text.partition(":")[2])):
        key, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not value:
            raise RuleError(
                f"--rule {text!r}: cannot read {part!r}; expected name=value, as in "
                "adam:eta=0.02,beta1=0.9"
            )
        if key in given:
            raise RuleError(f"--rule {text!r}: {key} is given twice")
        given[key] = value
    return given


def _value(value: str, default: Any, text: str) -> Any:
    """Read a number, an option, a group of numbers, or a schedule in t and T."""
    if value.lower() in WORDS:
        return WORDS[value.lower()]
    if isinstance(default, str):
        return value.strip("'\"")
    if value[0] in "([" and value[-1] in ")]":
        return _group(value, default, text)
    if re.fullmatch(r"\d{1,18}", value) and isinstance(default, int):
        return int(value)
    try:
        return float(value)
    except ValueError:
        pass
    return _schedule(value, text)


def _group(value: str, default: Any, text: str) -> tuple[Any, ...]:
    """Read numbers in brackets, where a class takes them, as betas=(0.9,0.99)."""
    if not isinstance(default, tuple):
        raise RuleError(f"--rule {text!r}: {value} is more than one number; expected one")
    return tuple(_value(part, None, text) for part in filter(None, split(value[1:-1])))


def _schedule(value: str, text: str) -> Any:
    try:
        read = expression(value)
    except ParseError as error:
        raise RuleError(f"--rule {text!r}: {error}") from None
    if not read.free_symbols and read.is_number:
        return float(read)
    return read.xreplace(
        {symbol: {"t": t, "T": T}.get(symbol.name, symbol) for symbol in read.free_symbols}
    )


def _written(value: Any) -> str:
    """Write a value as it is read."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, tuple):
        return f"({','.join(map(_written, value))})"
    return str(value).replace(" ", "")


def import_rules(file: str | None) -> dict[str, Rule]:
    """Run the user's own file, as Python imports it, and return the rules in it by their names.

    Raises
    ------
    RuleError
        If it cannot be read or run, or holds no rule.
    """
    if file is None:
        return {}
    path = Path(file).expanduser()
    where = f"--import {file}"
    if path.suffix != ".py":
        raise RuleError(f"{where}: expected a file of Python that ends in .py, as in rules.py")
    if not path.is_file():
        raise RuleError(f"{where}: there is no such file")
    before = list(sys.path)
    sys.path.insert(0, str(path.parent))  # what lies beside it can be imported, as from a script
    try:
        found = vars(_run_file(path))
    except SymoptError as error:
        raise RuleError(f"{where}: {error}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever the user's own file does
        raise RuleError(f"{where}{_line(error, path)}: {_said(error)}") from None
    finally:
        sys.path[:] = before
    known = {id(rule) for rule in RULES.values()}
    rules = {
        key: one for key, one in found.items() if isinstance(one, Rule) and id(one) not in known
    }
    if not rules:
        raise RuleError(f"{where} defines no rule; expected functions with @so.rule above them")
    return rules


def _run_file(path: Path) -> ModuleType:
    name = f"_imported_{re.sub(r'[^a-zA-Z0-9]', '_', path.stem)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _line(error: BaseException, path: Path) -> str:
    """Say in which line of the file an error arose, where that is known."""
    line = getattr(error, "lineno", None)
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).resolve() == path.resolve():
            line = frame.lineno
    return f", line {line}" if line else ""


def _said(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return error.msg
    return f"{type(error).__name__}: {error}"
