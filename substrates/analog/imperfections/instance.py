"""One chip: everything drawn once with its seed, what was written into it since, and its age. Persists on disk."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from hw_profiles.texts import shown
from substrates.analog.imperfections.conductances import Array
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.seeds import stream

if TYPE_CHECKING:
    from substrates.network import Network

__all__ = ["ChipInstance"]

Floats = npt.NDArray[np.float64]
_ARRAYS = ("wanted", "stored", "written_s", "mismatch", "drift")
_NEURONS = ("gain", "offset", "time_constant")


@dataclass
class ChipInstance:
    """A chip of a kind (`ChipParameters`) for networks of one shape.

    Attributes:
        gain, offset, time_constant: per population, (neurons,) each; time constants relative to their nominal value.
        arrays: cells of each coupling that owns weights, by the coupling's number.
        clock_s: the chip's age in seconds; drift follows it.
    """

    parameters: ChipParameters
    seed: int
    shapes: tuple[tuple[int, ...], ...]
    gain: list[Floats]
    offset: list[Floats]
    time_constant: list[Floats]
    arrays: dict[int, Array] = field(default_factory=dict)
    clock_s: float = 0.0

    @classmethod
    def draw(cls, network: Network, parameters: ChipParameters, seed: int) -> ChipInstance:
        """The chip number ``seed`` of its kind, for ``network``."""
        return cls.of_shapes(tuple(q.shape for q in network.populations), parameters, seed)

    @classmethod
    def of_shapes(cls, shapes: tuple[tuple[int, ...], ...], parameters: ChipParameters, seed: int) -> ChipInstance:
        """The chip number ``seed`` of its kind, for populations of these shapes."""
        p = parameters
        sizes = [math.prod(shape) for shape in shapes]

        def normals(name: str) -> list[Floats]:
            return [stream(seed, name, i).standard_normal(n) for i, n in enumerate(sizes)]

        return cls(
            parameters=p,
            seed=seed,
            shapes=shapes,
            gain=[1.0 + p.gain_mismatch * z for z in normals("gain")],
            offset=[p.offset_mismatch * z for z in normals("offset")],
            # exponential: a time constant is never negative; the spread is of its logarithm
            time_constant=[np.exp(p.time_constant_mismatch * z) for z in normals("time-constant")],
        )

    def write(self, index: int, weights: Floats) -> int:
        """Write the weights of coupling ``index``; returns the number of cells rewritten."""
        if index not in self.arrays:
            self.arrays[index] = Array.draw(weights, self.parameters, self.seed, index)
        array = self.arrays[index]
        if array.stored.shape != weights.shape:
            raise InputError(
                f"this chip's array {index} has shape {array.stored.shape}, the network's weights {weights.shape}; "
                "a chip instance belongs to networks of one shape: draw another"
            )
        return array.write(weights, self.parameters, self.seed, index, self.clock_s)

    def read(self, index: int) -> Floats:
        """The weights of coupling ``index`` as they conduct now."""
        return self.arrays[index].read(self.parameters, self.clock_s)

    def save(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """Write the chip, its faults, what is stored in it and its age to an HDF5 file.

        An earlier state of the same chip (kind, seed and shapes) is replaced, anything else only with ``overwrite``.

        Raises:
            InputError: something else is there, or the file cannot be written.
        """
        from hw_profiles.output import Output

        return Output(path, force=overwrite, mine=self._is_at).put(self.to_bytes(), durable=True)

    def _is_at(self, path: Path) -> bool:
        try:
            other = ChipInstance.load(path)
        except InputError:
            return False
        return (other.parameters, other.seed, other.shapes) == (self.parameters, self.seed, self.shapes)

    def to_bytes(self) -> bytes:
        """The content of the file that `save` writes."""
        import h5py

        with h5py.File("chip", "w", driver="core", backing_store=False) as file:
            file.attrs["kind"] = "equipoise chip instance"
            file.attrs["version"] = 1
            file.attrs["parameters"] = json.dumps(self.parameters.as_dict())
            file.attrs["seed"] = str(self.seed)
            file.attrs["shapes"] = json.dumps(self.shapes)
            file.attrs["clock_s"] = self.clock_s
            for name in _NEURONS:
                for i, values in enumerate(getattr(self, name)):
                    file[f"neurons/{i}/{name}"] = values
            for index, array in self.arrays.items():
                group = file.create_group(f"arrays/{index}")
                group.attrs["w_max"] = array.w_max
                group.attrs["writes"] = array.writes
                for name in _ARRAYS:
                    group[name] = getattr(array, name)
            file.flush()
            return bytes(file.id.get_file_image())

    @classmethod
    @checked
    def load(cls, path: Path | str) -> ChipInstance:
        """Read a chip back; it goes on as if it had never been away.

        Raises:
            InputError: the file is not there, not HDF5 or not a chip instance.
        """
        from hw_profiles.reading import number_attribute, open_hdf5, parse_json

        fix = "save it again with ChipInstance.save"
        with open_hdf5(path, "chip instance", fix) as file:
            if file.attrs.get("kind") != "equipoise chip instance":
                raise InputError(f"{path} holds no chip instance; expected a file made by ChipInstance.save")
            shapes = _shapes(parse_json(str(file.attrs["shapes"]), str(path), "chip instance", fix), str(path))
            sizes = [(math.prod(shape),) for shape in shapes]
            neurons = {
                name: [_values(file[f"neurons/{i}/{name}"], str(path), size) for i, size in enumerate(sizes)]
                for name in _NEURONS
            }
            arrays = {int(index): _array(group, str(path)) for index, group in file.get("arrays", {}).items()}
            parameters = parse_json(str(file.attrs["parameters"]), str(path), "chip instance", fix)
            clock_s = float(number_attribute(file, "clock_s", str(path)))
            if not 0 <= clock_s < math.inf:
                raise InputError(f"{path}: the chip's age is {clock_s} s; {fix}")
            return cls(
                parameters=ChipParameters.from_dict(parameters, str(path)),
                seed=int(file.attrs["seed"]),
                shapes=shapes,
                arrays=arrays,
                clock_s=clock_s,
                **neurons,
            )


def _shapes(found: Any, name: str) -> tuple[tuple[int, ...], ...]:
    good = isinstance(found, list) and all(
        isinstance(shape, list) and shape and all(type(n) is int and 0 < n < 2**31 for n in shape) for shape in found
    )
    if not good:
        raise InputError(f"{name}: the shapes of the populations are {shown(found)}; expected lists of whole numbers")
    return tuple(tuple(shape) for shape in found)


def _values(dataset: Any, name: str, shape: tuple[int, ...]) -> Floats:
    """Finite real numbers of one shape."""
    if dataset.shape != shape or dataset.dtype.kind != "f":
        raise InputError(
            f"{name}: {dataset.name} holds {dataset.dtype} {dataset.shape}; expected real numbers of shape {shape}"
        )
    values: Floats = np.asarray(dataset[()], np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{name}: {dataset.name} holds NaN or infinite values")
    return values


def _array(group: Any, name: str) -> Array:
    from hw_profiles.reading import number_attribute

    shape = group["stored"].shape
    w_max, writes = float(number_attribute(group, "w_max", name)), number_attribute(group, "writes", name)
    if not 0 < w_max < math.inf or not 0 <= writes < 2**63:
        raise InputError(f"{name}: {group.name} was written {writes} times, its largest weight is {w_max}")
    cells = {key: _values(group[key], name, shape) for key in _ARRAYS}
    return Array(w_max=w_max, writes=int(writes), **cells)
