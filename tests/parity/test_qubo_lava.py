"""``target="lava-sim"`` gives the same solutions as the engine, through the whole QUBO front end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from equipoise.qubo import solve
from equipoise.qubo.generators import mis
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event

pytestmark = pytest.mark.lava


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_the_two_targets_agree_on_every_read_and_every_count(scheme: str) -> None:
    problem = mis(20, 0.2, 1).problem
    here, there = (solve(problem, target, scheme, steps=60, reads=2, seed=3) for target in ("loihi2-sim", "lava-sim"))
    np.testing.assert_array_equal(here.states, there.states)
    np.testing.assert_array_equal(here.best_steps, there.best_steps)
    assert here.costs == there.costs
    assert there.target.resolved == "lava-sim"
    assert here.ledger.total(Event.SYNAPTIC_OPERATIONS, layer="variables") > 0
    assert there.ledger == here.ledger
    assert there.energy == here.energy


def test_a_timeout_alone_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a number of steps"):
        solve(np.eye(2), "lava-sim", timeout=1, out=tmp_path / "r.h5")
    assert not list(tmp_path.iterdir())
