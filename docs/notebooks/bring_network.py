# %% [markdown]
# # Bring your network
#
# A network in NIR, the exchange format of snnTorch, Norse, Rockpool and others, on the chip's integers. What is exact, what
# is rounded and by how much, is said before it runs.

# %%
import nir
import numpy as np

from substrates.loihi2.engine import Engine
from substrates.loihi2.formats import from_nir

rng = np.random.default_rng(0)
graph = nir.NIRGraph(
    nodes={
        "input": nir.Input(np.array([20])),
        "weights": nir.Linear(rng.normal(0, 0.4, (10, 20))),
        "neurons": nir.LIF(
            tau=np.full(10, 5e-3), r=np.ones(10), v_leak=np.zeros(10), v_threshold=np.ones(10), v_reset=np.zeros(10)
        ),
        "output": nir.Output(np.array([10])),
    },
    edges=[("input", "weights"), ("weights", "neurons"), ("neurons", "output")],
)
imported = from_nir(graph, dt=1e-4)
print(*imported.notes, sep="\n")

# %% [markdown]
# The program runs on the engine, which gives Lava's integers without Lava.

# %%
for layer in imported.layers:
    print(layer.name, layer.neuron.name)
for one in imported.fidelity:
    print(f"{one.name}: weights rounded by {100 * one.weights:.2f} % of the largest, decay off by {one.decay:.1e}")

# %% [markdown]
# ## The same, by hand
#
# Populations, neurons, synapses: a program is what Lava calls a process graph.

# %%
from substrates.loihi2.neurons import LIF
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense

mine = Program()
mine.population("in", 20, LIF(bias_mant=np.arange(20) * 4, vth=16, dv=0, du=4095))
mine.population("out", 10, LIF(vth=400, dv=256, du=4095))
mine.connect("in", "out", Dense(rng.integers(0, 100, (10, 20)) // 2 * 2))
engine = Engine(mine)
run = engine.run(200)
print("voltages", engine.state("out")["v"])
print("counted ", {key.event.value: n for key, n in run.ledger.items() if key.layer == "out"})
