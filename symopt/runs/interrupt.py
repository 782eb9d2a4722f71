"""Ctrl-C as a request to stop: nothing is torn, and what is done is returned."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM,)
"""Signals that end a command as Ctrl-C does: of a queue, or of a container that is stopped."""


class Stop(threading.Event):
    """A request to stop, made once and never lost: who looks at it has noticed it.

    Attributes
    ----------
    code
        The exit code of a program that it ends: 128 and the signal's number.
    raises
        Whether the request is a KeyboardInterrupt at once, where the work cannot be cut short.
    """

    def __init__(self) -> None:
        super().__init__()
        self.code = 128 + signal.SIGINT
        self.raises = False
        self.asked = self.noticed = False

    def is_set(self) -> bool:
        """Tell whether to stop; without a lock, so that a signal may come at any moment."""
        self.noticed |= self.asked
        return self.asked

    def set(self) -> None:
        """Ask to stop."""
        self.asked = True

    def handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Take a signal: the first one asks, a second one ends the work where it is."""
        again, self.asked, self.code = self.asked, True, 128 + number
        if again or self.raises:
            self.noticed = True
            raise KeyboardInterrupt


class _InThread(Stop):
    """The request of a call in another thread, which no signal reaches.

    A KeyboardInterrupt ended the program.
    """

    def __init__(self) -> None:
        super().__init__()
        self.before = getattr(sys, "last_value", None)

    def is_set(self) -> bool:
        """Tell whether Ctrl-C has ended the main program since the call began."""
        last = getattr(sys, "last_value", None)
        return super().is_set() or (last is not self.before and isinstance(last, KeyboardInterrupt))


@contextmanager
def stop_on_ctrl_c(also: Iterable[int] = ()) -> Iterator[Stop]:
    """Give a request that Ctrl-C makes, instead of raising anywhere; a second Ctrl-C raises.

    A call inside another has the request of the outer one. A program's own handler is left
    alone. What nobody noticed before the end is raised there, so that no Ctrl-C is lost.

    Parameters
    ----------
    also
        Other signals that ask the same, unless the program has handlers of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield _InThread()
        return
    outer = _outer()
    if outer is not None:
        yield outer
        return
    stop = Stop()
    ours = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(also, signal.SIG_DFL)}
    before = {number: known for number, known in ours.items() if signal.getsignal(number) == known}
    for number in before:
        signal.signal(number, stop.handle)
    try:
        yield stop
    finally:
        for number, known in before.items():
            signal.signal(number, known)
    if stop.asked and not stop.noticed:
        raise KeyboardInterrupt


def _outer() -> Stop | None:
    """Find the request of the call around this one."""
    for number in (signal.SIGINT, *ENDING):
        caller = getattr(signal.getsignal(number), "__self__", None)
        if isinstance(caller, Stop):
            return caller
    return None


@contextmanager
def raising(stop: Stop) -> Iterator[None]:
    """Let a request be a KeyboardInterrupt at once.

    A sweep would return what it has, as if that were all.
    """
    stop.raises = True
    try:
        if stop.is_set():
            raise KeyboardInterrupt
        yield
    finally:
        stop.raises = False
