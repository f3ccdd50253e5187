"""Read-out noise against nudge size and number of points: small nudges drown, large ones need more points.

python examples/ep_noise_vs_nudge.py
"""

from __future__ import annotations

import torch

from learning_rules import Cauchy, Phases, Tangent, cosines
from substrates.analog import AnalogMachine, ChipParameters, IdealMachine
from substrates.base import Stop
from substrates.network import layered


def main(*, batch: int = 200, noises: tuple[float, ...] = (0.0, 0.001, 0.01)) -> dict[tuple[float, float, int], float]:
    torch.manual_seed(0)
    network = layered((20, 40, 10), angle=0.0, seed=1)
    inputs, target = torch.rand(batch, 20), torch.randint(0, 10, (batch,))
    phases = Phases(Stop(200, 1e-6), Stop(60, 0.0))
    ideal = IdealMachine(network)
    drive = ideal.drive(inputs)
    exact = Tangent().estimate(ideal, drive, target, phases, ideal.relax(drive, phases.free)).errors
    found: dict[tuple[float, float, int], float] = {}
    print("cosine with dv/dbeta in the hidden layer\nnoise    nudge " + "".join(f"   N={n}" for n in (1, 2, 4, 6)))
    for noise in noises:
        for nudge in (0.02, 0.1, 0.5, 1.0):
            for count in (1, 2, 4, 6):
                chip = AnalogMachine(network, ChipParameters(readout_noise=noise), seed=0)
                at = chip.drive(inputs)
                free = chip.relax(at, phases.free)
                errors = Cauchy(nudge, "none", count).estimate(chip, at, target, phases, free).errors
                found[noise, nudge, count] = cosines(errors, exact)[0]
            row = "".join(f"{found[noise, nudge, n]:6.2f}" for n in (1, 2, 4, 6))
            print(f"{noise:<8g} {nudge:<5g} {row}")
    return found


if __name__ == "__main__":
    main()
