"""The engine's bench: its networks are what they are said to be, and its output is one JSON object."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from equipoise.bench import engine as bench
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.loihi2.engine import Engine


@pytest.mark.parametrize("name", ["lif-dense-200", "sigma-delta-sparse-200"])
def test_five_percent_of_the_first_layer_sends(name: str) -> None:
    engine = Engine(bench.build_case(name, 1), strict=True)
    engine.run(2 * bench.PERIOD)
    ledger = engine.run(4 * bench.PERIOD).ledger
    assert ledger.total(Event.MESSAGES, layer="a") == 4 * bench.PERIOD * 200 // 20
    assert ledger.total(Event.MESSAGES, layer="b") > 0
    per_message = ledger.total(Event.SYNAPTIC_OPERATIONS) / ledger.total(Event.MESSAGES, layer="a")
    assert per_message == pytest.approx(200 if name.startswith("lif") else 10, rel=0.05)


def test_one_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "CASES", ("lif-dense-100",))
    monkeypatch.setattr(bench, "read_bandwidth", lambda size: 1e10)
    monkeypatch.setattr(bench, "annealer_figures", lambda seed: {"steps_per_s": 1.0, "ratio": 1.0})
    found = CliRunner().invoke(bench.command, ["--no-lava", "--json", "--seconds", "0.02"], catch_exceptions=False)
    case = json.loads(found.stdout)["cases"]["lif-dense-100"]
    assert case["engine"]["synaptic_operations_per_step"] == 500
    assert case["engine"]["synaptic_operations_per_s"] > 0
    assert case["lava"] is None


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputError, match="above zero"):
        CliRunner().invoke(bench.command, ["--seconds", "0"], catch_exceptions=False)
