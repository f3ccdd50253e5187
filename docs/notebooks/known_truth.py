# %% [markdown]
# # A known truth
#
# A machine's answer is worth what it is worth beside the exact one. The workloads of `equipoise.workloads` come with their truth, a
# classical method and a trivial one. Here: decoding a polar code, where maximum likelihood can be enumerated.

# %%
from equipoise.workloads import WORKLOADS, run_workload

print(*WORKLOADS)

# %%
result = run_workload("polar-decoding", size="small", target="loihi2-sim", seed=0)
result

# %% [markdown]
# Block error rates at 1, 2 and 3 dB, of the machine, the classical methods, and the exact answer:

# %%
for name, answer in result.answers.items():
    rates = [f"{figure.value:6.2f}" for score, figure in answer.scores.items() if score.startswith("block error rate")]
    print(f"{name:26s} {answer.role:10s}", *rates)
