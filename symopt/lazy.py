"""Properties that are worked out once, without a lock.

``functools.cached_property`` of Python 3.11 holds one lock for all objects of a class: a process
that is forked meanwhile waits for it for ever, and threads with different costs wait for each
other. Two threads that ask at once may both work here; what they find is equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801  it is used as functools' is
    """A property that is worked out when it is first asked for, and kept in the object.

    Examples
    --------
    >>> class Circle:
    ...     radius = 2.0
    ...     @cached_property
    ...     def area(self) -> float:
    ...         return 3.0 * self.radius**2
    >>> circle = Circle()
    >>> circle.area, vars(circle)
    (12.0, {'area': 12.0})
    """

    def __init__(self, work: Callable[[Any], T]) -> None:
        self.work, self.name, self.__doc__ = work, work.__name__, work.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> cached_property[T]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...
    def __get__(self, instance: object | None, owner: type | None = None) -> cached_property[T] | T:
        if instance is None:
            return self
        value: T = self.work(instance)
        vars(instance)[self.name] = value  # over what super() may have kept
        return value
