"""What the host reads of a chip: everything while it learns, the last population when it classifies."""

from __future__ import annotations

import torch

from equipoise.training.evaluate import accuracy
from hw_profiles.ledger import Event
from substrates.base import Stop
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.network import layered


def test_an_inference_reads_the_last_population_only() -> None:
    torch.manual_seed(0)
    network = layered([4, 6, 5, 3], classes=3)
    machine = Loihi2Machine(network)
    machine.program()
    x, y = torch.rand(7, 4), torch.zeros(7, dtype=torch.long)
    whole = machine.relax(machine.drive(x), Stop(5, 0.0)).ledger
    assert whole.total(Event.HOST_READS) == 7 * (6 + 5 + 3)
    tested = accuracy(machine, x, y, Stop(5, 0.0))[2]
    assert tested.total(Event.HOST_READS) == 7 * 3
    assert tested.total(Event.HOST_WRITES) == whole.total(Event.HOST_WRITES)
    assert tested.total(Event.SYNAPTIC_OPERATIONS) == whole.total(Event.SYNAPTIC_OPERATIONS)
