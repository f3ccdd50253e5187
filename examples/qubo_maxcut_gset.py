"""Cut a graph of the Gset (or any rudy file): python qubo_maxcut_gset.py G1.txt. Without a file it makes a graph."""

import sys
from pathlib import Path

from equipoise.qubo import read, solve, write
from equipoise.qubo.generators import maxcut

if len(sys.argv) > 1:
    problem = read(sys.argv[1], format="maxcut")
else:
    path = Path("random.rud")
    if not path.exists():
        write(maxcut(nodes=200, density=0.06, seed=0).problem, path)
    problem = read(path)

solution = solve(problem, target="loihi2-sim", steps=20_000, reads=3, seed=0)
print(f"{problem.name}: {problem.num_variables} nodes, cut {solution.objective}")
print(f"one side has {int(solution.x.sum())} nodes; {solution.work_s:.2f} s of annealing")
