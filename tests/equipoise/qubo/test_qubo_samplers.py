"""The dimod samplers: dimod's own kit, our conformance kit, vectors, info, and what the kit itself catches."""

from __future__ import annotations

import unittest
import warnings
from pathlib import Path
from typing import Any

import dimod
import dimod.testing
import numpy as np
import pytest

from equipoise.qubo import AnalogAnnealerSampler, EquipoiseSampler
from equipoise.testing.samplers import check_sampler, random_bqm
from hw_profiles.errors import InputError
from substrates.analog.imperfections.parameters import ChipParameters


@dimod.testing.load_sampler_bqm_tests(EquipoiseSampler)
class TestDimodKitLoihi2(unittest.TestCase):
    pass


@dimod.testing.load_sampler_bqm_tests(AnalogAnnealerSampler)
class TestDimodKitAnalog(unittest.TestCase):
    pass


@pytest.mark.parametrize(
    "sampler",
    [EquipoiseSampler("loihi2-sim"), EquipoiseSampler("loihi2-sim", "refractory"), AnalogAnnealerSampler()],
    ids=["two-phase", "refractory", "analog"],
)
def test_conformance(sampler: dimod.Sampler) -> None:
    check_sampler(sampler, num_steps=2000)


class _Broken(dimod.Sampler):
    """Right in every way but one: samples follow the order of insertion."""

    parameters: dict[str, list[str]] = {"num_reads": [], "seed": []}
    properties: dict[str, Any] = {}

    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0) -> dimod.SampleSet:
        rng = np.random.default_rng(seed)
        values = sorted(bqm.vartype.value)
        return dimod.SampleSet.from_samples_bqm(
            (rng.choice(values, (num_reads, len(bqm.variables))), list(bqm.variables)), bqm
        )


def test_the_kit_catches_a_broken_sampler() -> None:
    with pytest.raises(AssertionError):
        check_sampler(_Broken())


@pytest.mark.parametrize("sampler", [EquipoiseSampler("loihi2-sim"), AnalogAnnealerSampler()], ids=["loihi2", "analog"])
def test_vectors_and_info(sampler: dimod.Sampler, tmp_path: Path) -> None:
    out = tmp_path / "r.h5"
    found = sampler.sample(random_bqm(0), num_reads=3, num_steps=100, seed=5, out=out)
    assert found.record.num_steps.tolist() == [100] * 3
    assert ((found.record.best_step >= 0) & (found.record.best_step <= 100)).all()
    assert (found.record.wall_ns > 0).all()
    assert {"scheme", "schedule", "scaling", "seed", "target", "record"} <= set(found.info)
    assert (found.info["seed"], found.info["record"]) == (5, str(out))
    assert out.exists()
    assert found.info["target"]["resolved"] == sampler.properties["target"]


def test_unknown_arguments_warn_instead_of_vanishing() -> None:
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="num_sweeps"):
        EquipoiseSampler("loihi2-sim").sample(random_bqm(0), num_sweeps=10, num_steps=10)


def test_auto_says_in_the_info_which_target_it_took() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = EquipoiseSampler().sample(random_bqm(0), num_steps=10)
    assert found.info["target"]["requested"] == "auto"
    assert found.info["target"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"num_reads": 0}, "reads"),
        ({"num_steps": -1}, "steps"),
        ({"timeout": 0}, "timeout"),
        ({"seed": -1}, "seed"),
        ({"temperature": (1, 2)}, "LOW <= HIGH"),
        ({"scheme": "quantum"}, "no scheme"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        EquipoiseSampler("loihi2-sim").sample(random_bqm(0), **arguments)


def test_an_imperfect_chip_still_reports_exact_energies() -> None:
    chip = ChipParameters(gain_mismatch=0.1, offset_mismatch=0.02, conductance_mismatch=0.05)
    bqm = random_bqm(4, 12)
    one, other = (AnalogAnnealerSampler(chip, seed).sample(bqm, num_steps=500, num_reads=3) for seed in (0, 1))
    dimod.testing.assert_sampleset_energies(one, bqm)
    assert not one.info["scaling"]["exact"]
    assert one.info["scaling"]["max_error"] > 0
    assert one.info["scaling"] != other.info["scaling"]  # another chip of the same kind
    again = AnalogAnnealerSampler(chip, 0).sample(bqm, num_steps=500, num_reads=3)
    np.testing.assert_array_equal(one.record.sample, again.record.sample)
