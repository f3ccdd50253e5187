# %% [markdown]
# # A constrained problem
#
# A portfolio: five of twelve assets, not both of two that exclude each other, least risk for the return. The conditions are
# given as conditions; nobody tunes a penalty.

# %%
import numpy as np

from equipoise.qubo import ConstrainedProblem, Problem, solve_constrained

rng = np.random.default_rng(7)
n = 12
returns = rng.integers(10, 60, n)
factors = rng.normal(size=(n, 3))
risk = np.rint(4 * factors @ factors.T).astype(int)
names = [f"asset {i}" for i in range(n)]

free = Problem.of(
    {
        (names[i], names[j]): int(risk[i, j] * (2 - (i == j)) - (returns[i] if i == j else 0))
        for i in range(n)
        for j in range(i, n)
    }
)
model = ConstrainedProblem(free).cardinality(names, 5).at_most([names[0], names[1]], 1)

# %%
solution = solve_constrained(model, "cpu", steps=20_000, seed=1)
print(solution.feasible, solution.objective)
print([name for name, on in solution.sample.items() if on])

# %% [markdown]
# ## Is it the best there is?
#
# Twelve assets can be enumerated.

# %%
from itertools import combinations

best = min(
    sum(risk[i, j] for i in chosen for j in chosen) - sum(returns[i] for i in chosen)
    for chosen in combinations(range(n), 5)
    if not {0, 1} <= set(chosen)
)
print("enumerated", best, "found", solution.objective)
assert best == solution.objective

# %% [markdown]
# ## On the chip's annealer
#
# The same model: what no neuron can keep by itself becomes a price that adapts from round to round.

# %%
on_chip = solve_constrained(model, "loihi2-sim", steps=4000, seed=1)
print(on_chip.feasible, on_chip.objective, on_chip.violations)
