"""Random pairs of a rule and a cost: in lanes, alone, in chunks and in plain Python a kernel gives the same bits."""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from properties.random_expressions import random_expression

import symopt as so
from symopt.compiler.jit import cache
from symopt.compiler.runtime import blocks

STARTS, STEPS, LARGEST = 9, 15, 60
WRAPPERS = [
    lambda rule: rule, lambda rule: rule, lambda rule: rule, lambda rule: so.clip_norm(rule, 2.0),
    lambda rule: so.noisy(rule, 0.1), lambda rule: so.lookahead(rule, k=3), so.restart, so.average,
    lambda rule: so.average(so.noisy(so.clip_norm(rule, 5.0), 0.1)),
]  # fmt: skip


def random_pair(seed: int, number: int) -> tuple[so.Cost, Any, np.ndarray]:
    """Return a cost, a rule that may be wrapped, and starts."""
    rng = np.random.default_rng([seed, number, 7])
    while True:
        expression = random_expression(rng)
        cost = so.Cost(expression, optimal_value=-1.0)
        if sum(bool(node.args) for node in cost.program.nodes) <= LARGEST:
            break
    names = sorted(so.optimizers)
    rule = so.optimizers[names[int(rng.integers(len(names)))]]
    if "eta" in rule.values and rng.random() < 0.3:
        rule = rule(eta=0.1 * 0.99**so.t)
    wrapped = WRAPPERS[int(rng.integers(len(WRAPPERS)))](rule)
    return cost, wrapped, rng.uniform(-1.5, 1.5, (STARTS, cost.size))


def check_pair(seed: int, number: int) -> str:
    """Return "same" if a pair's bits are, or why symopt refuses the pair; raise AssertionError where they differ."""
    try:
        cost, rule, starts = random_pair(seed, number)
        together = sweep(cost, rule, starts)
    except so.SymoptError as error:
        return f"refused: {type(error).__name__}"
    for k in (0, STARTS - 1):
        _compare_alone(cost, rule, starts[k], k, together)
    for other_way in (small_chunks, in_plain_python):
        with other_way():
            again = sweep(cost, rule, starts)
        for name, values in together.variables.items():
            if values.dtype.kind in "fi":
                np.testing.assert_array_equal(values.values, again[name].values, err_msg=name)
    return "same"


def sweep(cost: so.Cost, rule: Any, starts: np.ndarray) -> Any:
    return so.sweep(
        cost, {"it": rule}, starts, STEPS, record=[0, 7, STEPS], targets=[0.5], tolerance=1e-3
    )["it"]


def _compare_alone(cost: so.Cost, rule: Any, start: np.ndarray, k: int, together: Any) -> None:
    alone = so.minimize(cost, rule, start, STEPS, record=[0, 7, STEPS], rng=(0, k), tolerance=1e-3)
    one = together.isel(start=k)
    np.testing.assert_array_equal(alone.theta, one["theta"])
    np.testing.assert_array_equal(alone.best_theta, one["best_theta"])
    np.testing.assert_array_equal(alone.history["theta"], one["history_theta"])
    np.testing.assert_array_equal(
        [alone.loss, alone.best_loss, alone.steps], [one["loss"], one["best_loss"], one["steps"]]
    )


@contextmanager
def small_chunks() -> Iterator[None]:
    """Run kernels a few steps at a time."""
    before = blocks.FIRST_CHUNK, blocks.CHUNK_SECONDS
    blocks.FIRST_CHUNK, blocks.CHUNK_SECONDS = 7, 0.0
    try:
        yield
    finally:
        blocks.FIRST_CHUNK, blocks.CHUNK_SECONDS = before


@contextmanager
def in_plain_python() -> Iterator[None]:
    """Run kernels' own sources as Python."""
    before = cache.kernel
    cache.kernel = _quiet
    try:
        yield
    finally:
        cache.kernel = before


def _quiet(source: str) -> Any:
    def advance(*arguments: Any) -> None:
        with np.errstate(all="ignore"):  # here, as each thread has its own
            cache.load(source).advance(*arguments)

    return advance


def check_pairs(seed: int, number: int, processes: int = 2) -> Counter[str]:
    """Return what became of so many pairs; one that differs is named."""
    with ProcessPoolExecutor(processes) as pool:
        return Counter(pool.map(_checked, [seed] * number, range(number), chunksize=10))


def _checked(seed: int, number: int) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", so.SymoptWarning)
        try:
            return check_pair(seed, number)
        except AssertionError as error:
            return f"other bits: seed {seed}, number {number}: {str(error).strip()[:300]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    print(f"pairs of a rule and a cost, seed {given.seed}")
    for word, count in sorted(check_pairs(given.seed, given.number, given.processes).items()):
        print(f"{count:8d}  {word}")


if __name__ == "__main__":
    main()
