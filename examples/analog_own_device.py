"""A device of your own: its faults in a TOML file, a chip of that kind, and how far its equilibria are off."""

import tempfile
from pathlib import Path

import torch

from substrates.analog import AnalogMachine, IdealMachine, load_preset
from substrates.base import Stop
from substrates.network import layered

DEVICE = """
title = "my device"
grade = "assumed"
[parameters]
conductance_mismatch = 0.03
levels = 16
on_off_ratio = 20.0
read_noise_proportional = 0.01
drift_exponent = 0.03
drift_spread = 0.2
"""

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "mine.toml"
    path.write_text(DEVICE)
    kind = load_preset(path)

network, inputs = layered([20, 16, 12, 4], seed=1), torch.rand(32, 20)
ideal = IdealMachine(network)
exact = ideal.relax(ideal.drive(inputs), Stop(200, 1e-5))
machine = AnalogMachine(network, kind, seed=7)
for age in (0.0, 3600.0, 30 * 86400.0):
    machine.age(age - machine.instance.clock_s)
    got = machine.relax(machine.drive(inputs), Stop(200))
    off = max(float((a - b).abs().mean()) for a, b in zip(exact.activities, got.activities))
    print(f"age {age:9.0f} s: mean activity error {off:.4f}")
