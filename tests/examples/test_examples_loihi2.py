"""The Loihi 2 examples run, in a reduced setting, and show what they say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_train_on_the_chip(capsys) -> None:
    assert load("loihi2_train").main(epochs=2) > 0.4
    assert "energy per training sample" in capsys.readouterr().out


def test_deploy_a_float_network() -> None:
    found = load("loihi2_deploy_float").main(epochs=2)
    assert set(found) == {8, 6, 4}
    assert found[8] > 0.4


def test_the_trade_off(tmp_path) -> None:
    rows = load("loihi2_tradeoff").main(str(tmp_path / "picture.png"), samples=40)
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    messages = [r[1] for r in rows]
    assert messages == sorted(messages)
    assert rows[-1][2] > rows[0][2]


def test_the_learning_engine_learns_by_equilibrium_propagation() -> None:
    found = load("ep_learning_engine").main()
    assert found["taught"] < found["untaught"] / 2
