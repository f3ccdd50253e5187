"""Ctrl-C and SIGTERM: raised where Python code can act on them, once what must stay whole is whole.

Python raises `KeyboardInterrupt` between any two instructions. Two places bear that badly: the middle of a write, which
leaves a locked part or an open HDF5 file behind, so that the record cannot be closed as ``interrupted``; and a callback
of the interpreter (of a weak reference, a ``__del__``, compiled code), which drops the exception, so that the run goes
on as if nobody had asked.

    with interruptible():     # SIGTERM raises, too, and no interrupt gets lost
        ...
        with held():          # an interrupt waits until the block is done
            ...
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

__all__ = ["held", "interruptible"]

_Handler = Callable[[int, FrameType | None], Any]
_AGAIN = 0.005  #: seconds until a dropped interrupt comes again: the callback that dropped it is over by then


@contextmanager
def interruptible() -> Iterator[None]:
    """While the block runs SIGTERM raises `KeyboardInterrupt` as Ctrl-C does, and one that is dropped comes again.

    Only the main thread may install handlers; in others nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, reported = signal.signal(signal.SIGTERM, _interrupt), sys.unraisablehook
    sys.unraisablehook = _coming_again(reported)
    try:
        yield
    finally:
        sys.unraisablehook = reported
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _coming_again(otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def hook(dropped: Any, /) -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            again = threading.Timer(_AGAIN, _send_again)
            again.daemon = True
            again.start()
        else:
            otherwise(dropped)

    return hook


def _send_again() -> None:
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # the block is still running
        os.kill(os.getpid(), signal.SIGTERM)


class held:
    """While the block runs an interrupt waits; it is raised when the block is done.

    For what takes a moment and must not be left half done. SIGTERM without a handler ends the process as ever. In
    other threads than the main one nothing is ever raised, and nothing is held.
    """

    def __enter__(self) -> held:
        self._came: tuple[int, FrameType | None] | None = None
        self._handlers: dict[int, _Handler] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
            try:
                for held_now in self._handlers:
                    signal.signal(held_now, self._note)
            except BaseException:  # the signal came before its own handler was exchanged
                self._restore()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Wait no longer: an interrupt that came is raised now."""
        handlers = dict(self._handlers)
        self._restore()
        if self._came is not None:
            (number, frame), self._came = self._came, None
            handlers[number](number, frame)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = (number, frame)

    def _restore(self) -> None:
        """Every handler, even when the first one that is back raises at once."""
        if self._handlers:
            number, handler = self._handlers.popitem()
            try:
                signal.signal(number, handler)
            finally:
                self._restore()
