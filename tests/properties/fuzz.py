"""Random expressions through symopt, judged against 50 digits: ``make fuzz``.

Each expression has a number: together with the seed it gives the expression, its points and directions.
Most are evaluated by symopt's programs in plain Python (the bits of the kernel without compiling it), one in
``COMPILED`` by the compiled functions too, which must give the same bits.
"""

from __future__ import annotations

import argparse
import math
import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
from properties.judgement import Fault, faults
from properties.random_expressions import random_expression
from properties.special_points import direction, random_point, special_point
from properties.tape import Tape

import symopt as so
from symopt.compiler.codegen.pointwise_function import Function
from symopt.compiler.runtime import interpreter

COMPILED = 50
LONGEST = 20.0
REFUSED = "refused"


class PlainFunction(Function):
    """A program's function that is evaluated in plain Python."""

    def __call__(self, values: Any) -> dict[Any, Any]:
        keys = list(values)
        columns = np.broadcast_arrays(*(np.asarray(values[key], dtype=float) for key in keys))
        rows = [
            interpreter.evaluate(self.program, dict(zip(keys, row, strict=True)))
            for row in zip(*(column.ravel() for column in columns), strict=True)
        ]
        return {key: np.reshape([row[key] for row in rows], columns[0].shape) for key in rows[0]}


class PlainCost(so.Cost):
    """A cost whose functions are not compiled."""

    def _function(self, program: Any) -> Function:
        made = super()._function(program)
        return PlainFunction(made.program, made.inputs, made.labels)


class TooLongError(Exception):
    """The time for one expression is over."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooLongError in the block after so many seconds of the processor."""

    def end(*_: Any) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


@dataclass
class Case:
    """An expression at a point and a direction."""

    expression: sp.Expr
    point: np.ndarray
    v: np.ndarray

    @property
    def symbols(self) -> list[sp.Symbol]:
        return sorted(self.expression.free_symbols, key=str)

    def __str__(self) -> str:
        real = all(symbol.is_real for symbol in self.symbols)
        at = ", ".join(map(repr, map(float, self.point)))
        v = ", ".join(map(repr, map(float, self.v)))
        return f"{self.expression}  at [{at}], v = [{v}]{', real symbols' if real else ''}"


