"""What a kernel is compiled for, what it is, and how a cost with sums comes to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from symopt.compiler.codegen.layout import Layout
from symopt.ir.keys import Key
from symopt.ir.program import Name, Program
from symopt.ir.update import Update


@dataclass(frozen=True)
class Options:
    """What a kernel is compiled for, besides cost and rule.

    Attributes
    ----------
    lanes
        Runs in one block.
    swept
        Keys of the hyperparameters (``Given(name)``) and constants (``Constant(name)``) that
        have one value a lane; the others have one value a block.
    best
        Whether the best loss and its theta are kept.
    targets
        For how many losses the first step at or below them is kept.
    tolerance
        Whether a small gradient ends a run.
    paths
        Whether theta is recorded beside the loss.
    batch
        Whether gradients are taken over mini-batches.
    noise
        Whether gradients are noisy.
    """

    lanes: int = 1
    swept: frozenset[Key] = frozenset()
    best: bool = True
    targets: int = 0
    tolerance: bool = False
    paths: bool = True
    batch: bool = False
    noise: bool = False


@dataclass(frozen=True)
class Kernel:
    """A kernel's source, and what a driver must know to fill and read its blocks.

    Attributes
    ----------
    size
        The number of parameters, or None where the kernel serves any number.
    integers
        What the kernel wants to know when it runs, in the order of ``plan``.
    stored
        The arrays it stores on the way, which lie behind the cells.
    rerun
        Whether a step that fails leaves the block as it became, for the driver to go back.
    """

    source: str
    layout: Layout
    update: Update
    options: Options
    size: int | None
    integers: tuple[Key, ...] = ()
    stored: tuple[Name, ...] = ()
    rerun: bool = False


@dataclass(frozen=True)
class LoopCost:
    """A cost with sums, as kernels take it.

    Attributes
    ----------
    gradient
        The program of J and its gradient, over all samples.
    batch
        The program of J and its gradient over a mini-batch.
    product
        The program of the Hessian times a direction, of the samples that the rule sees.
    matrices
        The programs of "hessian" and "gauss_newton", each times a direction.
    arrays
        The parameter arrays, in the order of theta.
    constants
        The keys of the constants.
    data
        The data arrays and their kinds: f for numbers, i for integers.
    """

    gradient: Program
    batch: Program | None
    arrays: tuple[Name, ...]
    constants: tuple[Key, ...]
    data: Mapping[Name, str]
    product: Program | None = None
    matrices: Mapping[str, Program] = field(default_factory=dict)
