"""Two epochs on every wiring: it learns, its gradient points along the exact one, the same seed gives the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from equipoise.training import Split, TrainConfig, train
from substrates.network import Network, chain, conv, convolutional, hopfield, hopfield_resnet, layered, loop

IMAGE = (1, 8, 8)
WIRINGS: dict[str, Callable[[], Network]] = {
    "layered": lambda: layered([64, 16, 3], seed=1, angle=90),
    "tied": lambda: chain(64, 16, 12, classes=3, feedback="tied", seed=1),
    "chain": lambda: chain(64, 16, 12, classes=3, seed=1),
    "residual": lambda: chain(64, 16, 12, 12, classes=3, skips=[("l1", "l3")], seed=1),
    "feed-forward": lambda: chain(64, 16, 12, classes=3, feedback="none", seed=1),
    "loop": lambda: loop([64, 16, 12, 3], seed=1),
    "hopfield": lambda: hopfield(64, 16, 3, symmetric=False, readout=True),
    "average pooling": lambda: chain(IMAGE, conv(4), conv(6), classes=3, seed=1),
    "softmax pooling": lambda: chain(IMAGE, conv(4, pooling="softmax"), conv(6, pooling="softmax"), classes=3, seed=1),
    "no pooling": lambda: chain(IMAGE, conv(3, pooling="none"), 12, classes=3, seed=1),
    "the paper's": lambda: convolutional((1, 8, 8), (4, 6), classes=3, angle=90, seed=1),
    "residual blocks": lambda: hopfield_resnet(IMAGE, (4, 6), classes=3, readout="hidden", feedback="independent"),
}
NO_PAIRS = {"feed-forward", "loop"}  #: nothing is reciprocal: nothing for homeostasis to make symmetric
SOFTMAX = {"softmax pooling", "the paper's"}  #: their Jacobian has no closed form


def bars() -> Split:
    """Three kinds of noisy stripes."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(160) % 3
    waves = torch.sin(torch.arange(8) * torch.tensor([0.7, 1.5, 2.6])[:, None])
    images = waves[labels][:, None, None, :].expand(-1, 1, 8, 8)
    images = (0.5 + 0.3 * images + 0.1 * torch.randn(160, *IMAGE, generator=generator)).clamp(0, 1)
    return Split("bars", images[:120], labels[:120], images[120:], labels[120:], classes=3)


def trained(wiring: str, **settings: Any) -> Any:
    network = WIRINGS[wiring]()
    shared: dict[str, Any] = {"target": "ideal", "epochs": 2, "batch_size": 20, "lr": 5e-3, "seed": 2}
    return train(TrainConfig(tolerance=1e-3, **shared, **settings), data=bars(), network=network)


RULES: dict[str, dict[str, Any]] = {
    "asymep": {"estimator": "centered", "correction": "asymep", "homeostasis": 0.0, "nudge": 0.1},
    "homeostasis": {"homeostasis": 0.5, "combination": "decoupled", "nudge": 0.2},
    "exact": {"estimator": "adjoint", "homeostasis": 0.0},
}


CASES = [(w, r) for w in WIRINGS for r in RULES if not (r == "homeostasis" and w in NO_PAIRS)]


@pytest.mark.parametrize(("wiring", "rule"), CASES)
def test_two_epochs(wiring: str, rule: str) -> None:
    settings = RULES[rule]
    if rule == "homeostasis" and wiring in SOFTMAX:
        settings = {**settings, "homeostasis_method": "jacobian-vector", "homeostasis": 0.05}
    result = trained(wiring, **settings)
    first, last = result.epochs
    assert last["train_loss"] < first["train_loss"]
    assert last["used_fraction"] > 0.9
    if rule != "homeostasis":
        assert min(last["gradient_cosine"]) > 0.95
    elif wiring in SOFTMAX:  # at most a tenth of the difference goes with a batch: two epochs only begin
        assert last["symmetry"] > first["symmetry"]
    else:
        assert min(last["gradient_cosine"]) > 0.5


@pytest.mark.parametrize("wiring", ["residual", "softmax pooling", "residual blocks"])
def test_the_same_bits(wiring: str) -> None:
    one, two = (trained(wiring, **RULES["asymep"]).network.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
