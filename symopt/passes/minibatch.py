"""Mini-batches: the sum over samples as a sum over a few of them that are drawn.

The sum over the sample index becomes m/B times the sum over the B samples of a batch, which has
the same mean, where that sum enters the cost linearly. Elsewhere the mean of the function is not
the function of the mean, and a batch is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from symopt.autodiff.reverse import NOWHERE, reverse
from symopt.errors import CostError
from symopt.ir.index import (
    Affine,
    IndirectIndex,
    Loop,
    Size,
    bounds_of,
    constant,
    length,
    plus,
    variable,
)
from symopt.ir.keys import SizeValue
from symopt.ir.ops import OPERATIONS
from symopt.ir.program import Graph, IndexValue, Load, Name, Program
from symopt.passes.gather import with_indices

STEPS = {one.name for one in OPERATIONS.values() if one.step}
BATCH: Name = ("drawn", "samples")
"""The names of the samples of a mini-batch and of their number."""
BATCH_SIZE = "size of a batch"


def _batch_loop(loop: Loop) -> Loop:
    """Return the loop over the samples of a batch, in the place of that over all."""
    return Loop(loop.order, "drawn", constant(0), plus(variable(Size(BATCH_SIZE)), constant(-1)))


def estimate_from_batch(value: Program, samples: str) -> Program:
    """Return the program of the estimate of J from the samples in the array ``BATCH``.

    Raises
    ------
    CostError
        If the sum over ``samples`` does not enter J linearly, or runs over something else too.
    """
    graph = Graph()
    outputs = graph.inline(value, graph.input)
    loop = sample_loop(value, samples)
    _refuse_nonlinear(graph, outputs["J"], loop)
    stored = {
        s.array: [axis for axis, at in enumerate(s.at) if at == variable(loop)]
        for s in value.statements
        if loop in s.loops
    }
    _refuse_elsewhere(graph, loop, stored)
    drawn = _batch_loop(loop)
    new = {loop: plus(variable(IndirectIndex(BATCH, (variable(drawn),))), loop.low)}
    statements = []
    for statement in value.statements:
        node = outputs[statement.key]
        if _holds(graph, loop, node):
            raise CostError(
                f"a mini-batch is refused: {statement.array[1]} is stored and sums over all samples"
            )
        if loop in statement.loops:
            at = tuple(_place(index, loop) for index in statement.at)
            loops = tuple(drawn if one == loop else one for one in statement.loops)
            statement = statement._replace(at=at, loops=loops)  # noqa: PLW2901
        outputs[statement.key] = _at_drawn_sample(graph, node, loop, new=new, stored=stored)
        statements.append(statement)
    outputs["J"] = _scale_sums(graph, outputs["J"], loop, new=new, stored=stored)
    return graph.program(outputs, statements)


def sample_loop(value: Program, samples: str) -> Loop:
    """Return the loop over the samples."""
    found = {
        node.payload
        for node in value.nodes
        if isinstance(node.payload, Loop) and node.payload.name == samples
    }
    every = chain.from_iterable(s.loops for s in value.statements)
    found |= {loop for loop in every if loop.name == samples}
    if len(found) != 1:
        ranges = "several ranges"
        if not found:
            ranges = "no range"
        raise CostError(
            f"the sample index {samples} has {ranges} in the cost; a mini-batch needs just one"
        )
    (loop,) = found
    if bounds_of(loop):
        raise CostError(
            f"the range of the sample index {samples} depends on another index; a mini-batch needs "
            "a fixed one"
        )
    return loop


def _refuse_elsewhere(graph: Graph, loop: Loop, stored: Mapping[Name, Sequence[int]]) -> None:
    """Refuse where what is stored for a sample is read for another one."""
    for node in list(graph.nodes):
        key = node.payload
        if isinstance(key, Load):
            read = key
        else:
            read = Load(("", ""), ())
        if any(read.at[axis] != variable(loop) for axis in stored.get(read.array, ())):
            raise CostError(
                f"a mini-batch is refused: {read.array[1]} is stored for the samples of a batch, "
                "but read at another "
                f"index than {loop.name}"
            )
        if isinstance(key, Loop) and loop in bounds_of(key):
            raise CostError(
                f"a mini-batch is refused: the range of {key.name} depends on the sample index "
                f"{loop.name}"
            )


def _refuse_nonlinear(graph: Graph, top: int, loop: Loop) -> None:
    """Raise unless J is linear in the sum over samples, so that a batch is unbiased."""
    for number, node in enumerate(list(graph.nodes)):
        if node.op in STEPS and _holds(graph, loop, number):
            raise CostError(
                "a mini-batch is refused: a condition or a step depends on a sum over the sample "
                f"index {loop.name}, "
                "which does not enter the cost linearly"
            )
    adjoints = reverse(graph, top, {NOWHERE: graph.const(1.0)})
    for number, by_domain in adjoints.items():
        node = graph.nodes[number]
        if node.payload != loop or (
            node.op == "sum" and not _holds(graph, loop, *by_domain.values())
        ):
            continue
        what = {"sum": "the sum", "prod": "a product", "peak": "a logsumexp"}[node.op]
        raise CostError(
            f"a mini-batch is refused: {what} over the sample index {loop.name} does not enter the "
            "cost linearly, "
            "so that the mean over batches would not be the cost; "
            "expected weights times sums over it, as in sympy.Sum(..., (k, 0, m - 1))/m"
        )


def _holds(graph: Graph, loop: Loop, *roots: int) -> bool:
    return any(node.payload == loop for node in graph.reachable(*roots))


def _scale_sums(
    graph: Graph, top: int, loop: Loop, new: dict[Loop, Affine], stored: Collection[Name]
) -> int:
    """Return a node with each sum over samples replaced by m/B times that over the batch."""
    sums = [n for n in range(top + 1) if graph.nodes[n].payload == loop]
    factor = graph.op(
        "div", graph.input(IndexValue(length(loop))), graph.input(SizeValue(BATCH_SIZE))
    )
    replaced: dict[int, int] = {}
    for number in sums:
        body = graph.replace(graph.nodes[number].args[0], replaced)
        drawn = graph.reduce(
            "sum", _batch_loop(loop), _at_drawn_sample(graph, body, loop, new=new, stored=stored)
        )
        replaced[number] = graph.op("mul", factor, drawn)
    return graph.replace(top, replaced)


def _at_drawn_sample(
    graph: Graph, node: int, loop: Loop, new: dict[Loop, Affine], stored: Collection[Name]
) -> int:
    """Return a node at a drawn sample; what is stored lies at its place in the batch."""
    reads = {
        n: graph.nodes[n].payload
        for n in range(node + 1)
        if isinstance(graph.nodes[n].payload, Load)
    }
    here = {
        n: graph.input(key._replace(at=tuple(_place(index, loop) for index in key.at)))
        for n, key in reads.items()
        if isinstance(key, Load) and key.array in stored
    }
    return with_indices(graph, graph.replace(node, here), new)


def _place(index: Affine, loop: Loop) -> Affine:
    """Return the index of a stored array with the sample's place in the batch for the sample."""
    if index == variable(loop):
        return variable(_batch_loop(loop))
    return index
