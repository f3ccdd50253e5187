"""What every reader returns: a split in memory, checked once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from equipoise.training.datasets.streaming import Streamed
from hw_profiles.errors import InputError
from substrates.seeds import stream

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Inputs", "Recipe", "Split", "finish", "some"]

#: (batch of images, random stream) -> augmented batch
Augment = Callable[["Tensor", np.random.Generator], "Tensor"]
#: samples in memory, or read when they are wanted
Inputs: TypeAlias = Union["Tensor", Streamed]


@dataclass(frozen=True)
class Recipe:
    """What a data set is usually learned with, where a configuration leaves it open: hidden layers, epochs, batch size
    and the learning rate of each optimizer."""

    hidden: tuple[int, ...] = (256, 256)
    epochs: int = 10
    batch_size: int = 100
    lr: Mapping[str, float] = field(default_factory=lambda: {"adamw": 1e-3, "sgd": 0.02})
    lr_of_usual: float = 1.5e-3  #: of adamw, with the target's usual homeostasis


@dataclass(frozen=True)
class Split:
    """Training and test samples: float32 images (count, *shape) and int64 class indices.

    Inputs are tensors, or `Streamed`: read batch by batch. ``augment`` is applied to training batches only. Validation
    samples are held out of the training samples (`holding_out`); there are none at first.
    """

    name: str
    train_inputs: Inputs
    train_targets: Tensor
    test_inputs: Inputs
    test_targets: Tensor
    classes: int
    source: str = ""
    augment: Augment | None = None
    recipe: Recipe = field(default_factory=Recipe)
    validation_inputs: Inputs | None = None
    validation_targets: Tensor | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.train_inputs.shape[1:])

    def flattened(self) -> Split:
        """The same with every sample as one vector."""
        if self.augment is not None:
            raise InputError(f"{self.name} is augmented as images; a dense input needs --no-augment")
        return replace(self, train_inputs=self.train_inputs.flatten(1), test_inputs=self.test_inputs.flatten(1))

    def as_images(self) -> Split:
        """The same with a channel axis: (height, width) becomes (1, height, width).

        Raises:
            InputError: samples that are no images.
        """
        if len(self.input_shape) == 3:
            return self
        if len(self.input_shape) != 2:
            raise InputError(
                f"{self.name} has samples of shape {self.input_shape}; convolutions need (height, width) or "
                "(channels, height, width)"
            )
        return replace(self, train_inputs=_channel(self.train_inputs), test_inputs=_channel(self.test_inputs))

    def on(self, device: torch.device) -> Split:
        """The split on an accelerator, whole where it takes less than half of the free memory; else page-locked on
        the host, from where `batch` sends it in time."""
        if device.type != "cuda" or isinstance(self.train_inputs, Streamed) or isinstance(self.test_inputs, Streamed):
            return self
        import torch

        tensors = [self.train_inputs, self.train_targets, self.test_inputs, self.test_targets]
        size = sum(t.numel() * t.element_size() for t in tensors)
        fits = 2 * size < torch.cuda.mem_get_info(device)[0]
        moved = [t.to(device) if fits else t.pin_memory() for t in tensors]
        return replace(self, train_inputs=moved[0], train_targets=moved[1], test_inputs=moved[2], test_targets=moved[3])

    def holding_out(self, share: float) -> Split:
        """The same with a share of the training samples held out for validation; the choice is fixed.

        Raises:
            InputError: nothing would be left on one side.
        """
        total = len(self.train_targets)
        count = round(share * total)
        if share and not 0 < count < total:
            raise InputError(f"validation {share}: of {total} training samples that is {count}; both sides need some")
        if not share:
            return self
        order = _permutation(total)
        held, kept = order[:count].sort().values, order[count:].sort().values
        return replace(
            self,
            train_inputs=some(self.train_inputs, kept),
            train_targets=self.train_targets[kept],
            validation_inputs=some(self.train_inputs, held),
            validation_targets=self.train_targets[held],
        )

    @property
    def evaluated(self) -> int:
        """Samples that one evaluation looks at: test and validation."""
        held = self.validation_targets
        return len(self.test_targets) + (0 if held is None else len(held))

    def batches(self, groups: Sequence[Tensor], device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """Training samples by number, group after group, on ``device``."""
        if isinstance(self.train_inputs, Streamed):
            for index, inputs in zip(groups, self.train_inputs.batches(groups)):
                targets = self.train_targets[index]
                yield inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True)
            return
        for index in groups:
            index = index.to(self.train_inputs.device)
            inputs, targets = self.train_inputs[index], self.train_targets[index]
            yield inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True)

    def limited(self, train: int | None, test: int | None) -> Split:
        """The first ``train`` and ``test`` samples.

        Raises:
            InputError: fewer than one, or more than there are.
        """
        for wanted, have, what in ((train, len(self.train_targets), "train"), (test, len(self.test_targets), "test")):
            if wanted is not None and not 1 <= wanted <= have:
                raise InputError(f"{what} samples: got {wanted}, {self.name} has 1 to {have}")
        return replace(
            self,
            train_inputs=some(self.train_inputs, slice(train)),
            train_targets=self.train_targets[:train],
            test_inputs=some(self.test_inputs, slice(test)),
            test_targets=self.test_targets[:test],
        )


def some(inputs: Inputs, which: Any) -> Inputs:
    """Some of the samples, by a slice or a tensor of numbers; what is streamed stays unread."""
    return inputs.subset(which) if isinstance(inputs, Streamed) else inputs[which]


def _channel(inputs: Inputs) -> Inputs:
    return inputs.with_channel() if isinstance(inputs, Streamed) else inputs[:, None]


def _permutation(count: int) -> Tensor:
    """The fixed order from whose beginning validation samples are taken."""
    import torch

    return torch.from_numpy(stream(0, "validation split").permutation(count))


def finish(
    name: str,
    train: tuple[Inputs, Tensor],
    test: tuple[Inputs, Tensor],
    classes: int,
    source: str,
    augment: Augment | None = None,
    recipe: Recipe | None = None,
) -> Split:
    """Check labels, counts and numbers, and make the split.

    Raises:
        InputError: empty, counts that differ, labels out of range, numbers that are not finite.
    """
    for what, (inputs, targets) in (("training", train), ("test", test)):
        if len(inputs) == 0:
            raise InputError(f"{source}: the {what} set is empty")
        if len(inputs) != len(targets):
            raise InputError(f"{source}: {len(inputs)} {what} images but {len(targets)} labels")
        low, high = int(targets.min()), int(targets.max())
        if low < 0 or high >= classes:
            raise InputError(f"{source}: {what} labels run from {low} to {high}; expected 0 to {classes - 1}")
        if not isinstance(inputs, Streamed) and not bool(inputs.isfinite().all()):
            raise InputError(f"{source}: the {what} images hold NaN or infinite values")
    if train[0].shape[1:] != test[0].shape[1:]:
        raise InputError(
            f"{source}: training images {tuple(train[0].shape[1:])}, test images {tuple(test[0].shape[1:])}"
        )
    return Split(name, train[0], train[1], test[0], test[1], classes, source, augment, recipe or Recipe())
