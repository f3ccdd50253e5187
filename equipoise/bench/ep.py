"""``equipoise bench ep``: relaxation and training speed against plain forms and the core's matrix-product peak.

Every ratio comes from one run: the plain forms, the peak and ours are timed in turn, best of several. Times are the
thread's processor time, so other work on the machine enters only through caches and memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.network import Network

__all__ = ["command"]

STEPS = 100
NETWORKS = ([784, 512, 10], [784, 512, 512, 10], [784, 256, 256, 10])


def _best(run: Callable[[], object], seconds: float = 1.0) -> float:
    """Shortest time of one call, over about ``seconds``."""
    run()
    best, end = float("inf"), time.thread_time() + seconds
    while time.thread_time() < end:
        begin = time.thread_time()
        run()
        best = min(best, time.thread_time() - begin)
    return best


def _peak() -> float:
    """GFLOP/s of the best float32 product: a large library product, and our own tile on data that fits the cache."""
    import numpy as np
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    from substrates.analog.kernels.product import PANEL, accumulate, pack

    a = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    out = np.empty_like(a)
    with threadpool_limits(1):  # the clock sees this thread alone
        library = 2 * 1024**3 / _best(lambda: np.dot(a, a, out=out)) / 1e9
    v, w = a[:64, :256].copy(), pack(a[:256, :256].copy())
    c = np.zeros((64, 256 // PANEL * PANEL), np.float32)

    def ours() -> None:
        for _ in range(50):
            accumulate(c, 0, 256, v, 0, 256, w, 0, 64)

    return max(library, 50 * 2 * 64 * 256 * 256 / _best(ours) / 1e9)


def _plain(network: Network, x: Tensor) -> None:
    """The same steps written plainly in torch: layer by layer, the input product at every step."""
    import torch

    with torch.no_grad():
        u = network.rest(len(x))
        for _ in range(STEPS):
            v = network.activate(u)
            forces = list(network.recurrent_currents(v))
            for coupling in network.couplings:
                if coupling.source == -1:
                    forces[coupling.target] = forces[coupling.target] + coupling.linear(x)
                forces[coupling.target] = coupling.add_bias(forces[coupling.target])
            u = tuple(forces)


def _energy(network: Network, x: Tensor) -> None:
    """A primitive function and automatic differentiation: v <- d Phi / d v, the form of the research codes."""
    import torch

    forward = [c for c in network.couplings if c.target > c.source]
    state = [torch.zeros(len(x), p.size, requires_grad=True) for p in network.populations]
    for _ in range(STEPS):
        phi = torch.zeros(())
        for coupling in forward:
            pre = x if coupling.source == -1 else state[coupling.source]
            phi = phi + (coupling(pre) * state[coupling.target]).sum()
        gradients = torch.autograd.grad(phi, state)
        state = [torch.sigmoid(4 * g - 2).detach().requires_grad_(True) for g in gradients]


def _relaxation(sizes: list[int], batch: int, peak: float) -> dict[str, Any]:
    import torch

    from substrates.analog import IdealMachine
    from substrates.analog.solvers import DiscreteMap
    from substrates.base import Stop
    from substrates.network import layered

    network = layered(sizes)
    x = torch.rand(batch, sizes[0], generator=torch.Generator().manual_seed(0))
    machine = IdealMachine(network, solver=DiscreteMap())
    ours = _best(lambda: machine.relax(machine.drive(x), Stop(STEPS)))
    plain, energy = _best(lambda: _plain(network, x)), _best(lambda: _energy(network, x))
    # what the steps need: the input's product once, the recurrent ones at every step
    once, every = (sum(c.macs for c in some) for some in (network.input_couplings(), network.recurrent_couplings()))
    rate = 2 * (once + every * STEPS) * batch / ours / 1e9
    return {
        "layers": "-".join(map(str, sizes)),
        "batch": batch,
        "ms": ours * 1e3,
        "gflops": rate,
        "share_of_peak": rate / peak,
        "plain_torch_ms": plain * 1e3,
        "energy_autograd_ms": energy * 1e3,
        "times_faster_than_plain": plain / ours,
        "times_faster_than_energy_autograd": energy / ours,
    }


def _noise() -> list[dict[str, Any]]:
    import torch

    from substrates.analog import AnalogMachine, ChipParameters
    from substrates.base import Stop
    from substrates.network import layered

    rows, network, x = [], layered([784, 256, 256, 10]), torch.rand(50, 784)
    clean = None
    for name, chip in (
        ("none", ChipParameters(gain_mismatch=0.05)),
        ("state", ChipParameters(gain_mismatch=0.05, state_noise=0.01)),
        ("state and read, additive", ChipParameters(gain_mismatch=0.05, state_noise=0.01, read_noise=0.01)),
        ("state and read, proportional", ChipParameters(state_noise=0.01, read_noise_proportional=0.01)),
    ):
        machine = AnalogMachine(network, chip)
        drive = machine.drive(x)
        took = _best(lambda m=machine, d=drive: m.relax(d, Stop(STEPS)))  # type: ignore[misc]
        clean = clean or took
        rows.append({"noise": name, "ms": took * 1e3, "times_noise_free": took / clean})
    return rows


@click.command(name="ep")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option(
    "--batches", default=20, show_default=True, type=click.IntRange(1), help="Batches trained for the epoch figures."
)
@click.option("--full", is_flag=True, help="Train the whole epoch of 1200 batches, in place of --batches.")
@click.option("--seed", default=0, show_default=True, help="Of the epoch's weights and order of images.")
def command(as_json: bool, batches: int, full: bool, seed: int) -> None:
    """Relaxation and training speed, one thread, in GFLOP/s and as a share of this core's matrix-product peak.

    The epoch is trained on Fashion-MNIST where it is installed, at fixed steps and stopped at the residual, and the
    test accuracy each form reached is given beside its time.
    """
    import torch

    from equipoise.bench.ep_epoch import SAMPLES, epoch
    from equipoise.cli._common import console, emit_json

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        peak = _peak()
        relaxations = [_relaxation(sizes, batch, peak) for sizes in NETWORKS for batch in (1, 128)]
        noise = _noise()
        epochs = epoch(SAMPLES // 50 if full else batches, seed, peak)
        result = {"peak_gflops": peak, "relaxation": relaxations, "epoch": epochs, "noise": noise}
    finally:
        torch.set_num_threads(threads)
    if as_json:
        emit_json(result)
        return
    out = console()
    out.print(f"matrix-product peak of this core: {peak:.0f} GFLOP/s (float32, one thread)")
    for r in relaxations:
        out.print(
            f"{r['layers']} batch {r['batch']}, {STEPS} steps: {r['ms']:.3f} ms, {r['gflops']:.0f} GFLOP/s "
            f"({r['share_of_peak']:.0%} of peak), {r['times_faster_than_plain']:.1f}x plain torch, "
            f"{r['times_faster_than_energy_autograd']:.1f}x energy and autograd"
        )
    for row in (*epochs, *noise):
        out.print(", ".join(f"{k} {v:.2f}" if isinstance(v, float) else f"{k}: {v}" for k, v in row.items()))
