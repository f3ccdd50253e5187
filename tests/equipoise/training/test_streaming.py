"""Data sets that are read batch by batch: the same bits as in memory, whatever reads them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch.utils.data import TensorDataset

from equipoise.training import Split, TrainConfig, from_torch, train
from hw_profiles.errors import InputError

SETTINGS = TrainConfig(target="ideal", layers=(16, 12, 4), epochs=2, batch_size=10, validation=0.2, seed=3)


def _images(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    return torch.rand(count, 4, 4, generator=generator) + 0.3 * labels[:, None, None], labels


TRAIN, TEST = _images(60, 0), _images(20, 1)


@dataclass
class Counting:
    """A data set that remembers which samples were asked for."""

    images: torch.Tensor
    targets: torch.Tensor
    asked: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        self.asked.append(number)
        return self.images[number], int(self.targets[number])


class Mapping:
    """Samples by column names, as Hugging Face's data sets have them; a column by its name."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: int | str) -> Any:
        if isinstance(key, str):
            return {"label": self.labels.tolist()}[key]
        return {"img": self.images[key].numpy(), "label": int(self.labels[key])}


def _streamed(workers: int = 0) -> Split:
    return from_torch(TensorDataset(*TRAIN), TensorDataset(*TEST), classes=4, stream=True, workers=workers)


def _curve(data: Split, config: TrainConfig = SETTINGS) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in train(config, data=data).epochs]


def test_streamed_training_has_the_bits_of_training_from_memory() -> None:
    from_memory = _curve(from_torch(TensorDataset(*TRAIN), TensorDataset(*TEST), classes=4))
    assert _curve(_streamed()) == from_memory
    assert _curve(_streamed(workers=2)) == from_memory
    hugging = from_torch(Mapping(*TRAIN), Mapping(*TEST), classes=4, columns=("img", "label"), stream=True)  # type: ignore[arg-type]
    assert _curve(hugging) == from_memory


def test_streamed_images_reach_a_convolution() -> None:
    config = replace(SETTINGS, layers=(), conv=(3,), epochs=1)
    from_memory = _curve(from_torch(TensorDataset(*TRAIN), TensorDataset(*TEST), classes=4), config)
    assert _curve(_streamed(), config) == from_memory


def test_nothing_is_read_before_it_is_wanted() -> None:
    source = Counting(*TRAIN)
    data = from_torch(source, Counting(*TEST), classes=4, stream=True)  # type: ignore[arg-type]
    assert source.asked == [0]  # its shape; labels come from ``targets``
    kept = data.holding_out(0.5).limited(7, None).flattened()
    assert source.asked == [0]
    assert kept.train_inputs.shape == (7, 16)
    groups = [torch.tensor([4, 2]), torch.tensor([0])]
    first, second = kept.batches(groups, torch.device("cpu"))
    whole = from_torch(TensorDataset(*TRAIN), TensorDataset(*TEST), classes=4).holding_out(0.5).flattened()
    assert torch.equal(first[0], whole.train_inputs[groups[0]])
    assert torch.equal(second[1], whole.train_targets[groups[1]])
    assert len(source.asked) == 4


@pytest.mark.parametrize("workers", [0, 1])
def test_what_cannot_be_used_is_named_by_sample(workers: int) -> None:
    images, labels = TRAIN
    holed = images.clone()
    holed[13, 0, 0] = torch.nan
    data = from_torch(TensorDataset(holed, labels), TensorDataset(*TEST), classes=4, stream=True, workers=workers)
    with pytest.raises(InputError, match="sample 13 holds NaN"):
        train(SETTINGS, data=data)


def test_refusals_before_any_work() -> None:
    test = TensorDataset(*TEST)

    def read(train_set: Any, **options: Any) -> Split:
        return from_torch(train_set, test, classes=4, stream=True, **options)

    with pytest.raises(InputError, match="empty"):
        read(TensorDataset(torch.zeros(0, 4, 4), torch.zeros(0, dtype=torch.long)))
    with pytest.raises(InputError, match=r"sample 0 is a dict; .*columns=\(image, label\)"):
        read(Mapping(*TRAIN))
    with pytest.raises(InputError, match="labels run from 0 to 9"):
        read(TensorDataset(TRAIN[0], torch.arange(60) % 10))
    with pytest.raises(InputError, match="expected one class index for each of 60 samples"):
        read(TensorDataset(TRAIN[0], TRAIN[1].double()))
    with pytest.raises(InputError, match="workers"):
        read(TensorDataset(*TRAIN), workers=-1)
    ragged = [(torch.zeros(4, 4), 0), (torch.zeros(4, 3), 1)]
    with pytest.raises(InputError, match=r"sample 1 has shape \(4, 3\); expected \(4, 4\)"):
        read(ragged).train_inputs[:2]
