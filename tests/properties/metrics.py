"""How the source reads, in numbers with limits: python tests/properties/metrics.py [--by-folder] [--where].

Density is counted per line of code: a line with a token that is neither comment nor docstring.
"""

import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "symopt"

LIMITS = {
    "modules in the root": 8,
    "longest function body, lines": 50,
    "conditional expressions per 1000 lines": 20.0,
    "nested comprehensions per 1000 lines": 2.0,
    "tokens per line": 9.8,
    "calls with more than 5 positional arguments": 25,
    "public names that hide a module": 0,
}

SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Source:
    """The counts of one file, or of many together."""

    lines: int = 0
    tokens: int = 0
    longest_body: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    places: list[tuple[str, str]] = field(default_factory=list)

    def __iadd__(self, other: "Source") -> Self:
        self.lines += other.lines
        self.tokens += other.tokens
        self.longest_body = max(self.longest_body, other.longest_body)
        self.counts += other.counts
        self.places += other.places
        return self


def docstring_lines(tree: ast.Module) -> set[int]:
    """Return the numbers of the lines that docstrings fill."""
    owners = (
        node for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS))
    )
    found: set[int] = set()
    for owner in owners:
        if ast.get_docstring(owner, clean=False) is None:
            continue
        text = owner.body[0]
        found.update(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    return found


def spoken_tokens(text: str, silent_lines: set[int]) -> Iterator[tokenize.TokenInfo]:
    """Yield the tokens that are code."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in SILENT or token.start[0] in silent_lines:
            continue
        yield token


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the length of a function's body, its docstring left out."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def findings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the kind and the line of whatever makes a statement dense."""
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            yield "conditional", node.lineno
        if isinstance(node, COMPREHENSIONS) and len(node.generators) > 1:
            yield "nested", node.lineno
        if isinstance(node, ast.Call) and len(node.args) > 5:
            yield "positional", node.lineno


def measure(path: Path) -> Source:
    """Return the counts of one file."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    tokens = list(spoken_tokens(text, docstring_lines(tree)))
    result = Source(len({token.start[0] for token in tokens}), len(tokens))
    bodies = [body_lines(node) for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    result.longest_body = max(bodies, default=0)
    for kind, line in findings(tree):
        result.counts[kind] += 1
        result.places.append((kind, f"{path.relative_to(ROOT)}:{line}"))
    return result


def hidden_modules() -> list[str]:
    """Return the modules that cannot be reached by their path, since their package has a name like theirs."""
    import importlib
    import types

    found = []
    for init in sorted(PACKAGE.rglob("__init__.py")):
        package = ".".join(init.parent.relative_to(ROOT).parts)
        loaded = importlib.import_module(package)
        for module in init.parent.glob("[!_]*.py"):
            value = getattr(loaded, module.stem, None)
            if value is not None and not isinstance(value, types.ModuleType):
                found.append(f"{package}.{module.stem}")
    return found


def summary(total: Source) -> dict[str, float]:
    """Return every measure that has a limit."""
    thousands = max(total.lines, 1) / 1000
    return {
        "modules in the root": len(list(PACKAGE.glob("*.py"))),
        "longest function body, lines": total.longest_body,
        "conditional expressions per 1000 lines": total.counts["conditional"] / thousands,
        "nested comprehensions per 1000 lines": total.counts["nested"] / thousands,
        "tokens per line": total.tokens / max(total.lines, 1),
        "calls with more than 5 positional arguments": total.counts["positional"],
        "public names that hide a module": len(hidden_modules()),
    }


def show_folders(sources: dict[Path, Source]) -> None:
    """Print the density of each folder."""
    folders: dict[str, Source] = {}
    for path, source in sources.items():
        folders.setdefault(str(path.parent.relative_to(ROOT)), Source()).__iadd__(source)
    for folder, one in sorted(folders.items()):
        per = max(one.lines, 1) / 1000
        print(
            f"{folder:36} {one.lines:6} lines {one.tokens / max(one.lines, 1):5.1f} tokens a line,"
            f" {one.counts['conditional'] / per:5.1f} conditional and {one.counts['nested'] / per:4.1f} nested per 1000,"
            f" {one.counts['positional']:3} long calls, longest body {one.longest_body}"
        )


def main(arguments: list[str]) -> int:
    """Print the measures and return 1 if one is over its limit."""
    sources = {path: measure(path) for path in sorted(PACKAGE.rglob("*.py"))}
    total = Source()
    for source in sources.values():
        total += source
    if "--by-folder" in arguments:
        show_folders(sources)
    if "--where" in arguments:
        for kind, place in total.places:
            print(kind, place)
    found = summary(total)
    for name, limit in LIMITS.items():
        verdict = "ok" if found[name] <= limit else "TOO MANY"
        print(f"{name:48} {found[name]:8.2f}  limit {limit:6}  {verdict}")
    return int(any(found[name] > limit for name, limit in LIMITS.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
