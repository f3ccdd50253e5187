"""A network, a rule and data of one's own, trained together: convolutions, dense layers and a skip on noisy stripes."""

from dataclasses import dataclass

import torch

from equipoise.training import Split, TrainConfig, TrainResult, train
from learning_rules import Point, StencilRule
from substrates.network import chain, conv

labels = torch.arange(600) % 4
stripes = torch.sin(torch.arange(12) * torch.tensor([0.8, 1.2, 1.8, 2.6])[:, None])
images = (
    stripes[labels][:, None, None, :] + 0.5 * torch.randn(600, 1, 12, 12, generator=torch.Generator().manual_seed(0))
).clamp(-1, 1)
data = Split("stripes", images[:500], labels[:500], images[500:], labels[500:], classes=4)


@dataclass(frozen=True)
class Thirds(StencilRule):
    """Nudges of +b and -b/2: second order from two phases that are not symmetric."""

    name = "thirds"

    def points(self) -> tuple[Point, ...]:
        b = self.nudge
        return (Point(b, 1 / (3 * b)), Point(-b / 2, -4 / (3 * b)))


def main(epochs: int = 3) -> TrainResult:
    net = chain((1, 12, 12), conv(6), 24, 16, 16, classes=4, skips=[("l2", "l4")], angle=60)
    rule = {"estimator": f"{__file__}:Thirds", "correction": "asymep", "lr": 5e-3}
    return train(TrainConfig(epochs=epochs, batch_size=25, **rule), data=data, network=net)


if __name__ == "__main__":
    print(main())
