"""The network of a netx file from Lava's own processes, wired by hand: axes as Lava has them, no code of ours in it.

Runs in a process with Lava. The layers are those of ``netx_files``: plain dictionaries, as they are in the file.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def run(layers: list[dict[str, Any]], inputs: np.ndarray, steps: int, graded_input: bool, reset: int = 0) -> np.ndarray:
    """Messages (steps, n) of the last layer; ``inputs`` (steps, *shape) in Lava's order."""
    from substrates.loihi2.lava.loader import load_lava

    load_lava()  # makes it importable on Python 3.11
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    data = np.zeros((*inputs.shape[1:], steps), np.int32)
    data[..., : len(inputs)] = np.moveaxis(inputs, 0, -1)[..., :steps]
    source = Source(data=data)
    out, bits, flatten, depth = source.s_out, 16 if graded_input else 0, False, 0
    for number, layer in enumerate(layers):
        kind = layer["type"]
        if kind == "flatten":
            flatten = number > 0 and len(out.shape) == 3
            continue
        if kind == "input" and "neuron" not in layer:
            continue
        shape = tuple(int(k) for k in np.asarray(layer["shape"])[::-1]) if kind in ("conv", "input") else None
        if kind.startswith("dense"):
            shape = (int(np.prod(layer["shape"])),)
        depth += 1
        neuron = _neuron(
            layer, shape, kind == "input", {"reset_interval": reset, "reset_offset": depth} if reset else {}
        )
        if kind == "input":
            out.connect(neuron.a_in)
        elif kind == "conv":
            synapse = _conv(layer, out.shape, bits)
            out.connect(synapse.s_in)
            synapse.a_out.connect(neuron.a_in)
        else:
            synapse = _dense(layer, "weight", shape[0], bits)
            (out.transpose([2, 1, 0]).flatten() if flatten else out).connect(synapse.s_in)
            synapse.a_out.connect(neuron.a_in)
            flatten = False
        if kind == "dense_rec":
            back = _dense(layer, "weight_rec", shape[0], bits)
            neuron.s_out.connect(back.s_in)
            back.a_out.connect(neuron.a_in)
        out, bits = neuron.s_out, 16 if layer.get("neuron", {}).get("type") == "SDNN" else 0
    sink = Sink(shape=out.shape, buffer=steps)
    out.connect(sink.a_in)
    sink.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        return np.rint(np.moveaxis(sink.data.get(), -1, 0)).astype(np.int64).reshape(steps, -1)
    finally:
        sink.stop()


def _neuron(layer: dict[str, Any], shape: tuple[int, ...], is_input: bool, reset: dict[str, int]) -> Any:
    from lava.proc.lif.process import LIF, LIFReset
    from lava.proc.sdn.process import Delta, Sigma, SigmaDelta

    bias = np.zeros(shape, np.int32)
    if "bias" in layer and not is_input:
        bias[...] = np.trunc(layer["bias"])
    neuron = layer.get("neuron", {"type": "CUBA", "iDecay": 0, "vDecay": 4096, "vThMant": 1 << 17})
    if neuron["type"] == "SDNN":
        if is_input:
            return Delta(shape=shape, vth=neuron["vThMant"], spike_exp=6, state_exp=6)
        if "sigma_output" in neuron:
            return Sigma(shape=shape)
        return SigmaDelta(shape=shape, vth=neuron["vThMant"], bias=bias, spike_exp=6, state_exp=6)
    return (LIFReset if reset else LIF)(
        shape=shape, du=neuron["iDecay"] - 1, dv=neuron["vDecay"], vth=neuron["vThMant"], bias_mant=bias, bias_exp=6,
        **reset,
    )  # fmt: skip


def _dense(layer: dict[str, Any], key: str, n: int, bits: int) -> Any:
    from lava.proc.dense.process import DelayDense, Dense

    weights = np.trunc(layer[key]).astype(int).reshape(n, -1)
    # Lava truncates odd mixed weights: the test's odd matrices are doubled by hand, the exponent halves the sum
    odd = (weights % 2).any() and weights.min() < 0 < weights.max()
    settings = {"weights": 2 * weights if odd else weights, "weight_exp": -int(odd), "num_message_bits": bits}
    if "delay" not in layer:
        return Dense(**settings)
    delay = np.asarray(layer["delay"])
    if delay.ndim == 1:
        delay = np.tile(delay[:, None], (1, weights.shape[1])) if len(delay) == n else np.tile(delay, (n, 1))
    return DelayDense(**settings, delays=np.broadcast_to(delay, weights.shape).astype(int), max_delay=62)


def _conv(layer: dict[str, Any], shape: tuple[int, ...], bits: int) -> Any:
    from lava.proc.conv.process import Conv

    kernel = np.trunc(layer["weight"]).astype(int)
    out, per_group, height, width = kernel.shape[:4]
    ours = np.zeros((out, width, height, per_group), int)
    for y in range(height):
        for x in range(width):
            ours[:, width - 1 - x, height - 1 - y, :] = kernel.reshape(kernel.shape[:4])[:, :, y, x]
    pairs = {key: tuple(int(k) for k in np.asarray(layer[key])[::-1]) for key in ("stride", "padding", "dilation")}
    return Conv(input_shape=shape, weight=ours, groups=int(layer["groups"]), num_message_bits=bits, **pairs)
