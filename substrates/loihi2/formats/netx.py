"""Read lava-dl's netx HDF5 (what SLAYER's ``export_hdf5`` writes) without Lava.

    network = read_netx("network.net")
    run = Engine(network.program(spikes)).run(steps, [Probe(network.output.name)])

Groups ``/layer/0``, ``/layer/1``, ... are input, dense, dense_rec, conv or flatten. The file's axes are (channels,
height, width), Lava's (width, height, channels): shapes, strides, paddings and dilations are reversed, kernels mirrored
and transposed, and the columns of a dense layer behind a flatten permuted. Integers that come out are those of
lava-dl's own reader on Lava's fixed-point processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.reading import open_hdf5
from hw_profiles.texts import shown
from substrates.loihi2.formats.network import ImportedNetwork, Layer
from substrates.loihi2.formats.netx_groups import NetxGroup
from substrates.loihi2.formats.netx_neurons import LACKING, NEURONS, netx_neuron
from substrates.loihi2.formats.netx_weights import dense_synapses
from substrates.loihi2.neurons.base import Neuron
from substrates.loihi2.neurons.lif import LIF
from substrates.loihi2.neurons.lif_reset import LIFReset
from substrates.loihi2.synapses import Conv

__all__ = ["read_netx"]

WHAT = "network of lava-dl (netx)"
FIX = "export it again with lava-dl's export_hdf5; a file of a few lines of text is a pointer of Git LFS: git lfs pull"
LAYERS = ("input", "dense", "dense_rec", "conv", "flatten")
#: layers that files name and that are not here -> what comes nearest
NEAREST = {
    "pool": "a conv with the pool's size as stride and kernel",
    "convT": "a dense layer with the same matrix",
    "unpool": "a dense layer with the same matrix",
    "average": "reading the output as it is: stop before this layer",
    "concat": "a dense layer that reads the joined input",
    "add": "two connections into one layer, built by hand",
}
LONGEST_DELAY = 62  #: lava-dl clips to it


@dataclass
class _Reading:
    """What is known while the layers are walked through."""

    spike_exp: int
    reset: tuple[int, int] | None  #: interval and offset of the first layer
    graded: bool  #: the messages of the layer before carry values
    shape: tuple[int, ...] | None  #: of the layer before
    layers: list[Layer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    flatten: bool = False
    input_shape: tuple[int, ...] | None = None
    transform: tuple[int, int] | None = None


def read_netx(
    path: str | Path,
    *,
    layers: int | None = None,
    graded_input: bool = False,
    input_shape: tuple[int, int, int] | None = None,
    spike_exp: int = 6,
    reset_interval: int | None = None,
    reset_offset: int = 0,
) -> ImportedNetwork:
    """Read a network.

    Args:
        path: HDF5 file.
        layers: read the first so many groups only.
        graded_input: the values of the input count (else each is a spike); input neurons decide for themselves.
        input_shape: (width, height, channels), where the file begins with a convolution and does not say.
        spike_exp: fraction bits of messages between sigma-delta layers.
        reset_interval, reset_offset: clear LIF neurons every so many steps, each layer a step after the one before, so
            that samples follow each other in one run: layer k before steps t with t mod interval = (offset + 1 + k)
            mod interval.

    Raises:
        InputError: not a netx file, damaged, with layers or neurons that are not here (all are named, each with the
            nearest that is), or with numbers that do not fit.
    """
    with open_hdf5(path, WHAT, FIX) as file:
        groups = _groups(file, Path(path).name, layers)
        _refuse(groups, Path(path).name)
        reset = None if reset_interval is None else (reset_interval, reset_offset + 1)
        state = _Reading(spike_exp, reset, graded_input, input_shape, input_shape=input_shape)
        for number, group in enumerate(groups):
            _LAYERS[group.text("type")](state, group, number)
    if not state.layers:
        raise InputError(f"{path} holds no layer of neurons in its first {len(groups)} groups")
    assert state.input_shape is not None  # the first layer says it
    return ImportedNetwork(Path(path).name, state.input_shape, tuple(state.layers), state.transform, tuple(state.notes))


def _groups(file: Any, name: str, layers: int | None) -> list[NetxGroup]:
    if "layer" not in file or not hasattr(file["layer"], "keys") or not len(file["layer"]):
        raise InputError(
            f"{name} has no group 'layer' with layers; it holds {shown(', '.join(file)) or 'nothing'}. {FIX}"
        )
    inside = file["layer"]
    names = [str(k) for k in range(len(inside))]
    missing = [k for k in names if k not in inside or not hasattr(inside[k], "keys")]
    if missing:
        raise InputError(f"{name}: layers are numbered from 0 on without gaps, /layer/{missing[0]} is no group; {FIX}")
    if layers is not None and not 1 <= layers <= len(names):
        raise InputError(f"{name} has {len(names)} layers; read 1 to {len(names)} of them, not {layers}")
    return [NetxGroup(inside[k], f"/layer/{k}") for k in names[:layers]]


def _refuse(groups: list[NetxGroup], name: str) -> None:
    """Name everything at once that cannot be read."""
    problems = []
    for group in groups:
        kind = group.text("type")
        if kind not in LAYERS:
            problems.append(f"{group.place} is {shown(kind)!r} (nearest: {NEAREST.get(kind, 'none')})")
        elif "neuron" in group:
            neuron = group.inner("neuron").text("type")
            if neuron not in NEURONS:
                problems.append(f"{group.place} has neurons {shown(neuron)!r} (nearest: {LACKING.get(neuron, 'none')})")
            elif "weight" in group and hasattr(group.group["weight"], "keys"):
                problems.append(f"{group.place} has complex weights (nearest: two dense layers)")
    if problems:
        raise InputError(
            f"{name} needs what is not here: {'; '.join(problems)}. There are {', '.join(LAYERS)} with "
            f"{', '.join(NEURONS)}; layers=N reads the first N only"
        )


def _input(state: _Reading, group: NetxGroup, number: int) -> None:
    state.shape = group.shape()
    state.input_shape = state.shape
    if number:
        raise InputError(f"{group.place} is an input behind other layers; expected it first")
    if "neuron" not in group:
        return
    neuron = _resetting(state, netx_neuron(group.inner("neuron"), 0, is_input=True, spike_exp=state.spike_exp))
    state.transform = (group.number("weight", 64), group.number("bias", 0))
    state.layers.append(Layer(f"input{number}", "input", state.shape, neuron))
    state.graded = neuron.graded


def _flatten(state: _Reading, group: NetxGroup, number: int) -> None:
    state.flatten = True


def _conv(state: _Reading, group: NetxGroup, number: int) -> None:
    shape = group.shape()
    if state.shape is None:
        raise InputError(f"{group.place}: the file does not say the shape of its input; give input_shape (W, H, C)")
    if len(state.shape) != 3 or state.flatten:
        raise InputError(f"{group.place} is a convolution behind a layer of shape {state.shape}; expected three sizes")
    kernel = group.integers("weight")
    if kernel.ndim == 5 and kernel.shape[4] == 1:
        kernel = kernel[..., 0]
    if kernel.ndim != 4:
        raise InputError(
            f"{group.place}/weight has shape {kernel.shape}; a kernel has (out, in / groups, height, width)"
        )
    try:
        synapses = Conv(
            kernel[:, :, ::-1, ::-1].transpose(0, 3, 2, 1),
            state.shape,
            stride=group.pair("stride", 1),
            padding=group.pair("padding", 0),
            dilation=group.pair("dilation", 1),
            groups=group.number("groups", 1),
            graded=state.graded,
        )
    except InputError as error:
        raise InputError(f"{group.place}: {error}") from None
    if synapses.output_shape != shape:
        raise InputError(f"{group.place} says shape {shape}, its kernel makes {synapses.output_shape} of {state.shape}")
    if "delay" in group:
        state.notes.append(f"{group.place}/delay has no effect on a convolution (nor in lava-dl's netx)")
    _append(state, group, number, shape, synapses=synapses)


def _dense(state: _Reading, group: NetxGroup, number: int) -> None:
    n = prod(group.shape())
    recurrent = group.text("type") == "dense_rec"
    weight = _matrix(group, "weight", n)
    if state.shape is None:
        state.shape = state.input_shape = (weight.shape[1],)
    if not state.layers and state.flatten:  # the input is given in the order of the columns
        state.shape = state.input_shape = (prod(state.shape),)
    if weight.shape[1] != prod(state.shape):
        raise InputError(
            f"{group.place}/weight has {weight.shape[1]} columns, the layer before {prod(state.shape)} neurons"
        )
    order = _order(state, group)
    delays = _delays(state, group, (n, weight.shape[1]))
    matrices = [weight[:, order]]
    if recurrent:
        if "delay" in group:
            raise InputError(f"{group.place} is recurrent and has delays; netx drops its weight exponent there")
        back = _matrix(group, "weight_rec", n)
        if back.shape != (n, n):
            raise InputError(f"{group.place}/weight_rec has shape {back.shape}, expected {(n, n)}")
        matrices.append(back)
    graded = state.graded
    made = dense_synapses(
        matrices, group.place, state.notes, graded=graded, delays=delays[:, order] if np.ndim(delays) else delays
    )
    back_synapses = made[1] if recurrent else None
    _append(state, group, number, (n,), synapses=made[0], recurrent=back_synapses)
    state.flatten = False


#: type of a layer -> what reads it
_LAYERS = {"input": _input, "flatten": _flatten, "conv": _conv, "dense": _dense, "dense_rec": _dense}


def _append(state: _Reading, group: NetxGroup, number: int, shape: tuple[int, ...], **synapses: Any) -> None:
    """Add a layer of ``shape`` with the file's neurons and bias."""
    neuron = netx_neuron(
        group.inner("neuron") if "neuron" in group else None,
        _bias(group, shape),
        is_input=False,
        spike_exp=state.spike_exp,
    )
    neuron = _resetting(state, neuron)
    kind = group.text("type")
    state.layers.append(Layer(f"{kind.partition('_')[0]}{number}", kind, shape, neuron, **synapses))
    state.shape, state.graded = shape, neuron.graded


