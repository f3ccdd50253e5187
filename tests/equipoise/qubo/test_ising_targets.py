"""Every Ising machine as a target: solved to the enumerated minimum, priced, refused what it cannot have."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.qubo import solve
from equipoise.targets import TARGETS
from hw_profiles.errors import InputError
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.analog.ising import ISING_MACHINES


@pytest.mark.parametrize("target", list(ISING_MACHINES))
def test_finds_the_enumerated_minimum_and_says_what_it_cost(target: str) -> None:
    q = np.triu(np.random.default_rng(3).integers(-9, 10, (10, 10)))
    states = (np.arange(1024)[:, None] >> np.arange(10)) & 1
    best = int(np.einsum("si,ij,sj->s", states, q, states).min())
    found = solve(q, target, steps=2000, reads=10, seed=1)
    assert found.best_cost == best
    assert found.profile == TARGETS.find(target).profile
    plain = found.as_dict()
    assert plain["energy_j"]["value"] > 0
    assert plain["latency_s"]["value"] > 0
    chip = ChipParameters(levels=16, conductance_mismatch=0.05)
    assert solve(q, target, steps=200, seed=1, options={"chip": chip, "instance": 3}).best_cost >= best
    with pytest.raises(InputError, match="adc_bits"):
        solve(q, target, steps=200, options={"chip": ChipParameters(adc_bits=4)})
