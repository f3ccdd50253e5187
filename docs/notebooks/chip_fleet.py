# %% [markdown]
# # A fleet of chips
#
# No two analog chips are alike. One trained network, put on many chips of one kind: how many are good enough, and how bad is
# the worst?

# %%
from equipoise import TrainConfig, train
from equipoise.fleet import run_fleet
from equipoise.training import IMPERFECT_CHIP, load_dataset, make_machine

data = load_dataset("digits").flattened().limited(800, 200)
shared = {"dataset": "digits", "angle": 90, "homeostasis": 1.0, "epochs": 4, "train_samples": 800}
trained = train(TrainConfig(target="ideal", **shared))
print(f"on the ideal machine {trained.test_accuracy:.3f}")

# %%
fleet = run_fleet(
    trained.network,
    lambda network, seed: make_machine("analog", network, IMPERFECT_CHIP, seed),
    data.test_inputs,
    data.test_targets,
    chips=12,
)
fleet

# %% [markdown]
# A chip that was trained itself has learned its own faults:

# %%
on_chip = train(TrainConfig(target="analog", **shared))
print(f"trained on chip 0: {on_chip.test_accuracy:.3f}; moved there: {fleet.accuracies[0]:.3f}")