def _resetting(state: _Reading, neuron: Neuron) -> Neuron:
    """``neuron`` with the resets of its layer, if there are any and it takes them."""
    if state.reset is None or not isinstance(neuron, LIF):
        return neuron
    interval, offset = state.reset
    return LIFReset(**vars(neuron), reset_interval=interval, reset_offset=offset + len(state.layers))


def _matrix(group: NetxGroup, key: str, n: int) -> npt.NDArray[np.int64]:
    values = group.integers(key)
    if values.ndim not in (1, 2) or values.size % n or (values.ndim == 2 and values.shape[0] != n):
        raise InputError(f"{group.place}/{key} has shape {values.shape}; expected ({n}, inputs)")
    return values.reshape(n, -1)


def _order(state: _Reading, group: NetxGroup) -> npt.NDArray[np.int64]:
    """Which column of the file's matrix each neuron of the layer before meets."""
    assert state.shape is not None
    columns = np.arange(prod(state.shape))
    if len(state.shape) == 1:
        return columns
    if not state.flatten:
        raise InputError(f"{group.place} is dense behind a layer of shape {state.shape}; expected a flatten between")
    return columns.reshape(state.shape[::-1]).transpose().reshape(-1)


def _bias(group: NetxGroup, shape: tuple[int, ...]) -> Any:
    """Bias per neuron, from one per channel (of a dense layer: per neuron); 0 without one."""
    if "bias" not in group:
        return 0
    values = group.integers("bias").reshape(-1)
    if not values.any():
        return 0
    if values.size not in (1, shape[-1]):
        raise InputError(
            f"{group.place}/bias has {values.size} values for {prod(shape)} neurons of {shape[-1]} channels"
        )
    return np.broadcast_to(values, shape).reshape(-1)


def _delays(state: _Reading, group: NetxGroup, shape: tuple[int, int]) -> Any:
    """Delay per synapse (targets, sources): from one number, one per target, one per source, or a matrix.

    A square layer takes one per target, as netx does.
    """
    if "delay" not in group:
        return 0
    values = group.integers("delay")
    if values.min() < 0:
        raise InputError(f"{group.place}/delay holds {int(values.min())}; expected 0 to {LONGEST_DELAY}")
    if values.max() > LONGEST_DELAY:
        state.notes.append(f"{group.place}/delay: up to {int(values.max())}, clipped to {LONGEST_DELAY}")
        values = np.minimum(values, LONGEST_DELAY)
    if values.size == 1:
        return np.full(shape, int(values.reshape(-1)[0]))
    if values.shape == shape:
        return values
    if values.ndim == 1 and values.size == shape[0]:
        return np.repeat(values[:, None], shape[1], axis=1)
    if values.ndim == 1 and values.size == shape[1]:
        return np.repeat(values[None, :], shape[0], axis=0)
    raise InputError(f"{group.place}/delay has shape {values.shape} for weights of shape {shape}")
