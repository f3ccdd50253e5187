# %% [markdown]
# # From zero to an energy benchmark
#
# A workload, run on several machines, at equal quality, with joules as ranges: the steps from a problem to a table one
# can publish. Times to solve are those of the machine that is modelled, not of this computer.

# %%
import tempfile
from pathlib import Path

from equipoise import Record, solve
from equipoise.qubo.generators import mis
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile
from hw_profiles.sensitivity import sensitivity

folder = Path(tempfile.mkdtemp())
problem = mis(nodes=200, density=0.05, seed=4)

# %% [markdown]
# ## 1. A target quality
#
# A comparison at equal steps says little. First find what is good: the best of a search on this processor.

# %%
best = solve(problem, "cpu", steps=200_000, seed=0)
goal = best.best_cost
goal

# %% [markdown]
# ## 2. Run until it is reached
#
# The record keeps the *counts* of what the machine did. Prices come afterwards.

# %%
chip = solve(problem, "loihi2-sim", steps=20_000, target_cost=goal, seed=1, out=folder / "chip.h5")
chip

# %%
print("reached:", chip.target_reached, "after", int(chip.steps[0]), "steps")
print("energy: ", chip.energy.text("J"))
print("time:   ", chip.latency.text("s"))

# %% [markdown]
# ## 3. Price the same counts elsewhere
#
# Nothing runs again: counts are multiplied by other prices.

# %%
ledger = Record.open(folder / "chip.h5").ledger
for name in ("loihi2", "loihi1"):
    cost = price(ledger, load_profile(name))
    print(f"{name:8s} {cost.energy.text('J'):45s} {cost.latency.text('s')}")

# %% [markdown]
# ## 4. What makes the range
#
# A range that is wide has a cause. Ask which.

# %%
for swing in sensitivity(ledger, load_profile("loihi2"))["energy"][:5]:
    print(f"{100 * swing.share:3.0f} %  {swing.price}")
