"""Find a large independent set of a random graph, and see what the chip would have spent on it."""

from equipoise.qubo import solve
from equipoise.qubo.generators import mis

instance = mis(nodes=200, density=0.05, seed=0)  # NeuroBench's generator
solution = solve(instance.problem, target="loihi2-sim", steps=5000, seed=1)

chosen = instance.decode(solution.x)
print(f"{len(chosen)} nodes, {instance.violations(solution.x)} edges broken: {sorted(chosen)[:10]} ...")
print(f"energy on Loihi 2: {solution.energy.value:.2g} J ({solution.energy.grade})")
