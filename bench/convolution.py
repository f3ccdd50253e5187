"""A sweep of a convolutional network against plain torch code of the same equations, on one thread; prints JSON.

    python bench/benchmarks.py run convolution

Plain: `conv2d`, `avg_pool2d` and `conv_transpose2d` as one writes them down, channels first; with softmax pooling the
feedback is the vector-Jacobian product of the pooled convolution, as in the published code. Both run alternating whole
steps, batch 50, ten sweeps, no stopping; the shorter of several turns each, taken in alternation, in processor time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from substrates.analog import IdealMachine
from substrates.analog.solvers import AlternatingBlocks
from substrates.base import Stop
from substrates.network import convolutional

SHAPES = (((1, 28, 28), (32, 64)), ((3, 32, 32), (32, 64, 64)), ((3, 32, 32), (64, 128, 256)))
BATCH, SWEEPS = 50, 10


def softmax_pool(x: torch.Tensor) -> torch.Tensor:
    b, c, h, w = x.shape
    x = x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 1, 2, 4, 3, 5).flatten(-2)
    return (x * torch.softmax(x, -1)).sum(-1)


def plain_sweeps(network: Any, currents: Any, pooling: str) -> Callable[[], Any]:
    """The same sweeps, written down in torch."""
    layers = len(network.populations)
    forward = {c.target: c for c in network.couplings if type(c).__name__ == "Convolution" and c.source >= 0}
    backward = {c.target: c for c in network.couplings if type(c).__name__ == "ConvolutionFeedback"}
    groups = (range(0, layers, 2), range(1, layers, 2))

    def from_below(i: int, v: list[torch.Tensor]) -> torch.Tensor:
        y = functional.conv2d(v[i - 1], forward[i].weight, padding=forward[i].padding)
        return functional.avg_pool2d(y, 2) if pooling == "average" else softmax_pool(y)

    def from_above(i: int, v: list[torch.Tensor]) -> torch.Tensor:
        k, padding = backward[i].weight, backward[i].mirror.padding
        if pooling == "softmax":
            _, back = torch.func.vjp(lambda x: softmax_pool(functional.conv2d(x, k, padding=padding)), v[i])
            return back(v[i + 1])[0]
        high = v[i + 1].repeat_interleave(2, 2).repeat_interleave(2, 3) / 4
        missing = v[i].shape[2] + 2 * padding - 2 - high.shape[2]
        return functional.conv_transpose2d(functional.pad(high, (0, missing, 0, missing)), k, padding=padding)

    def sweeps() -> list[torch.Tensor]:
        u = [torch.zeros_like(c) for c in currents]
        v = [torch.sigmoid(4 * x - 2) for x in u]
        for _ in range(SWEEPS):
            for group in groups:
                for i in group:
                    total = currents[i]
                    if i > 0:
                        total = total + from_below(i, v)
                    if i < layers - 1:
                        total = total + from_above(i, v)
                    u[i] = total
                for i in group:
                    v[i] = torch.sigmoid(4 * u[i] - 2)
        return u

    return sweeps


def compare(shape: tuple[int, int, int], channels: tuple[int, ...], pooling: str, turns: int) -> dict[str, Any]:
    network = convolutional(shape, channels, pooling=pooling, angle=90, activation="logistic", seed=1)
    machine = IdealMachine(network, solver=AlternatingBlocks(1.0))
    drive = machine.drive(torch.rand(BATCH, *shape, generator=torch.Generator().manual_seed(0)))
    plain = plain_sweeps(network, [c.contiguous() for c in drive.currents], pooling)

    def ours() -> Any:
        return machine.relax(drive, Stop(SWEEPS))

    with torch.no_grad():
        found, wanted = ours().membranes, plain()
        gap = max(float((a - b).abs().max()) for a, b in zip(found, wanted))
        assert gap < 1e-4, f"the two compute different things: {gap}"
        best = {"ours": float("inf"), "plain": float("inf")}
        for _ in range(turns):
            for name, function in (("ours", ours), ("plain", plain)):
                start = time.process_time()
                function()
                best[name] = min(best[name], time.process_time() - start)
    return {
        "input": "x".join(map(str, shape)),
        "channels": "-".join(map(str, channels)),
        "pooling": pooling,
        "ours_ms_a_sweep": 1e3 * best["ours"] / SWEEPS,
        "plain_ms_a_sweep": 1e3 * best["plain"] / SWEEPS,
        "largest_difference": gap,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=4)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare(*shape, pooling, arguments.turns) for pooling in ("average", "softmax") for shape in SHAPES]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
