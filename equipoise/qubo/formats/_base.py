"""What a file format offers, and what its reader gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from hw_profiles.reading.limits import check_size
from hw_profiles.texts import shown

if TYPE_CHECKING:
    from equipoise.qubo.constraints import ConstrainedProblem

__all__ = ["Fit", "Format", "Source", "check_variables", "header_numbers", "text_of"]

#: bytes of memory while reading, for one byte of text and for one variable (measured, rounded up)
_TEXT_MEMORY, _VARIABLE_MEMORY = 16, 160
_ALWAYS = 1_000_000  #: variables that a file of any size may declare


@dataclass(frozen=True)
class Source:
    """The content of a file (decompressed), and its name for messages."""

    data: bytes
    name: str

    @cached_property
    def words(self) -> list[list[str]]:
        """The words of its first lines that are not blank, 200 lines at most; none of a binary file."""
        if b"\0" in self.data[:4096] or self.data[:2] == b"PK":
            return []
        return [line.split() for line in self.lines[:200] if line.strip()]

    @property
    def widths(self) -> list[int]:
        """How many words its first two lines have; none where the first is a comment."""
        return [len(words) for words in self.words[:2] if not self.words[0][0].startswith("#")]

    @cached_property
    def lines(self) -> list[str]:
        """All lines of its text; what is not UTF-8 is replaced, for looking at only."""
        return self.data.decode("utf-8-sig", "replace").splitlines()


#: how well a content fits a format: not at all, as it would others, without doubt
Fit = Literal["no", "maybe", "yes"]


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: what users write.
        convention: what its content means, in one sentence.
        read, write: the whole content of a file to a problem, and back; None where files are only read.
        suffixes: of its files, with the dot, in lower case.
        fits: how well the content of a file fits; without it, files are known by their suffix alone.
        graph: where a file holds a graph, the networkx graph, for ``kind``.
        model: where a file may hold constraints, the whole of it.
        apart: ``module:function`` of the content's bytes that compiled code of others walks over; it is tried in a
            process of its own first (`hw_profiles.reading.probe_bytes`).
    """

    name: str
    convention: str
    read: Callable[[Source], Problem]
    write: Callable[[Problem], bytes] | None
    suffixes: tuple[str, ...] = ()
    fits: Callable[[Source], Fit] | None = None
    graph: Callable[[Source], Any] | None = None
    model: Callable[[Source], ConstrainedProblem] | None = None
    apart: str = ""


def text_of(source: Source) -> list[str]:
    """The lines of a text file.

    Raises:
        InputError: empty or not text.
    """
    check_size(_TEXT_MEMORY * len(source.data), source.name, "the problem")
    if b"\0" in source.data[:4096]:
        raise InputError(f"{source.name} is a binary file, expected text (or an .npz)")
    try:
        lines = source.data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{source.name} is not a text file (not UTF-8)") from None
    while lines and not lines[-1].strip():
        lines.pop()
    if not any(line.strip() for line in lines):
        raise InputError(f"{source.name} is empty; expected a problem")
    return lines


def header_numbers(line: str, count: int, name: str, expected: str) -> list[int]:
    """``count`` whole numbers of zero or more from a header line; the first, the number of variables, at least 1."""
    fields = line.split()
    try:
        numbers = [int(field) for field in fields]
    except ValueError:
        numbers = []
    if len(numbers) != count or min(numbers) < 0:
        raise InputError(f"{name}: the first line should hold {expected}, got {shown(line.strip())}")
    if numbers[0] == 0:
        raise InputError(f"{name}: the problem has zero variables")
    if numbers[0] >= 2**31:
        raise InputError(f"{name}: {numbers[0]} variables are more than any target holds")
    return numbers


def check_variables(n: int, source: Source) -> None:
    """Refuse a header that promises many more variables than the file has room to speak of.

    Raises:
        InputError: more than a million, and more than the file has bytes; or beyond the limit on memory.
    """
    if n > max(_ALWAYS, len(source.data)):
        raise InputError(
            f"{source.name}: the header promises {n} variables, but the file has {len(source.data)} bytes; "
            "is the header damaged?"
        )
    check_size(_VARIABLE_MEMORY * n, source.name, f"{n} variables")
