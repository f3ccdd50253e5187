"""Train on the bit-accurate chip: integers relax, the host keeps float weights and writes them back in 8 bits.

python examples/loihi2_train.py [epochs]
"""

from __future__ import annotations

import sys

import torch

from equipoise.training.datasets import load_dataset
from hw_profiles.ledger import Event, Ledger
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile
from learning_rules import Centered, ClosedForm, Learner, Phases
from mappers import place_on_smallest
from substrates.base import Stop
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.network import layered


def main(epochs: int = 10) -> float:
    torch.set_num_threads(1)
    data = load_dataset("digits").flattened()
    network = layered([64, 128, 10], angle=90.0, seed=0)  # independent feedback
    machine = Loihi2Machine(network, threshold=2.0**-14, rounding="stochastic")
    machine.placement = place_on_smallest(machine.pattern)[0]  # what is counted says on which core, and has a price
    learner = Learner(Centered(nudge=0.5), Phases(Stop(100), Stop(20)), homeostasis=ClosedForm(1.0))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    state, spent, accuracy = learner.init(), Ledger(), 0.0
    for epoch in range(epochs):
        order = torch.randperm(len(data.train_targets), generator=torch.Generator().manual_seed(epoch))
        for index in order.split(32):
            spent.merge(machine.program())
            optimizer.zero_grad()
            report, state = learner.step(machine, data.train_inputs[index], data.train_targets[index], state)
            spent.merge(report.ledger)
            optimizer.step()
        machine.program()
        free = machine.relax(machine.drive(data.test_inputs), Stop(100))
        accuracy = float((network.cost.predict(free.activities[-1]) == data.test_targets).float().mean())
        print(f"epoch {epoch + 1}: test accuracy {100 * accuracy:.1f} %")
    samples = epochs * len(data.train_targets)
    cost = price(spent, load_profile("loihi2"), chips=1)
    print(f"per training sample: {spent.total(Event.MESSAGES) / samples:.0f} messages, "
          f"{spent.total(Event.SYNAPTIC_OPERATIONS) / samples:.0f} synaptic operations")  # fmt: skip
    for name, unit, of in (("energy", "J", cost.energy), ("latency", "s", cost.latency)):
        if of.value is not None:
            low, value, high = (x / samples for x in (of.low, of.value, of.high))
            print(f"{name} per training sample: {value:.2g} {unit} ({low:.2g} to {high:.2g}, {of.grade.value})")
    return accuracy


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