@dataclass
class Report:
    """What was found: counts of points by class, and cases with their faults."""

    counts: Counter[str] = field(default_factory=Counter)
    found: list[tuple[int, Case, list[Fault]]] = field(default_factory=list)
    crashes: list[tuple[int, str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: Report) -> None:
        self.counts += other.counts
        self.found += other.found
        self.crashes += other.crashes
        self.seconds = max(self.seconds, other.seconds)


def cases(seed: int, number: int) -> list[Case]:
    """Return an expression, at a random and at a special point."""
    rng = np.random.default_rng([seed, number])
    expression = random_expression(rng)
    n = len(expression.free_symbols)
    return [
        Case(expression, make(rng, n), direction(rng, n)) for make in (random_point, special_point)
    ]


def results(cost: so.Cost, case: Case) -> list[float]:
    """Return value, gradient and Hessian-vector product, one after the other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", so.SymoptWarning)
        parts = cost.value(case.point), cost.grad(case.point), cost.hvp(case.point, case.v)
    return [float(entry) for part in parts for entry in np.atleast_1d(part)]


def try_case(case: Case, compiled: bool = False) -> tuple[list[Fault], str]:
    """Return what is wrong at a point."""
    with at_most(LONGEST):
        found = results(PlainCost(case.expression, params=case.symbols), case)
        if compiled:
            np.testing.assert_array_equal(
                found, results(so.Cost(case.expression, params=case.symbols), case)
            )
    try:
        with at_most(LONGEST):
            return faults(Tape(case.expression, case.symbols), case.point, case.v, found)
    except TooLongError:
        return [], "too hard for the reference"


def try_number(seed: int, number: int) -> Report:
    """Return what is wrong with an expression, by its number."""
    report = Report()
    made: list[Case] = []
    try:
        with at_most(LONGEST):
            made = cases(seed, number)
    except TooLongError:
        report.counts["SymPy took too long to make it"] += 1
        return report
    report.counts["expressions"] += 1
    for case in made:
        _try_into(report, number, case, compiled=number % COMPILED == 0)
    return report


def _try_into(report: Report, number: int, case: Case, compiled: bool) -> None:
    start = time.process_time()
    try:
        found, word = try_case(case, compiled)
    except so.SymoptError as error:
        report.counts[REFUSED] += 1
        report.counts[f"{REFUSED}: {type(error).__name__}: {str(error)[:60]}"] += 1
        return
    except TooLongError:
        report.crashes.append((number, str(case), traceback.format_exc(limit=-3)))
        report.counts["over 20 s"] += 1
        return
    except Exception:  # noqa: BLE001  whatever it is, it is a finding
        report.crashes.append((number, str(case), traceback.format_exc(limit=-3)))
        report.counts["crash"] += 1
        return
    report.seconds = max(report.seconds, time.process_time() - start)
    report.counts["points"] += 1
    report.counts[f"points {word}"] += 1
    for kind in {fault.kind for fault in found}:
        report.counts[f"class {kind}"] += 1
    if found:
        report.found.append((number, case, found))


def try_numbers(seed: int, numbers: Sequence[int], end: float) -> Report:
    """Return what is wrong with several, as far as there is time until ``end``."""
    report = Report()
    for number in numbers:
        if time.time() < end:
            report.add(try_number(seed, number))
    return report


def run(
    seed: int, number: int, processes: int = 1, first: int = 0, seconds: float = math.inf
) -> Report:
    """Try so many expressions, or as many as there is time for."""
    report, end = Report(), time.perf_counter() + seconds
    if processes == 1:
        for k in range(first, first + number):
            if time.perf_counter() < end:
                report.add(try_number(seed, k))
        return report
    blocks = [range(k, min(k + 20, first + number)) for k in range(first, first + number, 20)]
    with ProcessPoolExecutor(processes) as pool:
        waiting = [pool.submit(try_numbers, seed, block, time.time() + seconds) for block in blocks]
        for made in waiting:
            report.add(made.result())
    return report


# Shrinking


def shrunk(case: Case, kind: str, seconds: float = 20.0) -> Case:
    """Return a smaller case with a fault of the same class."""
    end = time.perf_counter() + seconds
    progress = True
    while progress and time.perf_counter() < end:
        progress = False
        for smaller in _smaller(case):
            if time.perf_counter() > end:
                break
            if _has(smaller, kind):
                case, progress = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    expression = case.expression
    parts = sorted(
        {p for p in sp.preorder_traversal(expression) if isinstance(p, sp.Expr) and p.args},
        key=_length,
    )
    for part in parts:
        if part != expression:
            yield _with(case, part)
    for part in reversed(parts):
        for child in (*part.args, *case.symbols, sp.S.One):
            if isinstance(child, sp.Expr) and _length(child) < _length(part):
                yield _with(case, expression.xreplace({part: child}))


def _length(part: sp.Basic) -> int:
    return sum(1 for _ in sp.preorder_traversal(part))


def _with(case: Case, expression: sp.Expr) -> Case:
    keep = [k for k, symbol in enumerate(case.symbols) if symbol in expression.free_symbols]
    return Case(expression, case.point[keep], case.v[keep])


def _has(case: Case, kind: str) -> bool:
    try:
        return len(case.point) > 0 and any(fault.kind == kind for fault in try_case(case)[0])
    except Exception:  # noqa: BLE001  SymPy cannot build it, or symopt refuses it
        return False


def print_report(report: Report, worst: int, shrink: bool) -> None:
    """Print counts, and the worst cases of each class, made smaller if wished."""
    for word, count in sorted(report.counts.items()):
        print(f"{count:8d}  {word}")
    print(f"{report.seconds:8.1f}  s for the slowest point")
    for number, case, text in report.crashes[:worst]:
        print(f"\nCRASH number {number}: {case}\n{text}")
    kinds = sorted({fault.kind for _, _, found in report.found for fault in found})
    for kind in kinds:
        print(f"\n--- class {kind}")
        of_kind = [(n, case, next(f for f in found if f.kind == kind)) for n, case, found in report.found
                   if any(f.kind == kind for f in found)]  # fmt: skip
        of_kind.sort(key=lambda one: (-min(one[2].error, 1.0), _length(one[1].expression)))
        for number, case, _ in of_kind[:worst]:
            small = shrunk(case, kind) if shrink else case
            print(f"number {number}: {small}")
            for fault in try_case(small)[0]:
                print(f"      {fault}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--worst", type=int, default=5, help="cases to print of each class")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop after so long")
    given = parser.parse_args()
    start = time.perf_counter()
    report = run(given.seed, given.number, given.processes, given.first, given.seconds)
    print(f"seed {given.seed}, {given.number} expressions, {time.perf_counter() - start:.0f} s")
    print_report(report, given.worst, not given.no_shrink)


if __name__ == "__main__":
    main()
