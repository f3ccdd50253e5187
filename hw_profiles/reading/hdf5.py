"""HDF5 files from outside: looked through in a process of its own, then opened.

What a file of ours never holds is refused, because it reads other files or runs other code: external links, soft
links, external storage, virtual data sets, filters beyond the library's own, references, structures. Declared sizes
are checked against what is stored and against the limit on memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.reading.files import check_file, reading
from hw_profiles.reading.limits import check_size, read_limit
from hw_profiles.reading.probing import identity, probe, sound
from hw_profiles.texts import shown

__all__ = ["inspect", "number_attribute", "open_hdf5", "wrote_hdf5"]

WORK = "hw_profiles.reading.hdf5:inspect"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
FIX = "is it damaged? Get it again"
_MOST_OBJECTS = 200_000
_DEEPEST = 32
_BLOCK = 8192  #: texts read at once
_AT_ONCE = 1 << 24  #: bytes of packed numbers read at once
_TEXT_COST = 64  #: bytes of a Python text beside its characters
#: deflate makes at most 1032 bytes of one
_MOST_COMPRESSION = 1100
#: values that were never written take no room in the file; so many bytes of them are let pass
_UNWRITTEN = 1 << 16


@contextmanager
def open_hdf5(path: str | Path, what: str, fix: str = FIX) -> Iterator[Any]:
    """An `h5py.File`, open for reading, of a file that has been looked through.

    Whatever goes wrong while it is open becomes an `InputError`, so only read inside.

    Raises:
        InputError: not there, not HDF5, damaged, too large, or with content that is refused (see above).
    """
    path = Path(path)
    check_file(path, what, fix)
    with reading(path, what, fix):
        with open(path, "rb") as start:
            if start.read(len(SIGNATURE)) != SIGNATURE:
                raise InputError(f"{path} is not a readable HDF5 {what}: no HDF5 file starts like this; {fix}")
        with _looked_through(path) as file:
            yield file


def _looked_through(path: Path) -> Any:
    """The file, open, after a look through this very content; a file that is being written is replaced meanwhile."""
    import h5py

    for _ in range(20):
        before = identity(path)
        probe(WORK, path)
        file = h5py.File(path, "r", locking=False)
        if identity(path) == before:
            return file
        file.close()
    raise InputError(f"{path} is replaced all the time; read it when its writer is done")


def number_attribute(owner: Any, key: str, name: str) -> int | float:
    """The one real number that the attribute ``key`` of an `h5py` object holds; ``name`` is the file's in messages.

    Raises:
        InputError: a text, a complex number or an array in its place.
    """
    import numpy as np

    value = np.asarray(owner.attrs[key])
    if value.shape != () or value.dtype.kind not in "iuf":
        raise InputError(f"{name}: {key} of {shown(owner.name)} is {value.dtype} {value.shape}; expected one number")
    return value.item()


def wrote_hdf5(path: str | Path) -> None:
    """Note that this process has just written ``path`` whole: opening it again needs no look through."""
    sound(WORK, path)


def inspect(path: Path) -> None:
    """Look through a whole file: every link, attribute and data set.

    Raises:
        InputError: something in it is refused.
    """
    import h5py

    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise InputError(f"{path} is not a readable HDF5 file ({error}); {FIX}") from None
    with file:
        _Look(str(path), path.stat().st_size).group(h5py.h5o.open(file.id, b"/"), "", 0)


class _Look:
    """One look through one file."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size
        self.objects = 0
        self.memory = 0  #: bytes that all values take
        self.seen: set[int] = set()

    def group(self, group: Any, place: str, depth: int) -> None:
        """A group's low-level identifier: h5py's own objects cost more than what is looked at."""
        import h5py

        if depth > _DEEPEST:
            raise InputError(f"{self.name}: groups lie more than {_DEEPEST} deep at {place}")
        self.attributes(group, place or "/")
        for name in list(group):
            here = f"{place}/{name.decode('utf-8', 'surrogateescape')}"
            link = group.links.get_info(name)
            if link.type != h5py.h5l.TYPE_HARD:
                kind = {h5py.h5l.TYPE_SOFT: "a soft link", h5py.h5l.TYPE_EXTERNAL: "a link to another file"}.get(
                    link.type, "a link of an unknown kind"
                )
                raise InputError(f"{self.name}: {shown(here)} is {kind}; such files are not opened")
            self.one_more(here)
            inner = h5py.h5o.open(group, name)
            address = h5py.h5o.get_info(inner).addr
            if address in self.seen:
                raise InputError(f"{self.name}: {shown(here)} is listed twice; such files are not opened")
            self.seen.add(address)
            if isinstance(inner, h5py.h5g.GroupID):
                self.group(inner, here, depth + 1)
            elif isinstance(inner, h5py.h5d.DatasetID):
                self.dataset(inner, here)
            else:
                raise InputError(f"{self.name}: {shown(here)} is neither a group nor a data set")

    def one_more(self, place: str) -> None:
        self.objects += 1
        if self.objects > _MOST_OBJECTS:
            raise InputError(f"{self.name} holds more than {_MOST_OBJECTS} objects ({shown(place)})")

    def attributes(self, owner: Any, place: str) -> None:
        import h5py

        for number in range(h5py.h5a.get_num_attrs(owner)):
            attribute = h5py.h5a.open(owner, index=number)
            here = f"{place}@{attribute.name.decode('utf-8', 'surrogateescape')}"
            self.one_more(here)
            shape = self.shape(attribute, here)
            dtype = attribute.dtype
            self.kind(dtype, here)
            self.take(math.prod(shape) * dtype.itemsize, here)
            self.take(_text_size(_values(attribute, shape, dtype)), here)

    def shape(self, held: Any, place: str) -> tuple[int, ...]:
        import h5py

        space = held.get_space()
        if space.get_simple_extent_type() not in (h5py.h5s.SCALAR, h5py.h5s.SIMPLE):
            raise InputError(f"{self.name}: {shown(place)} holds nothing")
        return tuple(space.get_simple_extent_dims())

    def dataset(self, dataset: Any, place: str) -> None:
        import h5py

        self.attributes(dataset, place)
        dtype = dataset.dtype
        self.kind(dtype, place)
        settings = dataset.get_create_plist()
        layout = settings.get_layout()
        if settings.get_external_count():
            raise InputError(
                f"{self.name}: the values of {shown(place)} lie in another file; such files are not opened"
            )
        if layout == h5py.h5d.VIRTUAL:
            raise InputError(f"{self.name}: {shown(place)} is a view of other data sets; such files are not opened")
        shape = self.shape(dataset, place)
        filters = {settings.get_filter(k)[0] for k in range(settings.get_nfilters())}
        if filters - {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}:
            raise InputError(f"{self.name}: {shown(place)} is packed in a way that needs another library")
        declared = math.prod(shape) * dtype.itemsize
        stored = dataset.get_storage_size()
        packed = _MOST_COMPRESSION if h5py.h5z.FILTER_DEFLATE in filters else 1
        if layout == h5py.h5d.CHUNKED:
            declared = max(declared, math.prod(settings.get_chunk()) * dtype.itemsize)
        if stored > self.size or declared > stored * packed + _UNWRITTEN:
            raise InputError(
                f"{self.name}: {shown(place)} declares {declared} bytes, the file holds {min(stored, self.size)} of it"
            )
        self.take(declared, place)
        text = dtype.kind == "O"  # `kind` lets only texts through
        if not shape or (shape[0] <= _BLOCK if text else layout != h5py.h5d.CHUNKED or declared <= _AT_ONCE):
            self.take(_text_size(_values(dataset, shape, dtype)), place)
            return
        step = _BLOCK if text else max(1, shape[0] * _AT_ONCE // declared)
        whole = h5py.Dataset(dataset)
        for start in range(0, shape[0], step):
            self.take(_text_size(whole[start : start + step]), place)

    def kind(self, dtype: Any, place: str) -> None:
        import h5py

        text = h5py.check_string_dtype(dtype) is not None
        if not (dtype.kind in "biufcSU" or (dtype.kind == "O" and text)):
            raise InputError(f"{self.name}: {shown(place)} is of type {shown(dtype)}; expected numbers or texts")

    def take(self, size: int, place: str) -> None:
        self.memory += size
        if self.memory > read_limit():
            check_size(self.memory, self.name, f"what it holds up to {shown(place)}")


def _values(held: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """All values of a data set or attribute."""
    import h5py
    import numpy as np

    values = np.zeros(shape, dtype)
    if not values.size:
        return values
    if isinstance(held, h5py.h5a.AttrID):
        held.read(values)
    else:
        held.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return values


def _text_size(value: Any) -> int:
    if isinstance(value, (str, bytes)):
        return len(value) + _TEXT_COST
    if getattr(value, "dtype", None) is not None and value.dtype.kind == "O":
        return sum(_text_size(entry) for entry in value.ravel())
    return 0
