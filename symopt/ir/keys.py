"""Keys: the names of a program's inputs and outputs, a type for each kind of quantity.

A key is a tuple whose first entry is the word for its kind, so that keys sort, print and hash as
tuples do: ``Hyper("eta")`` is ``("hyper", "eta")``. What there is one of is a plain word: ``"J"``,
``"theta"``, ``"t"``, ``"T"``, ``"n"``.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeAlias


class TypedKey(tuple[Any, ...]):
    """A key of some kind, and which of that kind.

    Examples
    --------
    >>> key = Hyper("eta")
    >>> key, key.which, isinstance(key, Hyper)
    (('hyper', 'eta'), 'eta', True)
    """

    __slots__ = ()
    kind: ClassVar[str] = ""

    def __new__(cls, *which: Any) -> Self:
        return super().__new__(cls, (cls.kind, *which))

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self[1:]

    @property
    def which(self) -> Any:
        """The name or the number that tells it from others of its kind."""
        return self[1]


Key: TypeAlias = tuple[Any, ...] | str


class Constant(TypedKey):
    """A constant of the cost, by name."""

    __slots__ = ()
    kind = "c"


class Hyper(TypedKey):
    """A hyperparameter in a step, by name."""

    __slots__ = ()
    kind = "hyper"


class Given(TypedKey):
    """A number as the user gave it, by name: what hyperparameters are computed from."""

    __slots__ = ()
    kind = "given"


class OldState(TypedKey):
    """A state of the rule before the step, by name."""

    __slots__ = ()
    kind = "state"


class NewState(TypedKey):
    """Theta or a state after the step, by name."""

    __slots__ = ()
    kind = "new"


class Gradient(TypedKey):
    """The k-th gradient that the rule asks for."""

    __slots__ = ()
    kind = "grad"


class CostValue(TypedKey):
    """The k-th value of the cost that the rule asks for."""

    __slots__ = ()
    kind = "value"


class GlobalSum(TypedKey):
    """The k-th sum over all parameters."""

    __slots__ = ()
    kind = "sum"


class Solution(TypedKey):
    """The k-th solution of linear equations."""

    __slots__ = ()
    kind = "solve"


class HessianProduct(TypedKey):
    """The k-th product of the Hessian with a vector."""

    __slots__ = ()
    kind = "hvp"


class Normal(TypedKey):
    """The k-th draw of normal numbers."""

    __slots__ = ()
    kind = "normal"


class Power(TypedKey):
    """The k-th power base**(rate*t + offset), kept as a running product."""

    __slots__ = ()
    kind = "power"


class Factor(TypedKey):
    """What the k-th running product is multiplied by in each step."""

    __slots__ = ()
    kind = "factor"


class Base(TypedKey):
    """The base of the k-th power."""

    __slots__ = ()
    kind = "base"


class Rate(TypedKey):
    """The rate of the k-th power."""

    __slots__ = ()
    kind = "rate"


class Offset(TypedKey):
    """The offset of the k-th power."""

    __slots__ = ()
    kind = "offset"


class Point(TypedKey):
    """Where the k-th gradient is taken."""

    __slots__ = ()
    kind = "point"


class Place(TypedKey):
    """Where the k-th value of the cost is taken."""

    __slots__ = ()
    kind = "place"


class Summand(TypedKey):
    """What the k-th sum over all parameters adds up."""

    __slots__ = ()
    kind = "summand"


class Corner(TypedKey):
    """Where the matrix of the k-th linear equations is taken."""

    __slots__ = ()
    kind = "corner"


class Scale(TypedKey):
    """What multiplies the matrix of the k-th linear equations."""

    __slots__ = ()
    kind = "scale"


class Shift(TypedKey):
    """What is added to the diagonal of the k-th linear equations."""

    __slots__ = ()
    kind = "shift"


class Stretch(TypedKey):
    """What multiplies the diagonal that is added to the matrix of the k-th linear equations."""

    __slots__ = ()
    kind = "stretch"


class RightSide(TypedKey):
    """The right-hand side of the k-th linear equations."""

    __slots__ = ()
    kind = "right"


class BasePoint(TypedKey):
    """Where the Hessian of the k-th product is taken."""

    __slots__ = ()
    kind = "base_point"


class Direction(TypedKey):
    """The vector that the Hessian of the k-th product is multiplied by."""

    __slots__ = ()
    kind = "direction"


class Hit(TypedKey):
    """The first step at or below the j-th target."""

    __slots__ = ()
    kind = "hit"


class Target(TypedKey):
    """The j-th target of the loss."""

    __slots__ = ()
    kind = "target"


class Before(TypedKey):
    """Theta or a state as it was before the step, by name."""

    __slots__ = ()
    kind = "before"


class SizeValue(TypedKey):
    """A size of a cost with sums, by name."""

    __slots__ = ()
    kind = "size"


class Tangent(TypedKey):
    """The derivative of an output, by its key, in one direction."""

    __slots__ = ()
    kind = "d"


class Parameter(TypedKey):
    """The k-th parameter of a closed form."""

    __slots__ = ()
    kind = "x"


class Slope(TypedKey):
    """The derivative of J by the k-th parameter."""

    __slots__ = ()
    kind = "g"


class HessianEntry(TypedKey):
    """The second derivative of J by the i-th and the j-th parameter."""

    __slots__ = ()
    kind = "hessian"


class GaussNewtonEntry(TypedKey):
    """The entry (i, j) of the Gauss-Newton matrix."""

    __slots__ = ()
    kind = "gauss_newton"


class Each(TypedKey):
    """A row of theta, a state or a stage, at the coordinate of the loop around."""

    __slots__ = ()
    kind = "each"


class Coordinate(TypedKey):
    """A row of theta, a state or a stage, at the k-th coordinate."""

    __slots__ = ()
    kind = "at"


class RowsOf(TypedKey):
    """Where the rows of a key begin in a block, as a kernel for any size asks."""

    __slots__ = ()
    kind = "rows"


class StoredArray(TypedKey):
    """Where an array that a kernel stores begins in a block."""

    __slots__ = ()
    kind = "stored"


class ArrayOffset(TypedKey):
    """Where a parameter array begins in theta, as a kernel for any size asks."""

    __slots__ = ()
    kind = "offset"


class Stride(TypedKey):
    """How far apart the entries of an array are along an axis."""

    __slots__ = ()
    kind = "stride"


class Extent(TypedKey):
    """The length of an axis of an array."""

    __slots__ = ()
    kind = "extent"
