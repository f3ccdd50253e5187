"""NumPy's files, .npy and .npz, of plain numbers and texts: sizes are checked before anything is allocated."""

from __future__ import annotations

import io
import math
import re
import zipfile
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.reading.files import reading
from hw_profiles.reading.limits import check_size
from hw_profiles.texts import shown

__all__ = ["parse_npy", "parse_npz"]

FIX = "write it again with numpy.savez or scipy.sparse.save_npz"
_HEADER = re.compile(
    r"\{\s*'descr':\s*'([<>|=]?[biufcSU?][0-9]{0,9})',\s*'fortran_order':\s*(True|False),\s*"
    r"'shape':\s*\(([0-9L, ]{0,200})\),?\s*\}\s*"
)
_LONGEST_HEADER = 10_000
_MOST_MEMBERS = 1000


def parse_npy(data: bytes, name: str) -> Any:
    """The array of a .npy file. Only numbers, truth values and texts: no objects, no structures.

    Raises:
        InputError: damaged, of another type, or its header promises another size than the data has.
    """
    import numpy as np

    if data[:6] != b"\x93NUMPY" or len(data) < 12:
        raise InputError(f"{name} is not a .npy array; {FIX}")
    wide = 2 if data[6] == 1 else 4
    start = 8 + wide
    length = int.from_bytes(data[8:start], "little")
    header = data[start : start + length].decode("latin-1")
    match = _HEADER.fullmatch(header) if length <= _LONGEST_HEADER else None
    if match is None:
        raise InputError(
            f"{name}: the array's header is {shown(header.strip(), 80)}; expected a plain array of numbers or texts "
            "(no objects, no structures)"
        )
    kind = np.dtype(match[1])
    sizes = [part.strip(" L") for part in match[3].split(",")]
    shape = tuple(int(size) for size in sizes if size)
    count = math.prod(shape)
    content = memoryview(data)[start + length :]
    if len(shape) > 32 or count * kind.itemsize != len(content):
        raise InputError(
            f"{name}: the header promises {count} values of {kind.itemsize} bytes, the array holds {len(content)} bytes"
        )
    flat = np.frombuffer(content, kind, count) if len(content) else np.zeros(count, kind)
    array = flat.reshape(shape[::-1]).T if match[2] == "True" else flat.reshape(shape)
    return array.astype(kind.newbyteorder("="), order="C")


def parse_npz(data: bytes, name: str) -> dict[str, Any]:
    """Every array of an .npz file.

    Raises:
        InputError: damaged, or larger than the limit on memory.
    """
    arrays: dict[str, Any] = {}
    with reading(name, ".npz file", FIX), zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS:
            raise InputError(f"{name} holds {len(members)} arrays, expected at most {_MOST_MEMBERS}")
        check_size(2 * sum(member.file_size for member in members), name, "its arrays, decompressed,")
        for member in members:
            with archive.open(member) as file:
                content = file.read(member.file_size + 1)
            key = member.filename.removesuffix(".npy")
            arrays[key] = parse_npy(content, f"{name}, array {shown(key, 40)}")
    return arrays
