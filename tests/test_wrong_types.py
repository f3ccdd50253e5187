"""Public calls given arguments of wrong types: `InputError` with the argument's name, never a raw TypeError."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equipoise.qubo import Problem, solve
from equipoise.qubo.formats import read, write
from equipoise.qubo.generators import colouring, maxcut, mis, partition, tour, vertex_cover
from equipoise.qubo.sampler import AnalogAnnealerSampler, EquipoiseSampler
from equipoise.report import write_report
from equipoise.study.runner import run_study
from equipoise.study.spec import load_study
from equipoise.training import TrainConfig, train
from hw_profiles.errors import InputError
from hw_profiles.profile import load_profile
from hw_profiles.record import Record
from substrates.analog import ChipInstance, ChipParameters
from substrates.network import layered

QUBO = {(0, 0): -1, (0, 1): 2}
ODD: tuple[Any, ...] = (object(), [1], {"a": 1}, b"x", "x", None, 1.5, True, float("nan"), -1)


def record(tmp_path: Path, **changed: Any) -> Any:
    given = {"kind": "x", "config": {}, "seeds": {}, "target": {}, **changed}
    return Record.create(tmp_path / "r.h5", **given)


CALLS: dict[str, Callable[[Any, Path], Any]] = {
    "solve problem": lambda v, _: solve(v),
    "solve target": lambda v, _: solve(QUBO, target=v),
    "solve scheme": lambda v, _: solve(QUBO, "loihi2-sim", scheme=v),
    "solve steps": lambda v, _: solve(QUBO, "loihi2-sim", steps=v),
    "solve timeout": lambda v, _: solve(QUBO, "loihi2-sim", timeout=v, steps=10),
    "solve reads": lambda v, _: solve(QUBO, "loihi2-sim", steps=10, reads=v),
    "solve seed": lambda v, _: solve(QUBO, "loihi2-sim", steps=10, seed=v),
    "solve temperature": lambda v, _: solve(QUBO, "loihi2-sim", steps=10, temperature=v),
    "solve threads": lambda v, _: solve(QUBO, "loihi2-sim", steps=10, threads=v),
    "solve options": lambda v, _: solve(QUBO, "loihi2-sim", steps=10, options=v),
    "solve profile": lambda v, _: solve(QUBO, "loihi2-sim", steps=10, profile=v),
    "dict": lambda v, _: Problem.of({(0, 1): v}),
    "dict key": lambda v, _: Problem.of({v if v.__hash__ else 3: 1}),
    "matrix": lambda v, _: Problem.of([[0, v], [1, 2]]),
    "mis nodes": lambda v, _: mis(v, 0.1, 1),
    "mis density": lambda v, _: mis(10, v, 1),
    "mis seed": lambda v, _: mis(10, 0.1, v),
    "cover": lambda v, _: vertex_cover(v, 0.1, 1),
    "maxcut": lambda v, _: maxcut(10, v, 1),
    "colouring": lambda v, _: colouring(6, 0.3, 1, colours=v),
    "partition": lambda v, _: partition(v, 1),
    "tour": lambda v, _: tour(v, 1),
    "sampler scheme": lambda v, _: EquipoiseSampler("loihi2-sim", v).sample(QUBO, num_steps=10),
    "sampler reads": lambda v, _: EquipoiseSampler("loihi2-sim").sample(QUBO, num_steps=10, num_reads=v),
    "sampler steps": lambda v, _: EquipoiseSampler("loihi2-sim").sample(QUBO, num_steps=v),
    "sampler seed": lambda v, _: EquipoiseSampler("loihi2-sim").sample(QUBO, num_steps=10, seed=v),
    "analog bounds": lambda v, _: AnalogAnnealerSampler(bounds=v).sample(QUBO, num_steps=10),
    "config epochs": lambda v, _: TrainConfig(epochs=v),
    "config layers": lambda v, _: TrainConfig(layers=v),
    "config out": lambda v, _: TrainConfig(out=v),
    "config seed": lambda v, _: TrainConfig(seed=v),
    "config lr": lambda v, _: TrainConfig(lr=v),
    "config chip": lambda v, _: TrainConfig(chip=v),
    "config target": lambda v, _: TrainConfig(target=v),
    "config dataset": lambda v, _: TrainConfig(dataset=v),
    "config estimator": lambda v, _: TrainConfig(estimator=v),
    "config tied": lambda v, _: TrainConfig(tied=v),
    "config nothing": lambda v, _: train(v),
    "layers": lambda v, _: layered(v),
    "layers activation": lambda v, _: layered([3, 2], activation=v),
    "layers seed": lambda v, _: layered([3, 2], seed=v),
    "record path": lambda v, _: Record.open(v),
    "record kind": lambda v, tmp: record(tmp, kind=v),
    "record config": lambda v, tmp: record(tmp, config=v),
    "record seeds": lambda v, tmp: record(tmp, seeds=v),
    "record row": lambda v, tmp: record(tmp).append("t", v),
    "record table": lambda v, tmp: record(tmp).append(v, {"a": 1}),
    "record ledger": lambda v, tmp: record(tmp).set_ledger(v),
    "read": lambda v, _: read(v),
    "read format": lambda v, tmp: read(tmp / "x", v),
    "write": lambda v, tmp: write(v, tmp / "x.coo"),
    "study": lambda v, _: load_study(v),
    "run study": lambda v, tmp: run_study(v, tmp / "s.h5"),
    "report": lambda v, tmp: write_report(v, tmp / "p.html"),
    "profile": lambda v, _: load_profile(v),
    "chip": lambda v, _: ChipInstance.load(v),
    "chip parameters": lambda v, _: ChipParameters(levels=v),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_type_is_said(name: str, tmp_path: Path) -> None:
    """Any value may be right here and there; what is not must be an `InputError`."""
    refused = 0
    for number, value in enumerate(ODD):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            CALLS[name](value, folder)
        except InputError:
            refused += 1
    assert refused >= 4


def test_numpys_numbers_and_texts_as_paths_are_right() -> None:
    assert TrainConfig(out="x.h5").out == Path("x.h5")
    assert TrainConfig(epochs=np.int64(3), lr=np.float32(0.5)).epochs == 3
    assert solve(QUBO, "loihi2-sim", steps=np.int32(10), reads=np.uint8(2)).reads == 2


def test_an_unknown_or_missing_argument_is_said() -> None:
    with pytest.raises(InputError, match="unexpected keyword argument 'step'; its arguments are problem"):
        solve(QUBO, step=3)
    with pytest.raises(InputError, match="missing a required argument"):
        mis(3)
