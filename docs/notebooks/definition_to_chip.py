# %% [markdown]
# # Equilibrium propagation, from the definition to a chip
#
# A network settles: u* = W rho(u*) + inputs. A nudge of strength beta pulls its output towards the label, and it settles again.
# The difference of the two equilibria, over beta, is the gradient. Here by hand, then by the library, then on a chip.

# %%
import torch

from substrates.analog import IdealMachine
from substrates.base import Nudge, Stop
from substrates.network import layered

torch.manual_seed(0)
network = layered([12, 16, 4], seed=1, feedback="tied")
inputs, labels = torch.rand(8, 12), torch.randint(4, (8,))
machine = IdealMachine(network)
drive = machine.drive(inputs)
network

# %%
free = machine.relax(drive, Stop(500, 1e-6))
print("settled:", bool(free.converged.all()), " residual", float(free.residual.max()))

# %% [markdown]
# ## The derivative of the state with respect to the nudge
#
# Central difference of two nudged equilibria, by hand.

# %%
beta = 0.01
plus = machine.relax(drive, Stop(500, 1e-7), start=free.state, nudge=Nudge(beta, labels))
minus = machine.relax(drive, Stop(500, 1e-7), start=free.state, nudge=Nudge(-beta, labels))
by_hand = [(p - m) / (2 * beta) for p, m in zip(plus.activities, minus.activities)]

# %% [markdown]
# ## The library's rule, beside the true gradient
#
# The reference is exact: it solves the linear system of the implicit function theorem in double precision.

# %%
from equipoise.testing.rules import make_bench, relative_error
from learning_rules import Centered, OneSided

bench = make_bench((12, 16, 4), batch=8, seed=1)
for nudge in (0.5, 0.1, 0.02):
    for rule in (OneSided(nudge=nudge, correction="asymep"), Centered(nudge=nudge, correction="asymep")):
        errors = rule.estimate(bench.machine, bench.drive, bench.target, bench.phases, bench.free).errors
        print(f"nudge {nudge:5.2f} {rule.name:10s} relative error {relative_error(errors, bench.adjoint):.1e}")

# %% [markdown]
# One-sided falls with beta, central with beta squared.
#
# ## On a chip
#
# Independent forward and backward weights (angle 90), an imperfect analog chip, homeostasis.

# %%
from equipoise import TrainConfig, train

train(TrainConfig(dataset="digits", target="analog", angle=90, homeostasis=1.0, epochs=3, train_samples=600))
