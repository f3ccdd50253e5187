"""The examples of equilibrium propagation run, reduced, and show what they say they show."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gradient_check() -> None:
    found = load("ep_gradient_check").main()
    assert found["tangent  "][0] < 1e-6 < 0.05 < found["tangent  "][1]
    assert found["centered 0.05 asymep"][1] < 0.01 < found["centered 0.05 none"][1]
    assert found["dyadic 0.1 "][1] < 1e-6


def test_homeostasis_figure(tmp_path: Path) -> None:
    runs = load("ep_homeostasis").main(tmp_path / "figure.png", epochs=2, train_samples=300)
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    off, on = runs["homeostasis none"].epochs[-1], runs["homeostasis decoupled, 0.1"].epochs[-1]
    assert on["weight_angle"] < off["weight_angle"]
    assert on["symmetry"] > off["symmetry"]
    assert on["gradient_cosine"][0] > off["gradient_cosine"][0]


def test_noise_against_nudge() -> None:
    found = load("ep_noise_vs_nudge").main(batch=60, noises=(0.0, 0.01))
    assert found[0.0, 0.02, 2] > 0.99
    assert found[0.01, 1.0, 2] > found[0.01, 0.02, 2] + 0.3  # noise: the larger nudge wins


def test_chip_training() -> None:
    found = load("ep_chip_training").main(epochs=3, train_samples=600)
    assert len(found) == 3
    assert min(found["ideal"], found["trained on the chip"]) > 0.5


def test_own_network_rule_and_data() -> None:
    found = load("ep_own_network").main(epochs=2)
    assert found.test_accuracy > 0.6
    assert min(found.epochs[-1]["gradient_cosine"]) > 0.99
    code = [n for n in (EXAMPLES / "ep_own_network.py").read_text().splitlines() if n.strip() and '"""' not in n]
    assert len(code) <= 25
