# %% [markdown]
# # Train on your own device
#
# A device is a TOML file: its faults, and where known its voltages, conductances and converters. Here one with few levels
# and strong mismatch. What is not said comes from the target's recipe, homeostasis among it; one run leaves that out.

# %%
import tempfile
from pathlib import Path

from equipoise import TrainConfig, train

device = Path(tempfile.mkdtemp()) / "mine.toml"
device.write_text(
    """
title = "my device"
grade = "assumed"
[parameters]
conductance_mismatch = 0.10
levels = 32
on_off_ratio = 20.0
read_noise_proportional = 0.01
"""
)

# %%
shared = {"dataset": "digits", "target": "analog", "angle": 90, "epochs": 4, "train_samples": 700}
runs = {
    "no chip": train(TrainConfig(**{**shared, "target": "ideal"})),
    "my device": train(TrainConfig(**shared, chip=device)),
    "without homeostasis": train(TrainConfig(**shared, chip=device, homeostasis=0.0)),
}
for name, result in runs.items():
    print(f"{name:24s} {100 * result.test_accuracy:5.1f} %   {result.energy.text('J')}")

# %% [markdown]
# The third panel shows the cosine between the gradient that was used and the exact one of this chip.

# %%
runs["my device"]

# %% [markdown]
# What one training sample and one inference cost on it:

# %%
for what, share in runs["my device"].per_sample.items():
    print(f"{what:16s} {share.energy.text('J'):40s} {share.latency.text('s')}")
