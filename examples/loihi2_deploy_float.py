"""Deploy a network trained in float: does it keep its accuracy in 8-bit weights, where does it go, what does it cost?

python examples/loihi2_deploy_float.py [epochs]
"""

from __future__ import annotations

import sys

import torch

from equipoise.training.datasets import load_dataset
from hw_profiles.ledger import Event
from learning_rules import Centered, ClosedForm, Learner, Phases
from mappers.network_placement import place_network
from substrates.analog import IdealMachine
from substrates.base import Stop
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.network import layered


def main(epochs: int = 10) -> dict[int, float]:
    torch.set_num_threads(1)
    data = load_dataset("digits").flattened()
    network = layered([64, 128, 10], seed=0)
    ideal = IdealMachine(network)
    learner = Learner(Centered(nudge=0.1), Phases(Stop(100, 1e-4), Stop(40, 1e-4)), homeostasis=ClosedForm(1.0))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    state = learner.init()
    for epoch in range(epochs):
        order = torch.randperm(len(data.train_targets), generator=torch.Generator().manual_seed(epoch))
        for index in order.split(32):
            optimizer.zero_grad()
            _, state = learner.step(ideal, data.train_inputs[index], data.train_targets[index], state)
            optimizer.step()

    def accuracy(machine):
        free = machine.relax(machine.drive(data.test_inputs), Stop(150))
        right = network.cost.predict(free.activities[-1]) == data.test_targets
        return float(right.float().mean()), free.ledger.total(Event.MESSAGES) / len(right)

    print(f"float: {100 * accuracy(ideal)[0]:.1f} %")
    found = {}
    for bits in (8, 6, 4):
        found[bits], messages = accuracy(Loihi2Machine(network, weight_bits=bits, threshold=2.0**-12))
        print(f"{bits}-bit weights on the chip: {100 * found[bits]:.1f} %, {messages:.0f} messages per inference")
    use = place_network([64, 128, 10]).utilisation
    print(f"it takes {use.cores_used} of {use.cores} cores")
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
