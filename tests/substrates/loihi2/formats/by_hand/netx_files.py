"""Small networks as lava-dl's export_hdf5 lays them out, drawn at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

Layer = dict[str, Any]


def write(path: Path, layers: list[Layer]) -> Path:
    """Write ``layers`` as a netx file: texts as lava-dl does, one a fixed array and one a scalar."""
    import h5py

    with h5py.File(path, "w") as file:
        file["simulation/Ts"], file["simulation/tSample"] = 1, 300
        for number, layer in enumerate(layers):
            group = file.create_group(f"layer/{number}")
            for key, value in layer.items():
                if key == "type":
                    group.create_dataset("type", (1,), "S10", [value.encode()])
                elif key == "neuron":
                    for name, entry in value.items():
                        group[f"neuron/{name}"] = entry
                else:
                    group[key] = value
    return path


def lif(rng: np.random.Generator, **changes: Any) -> dict[str, Any]:
    return {
        "type": "CUBA", "iDecay": int(rng.integers(100, 4097)), "vDecay": int(rng.integers(50, 1500)),
        "vThMant": int(rng.integers(20, 200)), "refDelay": 1, "gradedSpike": False, **changes,
    }  # fmt: skip


def sdnn(rng: np.random.Generator, **changes: Any) -> dict[str, Any]:
    return {"type": "SDNN", "activation": "relu", "vThMant": int(rng.integers(0, 12)), **changes}


def even(rng: np.random.Generator, *shape: int, most: int = 60) -> np.ndarray:
    return (2 * rng.integers(-most // 2, most // 2 + 1, shape)).astype(np.float32)


def dense(rng: np.random.Generator, n_in: int, n_out: int, neuron: dict[str, Any] | None, **more: Any) -> Layer:
    own = {} if neuron is None else {"neuron": neuron}
    return {
        "type": "dense", "shape": np.array([n_out]), "inFeatures": n_in, "outFeatures": n_out,
        "weight": even(rng, n_out, n_in), "bias": even(rng, n_out, most=8), **own, **more,
    }  # fmt: skip


def conv(
    rng: np.random.Generator, shape: tuple[int, int, int], channels: int, neuron: dict[str, Any], *,
    kernel: tuple[int, int] = (3, 3), stride: tuple[int, int] = (1, 1), padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1), groups: int = 1,
) -> Layer:  # fmt: skip
    """A convolution of a layer of file shape (C, H, W); pairs are (y, x)."""
    size = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(shape[1:], padding, dilation, kernel, stride, strict=True)
    ]
    return {
        "type": "conv", "shape": np.array([channels, *size]), "inChannels": shape[0], "outChannels": channels,
        "kernelSize": np.array(kernel), "stride": np.array(stride), "padding": np.array(padding),
        "dilation": np.array(dilation), "groups": groups, "neuron": neuron,
        "weight": even(rng, channels, shape[0] // groups, *kernel), "bias": even(rng, channels, most=8),
    }  # fmt: skip


def source(*shape: int, neuron: dict[str, Any] | None = None) -> Layer:
    """An input of file shape (C, H, W), or flat."""
    return {"type": "input", "shape": np.array(shape)} | ({} if neuron is None else {"neuron": neuron})


def flatten(n: int) -> Layer:
    return {"type": "flatten", "shape": np.array([n, 1, 1])}
