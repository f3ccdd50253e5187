# %% [markdown]
# # A study that concludes
#
# A grid of runs in one file: killed at any time it goes on, results do not depend on the number of workers, and the page about it
# says in sentences what was found.

# %%
import tempfile
from pathlib import Path

from equipoise.study import load_study, run_study

folder = Path(tempfile.mkdtemp())
(folder / "nudge.toml").write_text(
    """
name = "nudge"
task = "train"
[fixed]
target = "analog"
epochs = 2
train_samples = 300
test_samples = 200
angle = 90
[grid]
homeostasis = [0.0, 1.0]
seed = [0, 1]
"""
)
study = load_study(folder / "nudge.toml")
results = run_study(study, folder / "nudge.h5")

# %%
for entry in results.entries:
    print(entry.parameters["homeostasis"], entry.parameters["seed"], f"{entry.results['test_accuracy']:.3f}")

# %% [markdown]
# Run again: nothing is left to do, what was done is kept.

# %%
again = run_study(study, folder / "nudge.h5")
print(len(again.complete), again.digest() == results.digest())
