"""The sizes and shapes of one call, and where each parameter lies in theta."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.ir.keys import ArrayOffset, Extent, Key, SizeValue, Stride
from symopt.ir.program import Name

LARGEST = 1 << 53  # the largest size and index: beyond, an index as a number is not exact


@dataclass(frozen=True)
class Sizes:
    """The sizes and shapes of one call.

    Attributes
    ----------
    sizes
        The number that each size symbol stands for.
    shapes
        The shape of every parameter, data and stored array.
    params
        The parameter arrays in the order of theta.
    symbols
        The sizes that are symbols of the cost.
    """

    sizes: Mapping[str, int]
    shapes: Mapping[Name, tuple[int, ...]]
    params: tuple[str, ...]
    symbols: frozenset[str] = frozenset()

    @classmethod
    def of_scalars(cls, names: Iterable[str]) -> Sizes:
        """Return the sizes of a call whose parameters are numbers."""
        params = tuple(names)
        return cls({}, {("x", name): () for name in params}, params)

    @property
    def given(self) -> dict[str, int]:
        """The sizes that have a symbol in the cost."""
        return {name: size for name, size in self.sizes.items() if name in self.symbols}

    @property
    def total(self) -> int:
        """How many parameters there are."""
        return sum(math.prod(self.shapes["x", name]) for name in self.params)

    def parts(self) -> dict[str, tuple[int, tuple[int, ...]]]:
        """Return where each parameter array begins in theta, and its shape."""
        place = 0
        found = {}
        for name in self.params:
            shape = self.shapes["x", name]
            found[name] = (place, shape)
            place += math.prod(shape)
        return found

    def integer(self, key: Key) -> int:
        """Return an integer that a kernel asks for: a size, an offset, a stride or an extent."""
        if isinstance(key, SizeValue):
            return self.sizes[str(key.which)]
        if isinstance(key, ArrayOffset):
            return self.parts()[key.which[1]][0]
        assert isinstance(key, Extent | Stride)
        _, array, axis = key
        shape = self.shapes[array]
        if isinstance(key, Extent):
            return int(shape[axis])
        return math.prod(shape[axis + 1 :])

    def stored(self, array: Name) -> int:
        """Return how many numbers an array ("where", name), its adjoint or a matrix holds."""
        if array[0] == "matrix":
            return self.total**2
        return math.prod(self.shapes["where", array[1]])

    def split(self, theta: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return theta, shape (..., P), as arrays by name."""
        lead = theta.shape[:-1]
        found = {}
        for name, (place, shape) in self.parts().items():
            entries = theta[..., place : place + math.prod(shape)]
            found[name] = entries.reshape((*lead, *shape))
        return found

    def labels(self, most: int | None = None) -> list[str]:
        """Return a name for each entry of theta, or the first ``most``, as theta[3] or W[0,2]."""
        return list(itertools.islice(self._all_labels(), most))

    def _all_labels(self) -> Iterator[str]:
        for name, (_, shape) in self.parts().items():
            if not shape:
                yield name
                continue
            for at in np.ndindex(*shape):
                yield f"{name}[{','.join(map(str, at))}]"

    def described(self) -> str:
        """Return the parameters with their shapes, in words."""
        words = []
        for name in self.params:
            shape = " x ".join(map(str, self.shapes["x", name]))
            if shape:
                name = f"{name} ({shape})"  # noqa: PLW2901
            words.append(name)
        return ", ".join(words)

    def place(self, entry: int) -> tuple[str, tuple[int, ...]]:
        """Return the array that holds an entry of theta, and the entry's indices there."""
        name, (first, shape) = [part for part in self.parts().items() if part[1][0] <= entry][-1]
        if not shape:
            return name, ()
        at = np.unravel_index(entry - first, shape)
        return name, tuple(map(int, at))
