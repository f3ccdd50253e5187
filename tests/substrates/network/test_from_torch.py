"""A feed-forward torch model taken over: torch itself is the witness."""

import pytest
import torch
from torch import nn

from equipoise.training import Split, TrainConfig, train
from hw_profiles.errors import InputError
from substrates.network import from_torch

torch.manual_seed(3)

IMAGES = (2, 12, 12)
MODELS = {
    "dense": (nn.Sequential(nn.Linear(20, 16), nn.Sigmoid(), nn.Linear(16, 9), nn.Tanh(), nn.Linear(9, 4)), (20,)),
    "nested": (
        nn.Sequential(nn.Sequential(nn.Linear(20, 16, bias=False), nn.ReLU()), nn.Sequential(nn.Linear(16, 4))),
        (20,),
    ),
    "images": (
        nn.Sequential(
            nn.Conv2d(2, 5, 3, padding=1), nn.AvgPool2d(2), nn.Sigmoid(),
            nn.Conv2d(5, 6, 3), nn.ReLU(), nn.Flatten(),
            nn.Linear(96, 7), nn.Sigmoid(), nn.Linear(7, 3),
        ),
        IMAGES,
    ),
    "flattened first": (
        nn.Sequential(nn.Flatten(), nn.Linear(288, 8), nn.Sigmoid(), nn.Linear(8, 3)), IMAGES,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_without_feedback_the_equilibrium_is_the_forward_pass(name: str) -> None:
    model, shape = MODELS[name]
    net = from_torch(model, shape, feedback="none")
    x = torch.rand(6, *shape)
    activities = net(x, tolerance=1e-7)
    hidden = model[:-1](x) if name != "nested" else model[0](x)
    assert torch.allclose(activities[-1].flatten(1), hidden.flatten(1), atol=2e-5)
    assert torch.allclose(net.cost.readout(activities[-1].flatten(1)), model(x), atol=5e-5)


def test_feedback_is_drawn_at_the_angle_and_the_weights_are_copies() -> None:
    model, shape = MODELS["dense"]
    net = from_torch(model, shape, angle=0.0)
    (forward, backward), *_ = net.reciprocal
    assert torch.allclose(net.couplings[backward].weight, net.couplings[forward].weight.t())
    with torch.no_grad():
        net.couplings[forward].weight.add_(1.0)
    assert model[2].weight.abs().max() < 1.0


def test_it_trains() -> None:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(240) % 3
    inputs = (torch.eye(3).repeat(1, 8)[labels] + 0.4 * torch.randn(240, 24, generator=generator)).clamp(-1, 2)
    data = Split("bars", inputs[:180], labels[:180], inputs[180:], labels[180:], classes=3)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(24, 16), nn.Sigmoid(), nn.Linear(16, 12), nn.Sigmoid(), nn.Linear(12, 3))
    result = train(TrainConfig(epochs=6, batch_size=20, lr=5e-3), data=data, network=from_torch(model, 24))
    assert result.test_accuracy > 0.9


@pytest.mark.parametrize(
    ("model", "inputs", "words"),
    [
        (nn.Linear(3, 2), 3, "expected torch.nn.Sequential"),
        (nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.GELU(), nn.Linear(4, 2)), 3, "Dropout at 1.*GELU at 2"),
        (nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), 3, "without an activation"),
        (nn.Sequential(nn.Linear(3, 4), nn.ReLU()), 3, "a Linear of the classes at the end"),
        (nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(5, 2)), 3, "takes 5 values.*has 4"),
        (
            nn.Sequential(nn.Linear(7, 4), nn.ReLU(), nn.Linear(4, 2)),
            3,
            r"weights of shape \(4, 7\); expected \(4, 3\)",
        ),
        (nn.Sequential(nn.Conv2d(2, 3, 3, stride=2), nn.ReLU(), nn.Linear(9, 2)), IMAGES, "stride"),
        (
            nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(75, 2)),
            IMAGES,
            "pooled before its activation",
        ),
        (nn.Sequential(nn.Conv2d(2, 3, 3), nn.AvgPool2d(3), nn.ReLU(), nn.Linear(9, 2)), IMAGES, "pooling is 2x2"),
        (nn.Sequential(nn.ReLU(), nn.Linear(3, 2)), 3, "behind no Linear"),
    ],
)
def test_what_has_no_equilibrium_form_is_named(model: nn.Module, inputs: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        from_torch(model, inputs)  # type: ignore[arg-type]
