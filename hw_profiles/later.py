"""Values that are made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Later"]

T = TypeVar("T")


class Later(Generic[T]):
    """The value of ``make()``, made once, when it is first asked for.

    What ``make`` reads must not change in between. A pickle or a copy holds the value itself.

    >>> answer = Later(lambda: 6 * 7)
    >>> answer.value
    42
    """

    __slots__ = ("_make", "_value")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make
        self._value: Any = None

    @property
    def value(self) -> T:
        make = self._make
        if make is not None:
            self._value = make()
            self._make = None  # and with it goes all that it kept
        found: T = self._value
        return found

    def __getstate__(self) -> tuple[T]:
        return (self.value,)

    def __setstate__(self, state: tuple[T]) -> None:
        self._make, (self._value,) = None, state
