"""The epoch part of ``equipoise bench ep``: the paper's recipe on Fashion-MNIST, at fixed steps and stopped.

Every form starts from the same weights and sees the same batches, so the accuracies can be compared; they are
measured with one and the same relaxation, whatever the form.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from learning_rules import Phases
    from substrates.analog.solvers import Solver
    from substrates.network import Network

__all__ = ["epoch"]

SIZES, BATCH, NUDGE, LR, MOMENTUM = (784, 256, 256, 10), 50, 0.5, 0.01, 0.9
SAMPLES = 60_000


@dataclass(frozen=True)
class _Images:
    name: str
    inputs: Tensor
    targets: Tensor
    test_inputs: Tensor
    test_targets: Tensor


def _images() -> _Images:
    """Fashion-MNIST where it is installed; otherwise random images, whose accuracy means nothing."""
    import torch

    from equipoise.training.datasets import load_dataset
    from equipoise.training.datasets.idx import SYSTEM, cache_folder

    if not any(folder.is_dir() for folder in (SYSTEM["fashion-mnist"], cache_folder("fashion-mnist"))):
        generator = torch.Generator().manual_seed(0)
        x, y = torch.rand(5000, SIZES[0], generator=generator), torch.randint(0, 10, (5000,), generator=generator)
        return _Images("random", x, y, x[:1000], y[:1000])
    split = load_dataset("fashion-mnist").flattened()  # raises where the files are damaged
    return _Images("Fashion-MNIST", split.train_inputs, split.train_targets, split.test_inputs, split.test_targets)


def _network(seed: int) -> Network:
    from substrates.network import layered

    return layered(SIZES, seed=seed)


def _forms() -> list[tuple[str, Solver, Phases]]:
    from learning_rules import Phases
    from substrates.analog.solvers import AlternatingBlocks, DiscreteMap
    from substrates.base import Stop

    return [
        ("map, 150 and 20 steps", DiscreteMap(), Phases(Stop(150), Stop(20))),
        ("alternating, 75 and 10 sweeps (the same depth)", AlternatingBlocks(), Phases(Stop(75), Stop(10))),
        (
            "alternating, the same, each sample stopped at residual 1e-3",
            AlternatingBlocks(),
            Phases(Stop(75, 1e-3, 1), Stop(10, 1e-3, 1)),
        ),
    ]


def epoch(batches: int, seed: int, peak: float) -> list[dict[str, Any]]:
    """Seconds of processor time per epoch, settling and accuracy of every form.

    Args:
        batches: how many batches of 50 to train; the time is scaled to an epoch's 1200 from the median batch, and is
            the sum itself when it is 1200. Early batches settle sooner than later ones.
        seed: of the weights and of the order of the images.
        peak: GFLOP/s of this core's matrix product.
    """
    images = _images()
    return [_train(name, solver, phases, images, batches, seed, peak) for name, solver, phases in _forms()]


def _train(
    name: str, solver: Solver, phases: Phases, images: _Images, batches: int, seed: int, peak: float
) -> dict[str, Any]:
    import numpy as np
    import torch

    from equipoise.training.evaluate import accuracy
    from hw_profiles.ledger import Event, Ledger, Phase
    from learning_rules import Centered, Learner, SamplePolicy
    from substrates.analog import IdealMachine
    from substrates.base import Stop

    network = _network(seed)
    machine = IdealMachine(network, solver=solver)
    optimizer = torch.optim.SGD(network.parameters(), lr=LR, momentum=MOMENTUM, fused=True)
    learner = Learner(Centered(NUDGE), phases, policy=SamplePolicy("keep"))
    state, ledger = learner.init(), Ledger()
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(images.targets)))
    order = order.repeat(-(-batches * BATCH // len(order)))[: batches * BATCH]
    # compile and load before the clock runs
    learner.step(machine, images.inputs[:BATCH], images.targets[:BATCH], state)
    times = []
    converged = 0
    for index in order.split(BATCH):
        begin = time.thread_time()
        optimizer.zero_grad()
        report, state = learner.step(machine, images.inputs[index], images.targets[index], state)
        optimizer.step()
        times.append(time.thread_time() - begin)
        ledger.merge(report.ledger)
        converged += report.converged
    whole = SAMPLES // BATCH
    seconds = sum(times) if batches == whole else whole * sorted(times)[len(times) // 2]
    samples = batches * BATCH
    correct, _, _ = accuracy(machine, images.test_inputs, images.test_targets, Stop(300, 1e-4))
    return {
        "variant": name,
        "images": images.name,
        "batches": batches,
        "seconds_per_epoch": seconds,
        # every batch of fixed steps is the same work: this is what other work on the machine cost
        "mean_over_best_batch": None if phases.free.tolerance else sum(times) / len(times) / min(times),
        "free_steps": ledger.total(Event.STEPS, phase="free") / samples,
        "nudged_steps": sum(ledger.total(Event.STEPS, phase=phase) for phase in (Phase.NUDGE_PLUS, Phase.NUDGE_MINUS))
        / samples
        / 2,
        "converged_share": converged / samples,
        "share_of_peak": 2 * ledger.total(Event.MACS) / sum(times) / 1e9 / peak,
        "test_accuracy": correct if images.name != "random" else None,
    }
