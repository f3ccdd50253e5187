"""Ten chips of one kind beside their ideal twin: how far apart their equilibria are, fault by fault."""

import torch

from substrates.analog import AnalogMachine, ChipParameters, IdealMachine
from substrates.base import Stop
from substrates.network import layered

FAULTS = {
    "gain mismatch 5 %": ChipParameters(gain_mismatch=0.05),
    "offset 0.02": ChipParameters(offset_mismatch=0.02),
    "conductance mismatch 5 %": ChipParameters(conductance_mismatch=0.05),
    "6-bit weights": ChipParameters(levels=32),
    "read noise 1 %": ChipParameters(read_noise_proportional=0.01),
    "time constants 20 %": ChipParameters(time_constant_mismatch=0.2),
}
network, inputs = layered([30, 24, 16, 5], seed=1), torch.rand(16, 30)
ideal = IdealMachine(network)
exact = ideal.relax(ideal.drive(inputs), Stop(300, 1e-5)).activities
for name, chip in FAULTS.items():
    errors = []
    for seed in range(10):
        machine = AnalogMachine(network, chip, seed=seed)
        got = machine.relax(machine.drive(inputs), Stop(300)).activities
        errors.append(torch.cat([(a - b).abs().flatten() for a, b in zip(exact, got)]).mean())
    spread = torch.stack(errors)
    low, high = float(spread.min()), float(spread.max())
    print(f"{name:26s} mean activity error {float(spread.mean()):.5f} (chips: {low:.5f} to {high:.5f})")
