"""Picture of an anneal: the cost as it falls, and how many neurons flip per step as the chip cools."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from equipoise.qubo import quantise
from equipoise.qubo.generators import mis
from hw_profiles.ledger import Event
from substrates.loihi2.annealing import Linear, Loihi2Annealer

program = quantise(mis(nodes=300, density=0.05, seed=0).problem)
annealer = Loihi2Annealer(*program.csr())
high, low = annealer.temperature_range()
schedule = Linear(round(3 * high), max(round(low), 1), 4000)

steps, piece = 4000, 100
result = annealer.anneal(schedule, [1])
messages = [0]
for end in range(piece, steps + 1, piece):  # the same trajectory, cut shorter: what had been sent by then
    ledger = annealer.anneal(schedule, [1], steps=end).ledger
    messages.append(ledger.total(Event.MESSAGES, layer="variables"))

figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(7, 5), layout="constrained")
trace = result.improvements[0]
top.step([*trace[:, 0], steps], [*trace[:, 1], trace[-1, 1]], where="post")
top.set_ylabel("best cost")
top.set_title(f"Independent set, 300 nodes: best cost {result.costs[0]}")
bottom.step(np.arange(piece, steps + 1, piece), np.diff(messages) / piece, where="pre")
bottom.set_ylabel("flips per step")
bottom.set_xlabel("algorithmic step")
figure.savefig("qubo_cost_trace.png", dpi=120)
print("qubo_cost_trace.png")
