"""The trade-off picture: a coarser threshold saves messages and costs gradient quality. Here is how much.

python examples/loihi2_tradeoff.py [picture.png] [samples]
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch

from equipoise.training.datasets import load_dataset
from hw_profiles.ledger import Event
from learning_rules import Adjoint, Centered, Phases, cosines
from substrates.analog import IdealMachine
from substrates.base import Stop
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.network import layered


def main(picture: str = "loihi2_tradeoff.png", samples: int = 200) -> list[tuple[float, float, float]]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    warnings.filterwarnings("ignore", message="the nudge does not reach")  # the coarse end is the point here
    torch.set_num_threads(1)
    data = load_dataset("digits").flattened()
    x, y = data.test_inputs[:samples], data.test_targets[:samples]
    network = layered([64, 128, 10], angle=30.0, seed=0)
    ideal, phases = IdealMachine(network), Phases(Stop(150), Stop(20))
    drive = ideal.drive(x)
    settled = ideal.relax(drive, Stop(400, 1e-6))
    exact = Adjoint().estimate(ideal, drive, y, Phases(Stop(400, 1e-6), Stop(400, 1e-7)), settled)
    rows = []
    for power in range(4, 17, 2):
        machine = Loihi2Machine(network, threshold=2.0**-power)
        drive = machine.drive(x)
        free = machine.relax(drive, phases.free)
        estimate = Centered(nudge=0.5).estimate(machine, drive, y, phases, free)
        messages = (free.ledger + estimate.ledger).total(Event.MESSAGES) / samples
        rows.append((2.0**-power, messages, cosines(estimate.errors, exact.errors)[0]))
        print(f"threshold 2^-{power}: {messages:.0f} messages per sample, hidden cosine {rows[-1][2]:.3f}")
    figure, axes = plt.subplots(constrained_layout=True)
    axes.plot([r[1] for r in rows], [r[2] for r in rows], marker="o")
    for threshold, messages, cosine in rows:
        axes.annotate(f"{threshold:.2g}", (messages, cosine), textcoords="offset points", xytext=(6, -10))
    axes.set(xlabel="messages per training sample", ylabel="hidden cosine with the exact gradient", xscale="log")
    figure.savefig(Path(picture), dpi=150)
    plt.close(figure)
    return rows


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))
