"""The engine against Lava: a few cases of every model; the whole check is ``equipoise conform --cases 200``."""

from __future__ import annotations

import json

import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.conformance import MODELS, conform
from equipoise.conformance.case import Outcome, compare
from equipoise.conformance.network_cases import NetworkCase
from equipoise.conformance.phase_cases import PhaseCase
from hw_profiles.errors import InputError, TargetUnavailableError
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.lava.watchdog import LavaSession
from substrates.seeds import stream


@pytest.mark.lava
def test_every_model_agrees_with_lava_at_every_step() -> None:
    report = conform(cases=len(MODELS), seed=11, max_steps=40)
    assert report.failures == []
    assert report.mismatches == 0
    assert set(report.by_model) == set(MODELS)
    assert all(row["cases"] == 1 for row in report.by_model.values())
    assert report.compared > 5000
    assert report.skipped == []


@pytest.mark.lava
@pytest.mark.parametrize("model", ["lif", "dense"])
def test_a_difference_is_found(model: str) -> None:
    """One weight of the other side moved by two is enough."""
    case = MODELS[model].make(stream(5, "tampered"), 30)
    assert isinstance(case, NetworkCase)
    case.raw_weights = {name: np.where(w >= 0, w + 2, w - 2) for name, w in case.raw_weights.items()}
    with LavaSession() as session:
        outcome = case.run(session, "lava-sim", 60)
    assert outcome.mismatches > 0
    assert "at step" in outcome.first[0]


@pytest.mark.parametrize("model", [name for name in MODELS if not name.startswith("annealing")])
def test_the_cases_are_not_silent(model: str) -> None:
    """Most random networks do something: over ten of them, messages are sent in at least half."""
    active = 0
    for k in range(10):
        case = MODELS[model].make(stream(0, f"conformance {model}", k), 40)
        if isinstance(case, PhaseCase):
            phases = case.phases()
            assert len(phases) == 4 + (model == "relaxation-phases")
            active += all(messages.any() for _, _, messages, _ in phases)
            continue
        assert isinstance(case, NetworkCase)
        probes = [Probe(name) for name in case.program.populations]
        active += any(values.any() for values in Engine(case.program).run(40, probes).probes.values())
    assert active >= 5


@pytest.mark.lava
@pytest.mark.parametrize("model", ["relaxation-phases", "sigma-delta-phases"])
def test_a_difference_in_a_phase_is_found(model: str) -> None:
    """Every message on our side larger by one."""
    case = MODELS[model].make(stream(5, "tampered"), 30)
    assert isinstance(case, PhaseCase)
    honest = case.phases()
    wrong = [(phase, program, messages + (messages != 0), states) for phase, program, messages, states in honest]
    case.phases = lambda: wrong  # type: ignore[method-assign]
    with LavaSession() as session:
        outcome = case.run(session, "lava-sim", 60)
    assert outcome.mismatches > 0
    assert "messages at step" in outcome.first[0]


def test_compare_counts_and_points() -> None:
    outcome = Outcome(2)
    compare(outcome, "a.v", np.array([[1, 2], [3, 4]]), np.array([[1, 2], [9, 4]]))
    compare(outcome, "a.u", np.zeros((2, 2), int), np.zeros((2, 3), int))
    assert (outcome.compared, outcome.mismatches) == (4, 2)
    assert outcome.first == ["a.v at step 2, neuron 0: ours 3, theirs 9", "a.u: shape (2, 2) against (2, 3)"]


def test_the_chip_is_named_when_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NXSDKHOST", "SLURM", "BOARD", "PARTITION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TargetUnavailableError, match="'loihi2' is not available"):
        conform("loihi2", cases=1)


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ({"against": "loihi3"}, "not 'loihi3'"),
        ({"cases": 0}, "at least 1"),
        ({"models": ["lif", "rif"]}, "no model 'rif'"),
        ({"max_steps": 3}, "at least 10"),
    ],
)
def test_bad_arguments_are_refused(named: dict[str, object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        conform(**named)  # type: ignore[arg-type]


@pytest.mark.lava
def test_the_command_prints_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["conform", "--cases", "2", "--model", "lif", "--model", "sigma", "--json"]) == 0
    out, _ = capsys.readouterr()
    data = json.loads(out)
    assert {"cases", "steps", "mismatches", "by_model", "seconds", "skipped"} <= set(data)
    assert (data["cases"], data["mismatches"]) == (2, 0)


def test_the_command_names_what_is_missing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NXSDKHOST", raising=False)
    monkeypatch.delenv("SLURM", raising=False)
    assert run(["conform", "--against", "loihi2", "--cases", "1"]) == 2
    _, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "NXSDKHOST" in err
