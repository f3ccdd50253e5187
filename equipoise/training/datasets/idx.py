"""MNIST and Fashion-MNIST: the four idx files, gzipped or not.

An idx file is a big-endian magic number (two zero bytes, type 8 for unsigned bytes, number of dimensions), the
dimensions as 32-bit integers, and the bytes.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from equipoise.training.datasets.base import Split, finish
from hw_profiles.errors import InputError
from hw_profiles.reading import check_size, gunzip, read_bytes

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["load_fashion_mnist", "load_mnist", "read_idx"]

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
#: where the Debian packages put them
SYSTEM = {
    "fashion-mnist": Path("/usr/share/datasets/fashion-mnist"),
    "mnist": Path("/usr/share/datasets/mnist"),
}
HELP = {
    "fashion-mnist": "install the Debian package dataset-fashion-mnist, or download the four *-ubyte.gz files from "
    "github.com/zalandoresearch/fashion-mnist (data/fashion) and give their folder as --data-dir",
    "mnist": "download the four *-ubyte.gz files of MNIST and give their folder as --data-dir",
}


def load_fashion_mnist(data_dir: Path | None = None) -> Split:
    """Fashion-MNIST: 60 000 training and 10 000 test images of 28 x 28, pixels / 255. Xiao et al., arXiv 1708.07747."""
    return _load("fashion-mnist", data_dir)


def load_mnist(data_dir: Path | None = None) -> Split:
    """MNIST, in the same format."""
    return _load("mnist", data_dir)


def _load(name: str, data_dir: Path | None) -> Split:
    import torch

    folder = _find(name, data_dir)
    arrays = []
    for stem in FILES:
        path = folder / f"{stem}.gz"
        arrays.append(read_idx(path if path.is_file() else folder / stem))
    images = [torch.from_numpy(a.astype(np.float32) / 255.0) for a in (arrays[0], arrays[2])]
    labels = [torch.from_numpy(a.astype(np.int64)) for a in (arrays[1], arrays[3])]
    for image, label in zip(images, labels):
        if image.dim() != 3 or label.dim() != 1:
            raise InputError(
                f"{folder}: images have {image.dim()} dimensions and labels {label.dim()}; expected 3 and 1"
            )
    return finish(name, (images[0], labels[0]), (images[1], labels[1]), 10, str(folder))


def cache_folder(name: str) -> Path:
    """The user's cache for a data set."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "equipoise" / name


def _find(name: str, data_dir: Path | None) -> Path:
    places = [data_dir] if data_dir is not None else [SYSTEM[name], cache_folder(name)]
    for folder in places:
        if all((folder / f"{stem}.gz").is_file() or (folder / stem).is_file() for stem in FILES):
            return folder
    looked = ", ".join(str(p) for p in places)
    raise InputError(f"{name} is not in {looked} (four files, {FILES[0]}.gz and so on); {HELP[name]}")


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read one idx file of unsigned bytes.

    Raises:
        InputError: not gzip, not idx, another type, truncated, or longer than it says.
    """
    data = read_bytes(path, "idx file", "download it again")
    if path.suffix == ".gz":
        data = gunzip(data, str(path))
    check_size(5 * len(data), str(path), "its values as float32")
    if len(data) < 4 or data[:2] != b"\0\0":
        raise InputError(f"{path} is not an idx file: it starts with {data[:4].hex() or 'nothing'}, expected 0000")
    if data[2] != 8:
        raise InputError(f"{path} holds values of type {data[2]:#04x}; expected unsigned bytes (0x08)")
    dimensions = data[3]
    start = 4 + 4 * dimensions
    if dimensions > 8:
        raise InputError(f"{path} has {dimensions} dimensions; expected 1 to 3")
    if dimensions == 0 or len(data) < start:
        raise InputError(f"{path} is truncated inside its header; download it again")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    expected = math.prod(shape)
    if len(data) - start != expected:
        raise InputError(f"{path} holds {len(data) - start} bytes, its header says {expected}; download it again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
