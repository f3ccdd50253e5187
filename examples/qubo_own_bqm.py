"""Your own dimod model: three machines, each job on exactly one, loads as even as possible."""

import dimod

from equipoise.qubo import EquipoiseSampler

jobs = {"paint": 7, "weld": 5, "cut": 4, "drill": 4, "pack": 2}
machines = ["A", "B", "C"]
share = sum(jobs.values()) / len(machines)

bqm = dimod.BinaryQuadraticModel("BINARY")
for job in jobs:
    bqm.add_linear_equality_constraint([((job, m), 1) for m in machines], constant=-1, lagrange_multiplier=60)
for m in machines:
    bqm.add_linear_equality_constraint(
        [((job, m), t) for job, t in jobs.items()], constant=-share, lagrange_multiplier=1
    )

best = EquipoiseSampler().sample(bqm, num_reads=20, num_steps=2000, seed=1).first
for m in machines:
    mine = [job for job in jobs if best.sample[(job, m)]]
    print(f"machine {m}: {sum(jobs[j] for j in mine)} h  {', '.join(mine)}")
