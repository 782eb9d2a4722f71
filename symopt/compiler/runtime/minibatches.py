"""Which samples the mini-batch of each step holds, as a pure function of seed and step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.compiler.codegen.printer import module_source
from symopt.compiler.jit.cache import kernel

HEAD, CHOICES = 8, 1024  # the parts of a plan before the order, as ``shuffle`` has them
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batches:
    """The mini-batches of a run: one endless sequence of samples, cut into pieces of ``batch``.

    Without replacement the sequence is one random permutation after another, one for each epoch,
    so every sample is seen equally often, and a batch may begin in one epoch and end in the next.
    With replacement samples are independent.

    Several threads may use one object: each holds the permutation of its last epoch for itself.

    Attributes
    ----------
    count
        How many samples there are.
    batch
        How many of them a step sees.
    seed
        A whole number, 0 <= seed < 2**63.
    replace
        Whether samples are drawn with replacement.
    """

    count: int
    batch: int
    seed: int
    replace: bool = False
    _held: local = field(default_factory=local, init=False, repr=False, compare=False)

    def indices(self, first: int, last: int) -> Indices:
        """Return the samples of the steps ``first`` to ``last``, one row for each.

        >>> Batches(count=5, batch=2, seed=0).indices(1, 5)
        array([[3, 0],
               [4, 2],
               [1, 0],
               [2, 3],
               [1, 4]])
        """
        start, stop = (first - 1) * self.batch, last * self.batch
        # independent samples come in pairs, two from one block of random bits
        if self.replace:
            before, after = (start % 2, stop % 2)
        else:
            before, after = (0, 0)
        samples = np.empty(before + stop - start + after, dtype=np.int64)
        plan = self._plan()
        plan[2:6] = start - before, stop + after, start // self.count, -(-stop // self.count)
        _kernel(self.replace)(np.empty(0), plan, samples.view(np.float64))
        return samples[before : before + stop - start].reshape(-1, self.batch)

    def _plan(self) -> Indices:
        """Return this thread's plan, in which the order of an epoch outlasts a call."""
        plan: Indices | None = getattr(self._held, "plan", None)
        if plan is None:
            plan = self._held.plan = np.empty(
                HEAD + CHOICES + (0 if self.replace else self.count), dtype=np.int64
            )
            plan[:HEAD] = self.count, self.seed - 2**63, 0, 0, 0, 0, -1, 0
        return plan


@cache
def _kernel(replace: bool) -> Callable[..., Any]:
    return kernel(source(replace))


def source(replace: bool) -> str:
    """Return the file of the kernel that draws with or without replacement."""
    name = "without_replacement"
    if replace:
        name = "with_replacement"
    return module_source("draw", [f"plan[7] = {name}(plan, out)"], [name])
