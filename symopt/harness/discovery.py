"""Where experiments lie, what they claim, and how they are loaded."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import symopt
from symopt.errors import RunError, did_you_mean

PARTS = ("CLAIM", "theory", "run", "plot")
ALL = "all"


@dataclass(frozen=True)
class Experiment:
    """An experiment's file, as read without running it.

    Attributes
    ----------
    name, path
        The file's name without its ending, and where it lies.
    title, claim
        The first line of its docstring, and its CLAIM.
    source
        Its text.
    fault
        Why it cannot be run; empty where it can.
    """

    name: str
    path: Path
    title: str = ""
    claim: str = ""
    source: str = ""
    fault: str = ""


def folder(given: Path | None = None) -> Path:
    """Return the folder of experiments: the one given, the installed one, or a checkout's.

    Raises
    ------
    RunError
        If there is none.
    """
    package = Path(symopt.__file__).parent
    if given is None:
        places = [package / "experiments", package.parent / "experiments"]
    else:
        places = [given]
    for place in places:
        if place.is_dir():
            return place
    raise RunError(
        f"no folder {' nor '.join(map(str, places))}; name the folder of experiments with --from"
    )


def read(path: Path) -> Experiment:
    """Read what a file claims, without running it.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "empty.py"
    >>> _ = file.write_text("")
    >>> read(file).fault
    'lacks a docstring, CLAIM, theory, run, plot'
    """
    try:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source, str(path))
    except (OSError, SyntaxError, ValueError) as error:
        return Experiment(path.stem, path, fault=f"cannot be read ({error})")
    values = dict(_names(tree))
    title = (ast.get_docstring(tree) or "").partition("\n")[0].strip()
    claim = _text(values.get("CLAIM"))
    lacking = ([] if title else ["a docstring"]) + [part for part in PARTS if part not in values]
    if lacking:
        fault = f"lacks {', '.join(lacking)}"
    elif claim:
        fault = ""
    else:
        fault = "has a CLAIM that is no plain text"
    return Experiment(path.stem, path, title=title, claim=claim, source=source, fault=fault)


def _names(tree: ast.Module) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield what a module defines at its top, with the value of a plain assignment."""
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name):
                yield name, None
            case ast.Assign(targets=targets, value=value):
                yield from (
                    (target.id, value) for target in targets if isinstance(target, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from ((alias.asname or alias.name, None) for alias in aliases)


def _text(node: ast.expr | None) -> str:
    try:
        if node is None:
            value = ""
        else:
            value = ast.literal_eval(node)
    except ValueError:
        return ""
    if isinstance(value, str):
        return " ".join(value.split())
    return ""


def experiments(place: Path) -> dict[str, Experiment]:
    """Return the experiments of a folder by name; files that begin with _ are none.

    Examples
    --------
    >>> experiments(folder())["terminal_velocity"].title
    'Terminal velocity: how fast each rule goes down a steady slope.'
    """
    paths = sorted(path for path in place.glob("*.py") if not path.name.startswith(("_", ".")))
    return {path.stem: read(path) for path in paths}


def choose(names: Sequence[str], place: Path) -> list[Experiment]:
    """Return experiments by their names, each once; "all" is all of them.

    A file that lacks something is refused by its name; among all it costs only its own rows.

    Raises
    ------
    RunError
        If one does not exist, or a file that was named lacks something.

    Examples
    --------
    >>> choose(["terminal_velocty"], folder())
    Traceback (most recent call last):
        ...
    symopt.errors.RunError: no experiment 'terminal_velocty' in ...
    """
    known = experiments(place)
    if not known:
        raise RunError(f"{place} holds no experiments; name another folder with --from")
    wanted = list(dict.fromkeys(known if ALL in names else names))
    for name in wanted:
        if name not in known:
            raise RunError(f"no experiment {name!r} in {place}{did_you_mean(name, known)}")
    return [known[name] if ALL in names else check_experiment(known[name]) for name in wanted]


def check_experiment(experiment: Experiment) -> Experiment:
    """Return an experiment that can be run.

    Raises
    ------
    RunError
        If its file lacks something.
    """
    if experiment.fault:
        raise RunError(
            f"{experiment.path} {experiment.fault}; an experiment has a docstring, CLAIM (a text), "
            "theory(), run(quick) and plot(outcome); begin a helper's name with _ to leave it out"
        )
    return experiment


def load(experiment: Experiment) -> ModuleType:
    """Import an experiment's file under a name of its own, so that it meets no other module.

    A file that is the running program is taken as it is.
    """
    running = sys.modules.get("__main__")
    file = getattr(running, "__file__", None)
    if (
        running is not None
        and file is not None
        and Path(file).resolve() == experiment.path.resolve()
    ):
        return running
    name = f"symopt_experiment_{experiment.name}"
    spec = importlib.util.spec_from_file_location(name, experiment.path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{experiment.path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up
    spec.loader.exec_module(module)
    return module
