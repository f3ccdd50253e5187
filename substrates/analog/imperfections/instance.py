"""One chip: everything drawn once with its seed, what was written into it since, and its age. Persists on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.analog.imperfections.conductances import Array
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.network import Network
from substrates.seeds import stream

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
        """The chip number ``seed`` of its kind."""
        p = parameters
        sizes = [q.size for q in network.populations]

        def normals(name: str) -> list[Floats]:
            return [stream(seed, name, i).standard_normal(n) for i, n in enumerate(sizes)]

        return cls(
            parameters=p,
            seed=seed,
            shapes=tuple(q.shape for q in network.populations),
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
    def load(cls, path: Path | str) -> ChipInstance:
        """Read a chip back; it goes on as if it had never been away.

        Raises:
            InputError: the file is not there, not HDF5 or not a chip instance.
        """
        import h5py

        if not Path(path).is_file():
            raise InputError(f"no chip instance at {path}; save one with ChipInstance.save")
        try:
            with h5py.File(path, "r") as file:
                if file.attrs.get("kind") != "equipoise chip instance":
                    raise InputError(f"{path} holds no chip instance; expected a file made by ChipInstance.save")
                shapes = tuple(tuple(s) for s in json.loads(file.attrs["shapes"]))
                neurons = {name: [file[f"neurons/{i}/{name}"][()] for i in range(len(shapes))] for name in _NEURONS}
                arrays = {
                    int(index): Array(
                        w_max=float(group.attrs["w_max"]),
                        writes=int(group.attrs["writes"]),
                        **{name: group[name][()] for name in _ARRAYS},
                    )
                    for index, group in file.get("arrays", {}).items()
                }
                return cls(
                    parameters=ChipParameters.from_dict(json.loads(file.attrs["parameters"]), str(path)),
                    seed=int(file.attrs["seed"]),
                    shapes=shapes,
                    arrays=arrays,
                    clock_s=float(file.attrs["clock_s"]),
                    **neurons,
                )
        except (OSError, KeyError) as error:
            raise InputError(f"{path} is damaged or no chip instance ({error}); save it again") from error
