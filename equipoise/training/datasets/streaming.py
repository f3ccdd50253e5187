"""Samples of a torch data set that stay where they are until a batch asks for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Streamed", "labels_of"]

#: samples read at once where a whole set is gone through
_PIECE = 500


@dataclass(frozen=True, eq=False)
class Streamed:
    """The inputs of a map-style data set of (image, class), read batch by batch, by worker processes where asked.

    Takes the place of the tensor of inputs in a `Split`: it has its length, shape and slices.

    Args:
        source: the data set.
        name: for messages.
        sample: shape of one sample as the source gives it.
        columns: names of image and class where samples are mappings, as Hugging Face's data sets have them.
        workers: processes that read ahead; 0 reads in this one.
        shape_as: shape of one sample as it is wanted (flattened, or with a channel axis).
        chosen: which samples, by number; None for all.
    """

    source: Any
    name: str
    sample: tuple[int, ...]
    columns: tuple[str, str] | None = None
    workers: int = 0
    shape_as: tuple[int, ...] = ()
    chosen: Tensor | None = None

    @classmethod
    def of(cls, source: Any, name: str, columns: tuple[str, str] | None, workers: int) -> Streamed:
        """Look at the first sample; nothing else is read.

        Raises:
            InputError: no samples, something that is no tensor, fewer than no workers.
        """
        if workers < 0:
            raise InputError(f"{name}: {workers} workers; expected a whole number from 0 up")
        if not len(source):
            raise InputError(f"{name}: a data set is empty")
        first = _pair(source, 0, columns, name)[0]
        return cls(source, name, tuple(first.shape), columns, workers)

    def __len__(self) -> int:
        return len(self.source) if self.chosen is None else len(self.chosen)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *(self.shape_as or self.sample))

    @property
    def device(self) -> torch.device:
        """Batches come on the host."""
        import torch

        return torch.device("cpu")

    def flatten(self, first: int) -> Streamed:
        """Every sample as one vector."""
        return replace(self, shape_as=(math.prod(self.sample),)) if first == 1 else self

    def reshape(self, count: int, *shape: int) -> Streamed:
        """Every sample in another shape; the first axis stays."""
        return replace(self, shape_as=shape)

    def with_channel(self) -> Streamed:
        """Samples with a channel axis in front."""
        return replace(self, shape_as=(1, *self.sample))

    def _numbers(self, index: Any) -> list[int]:
        import torch

        every = torch.arange(len(self.source)) if self.chosen is None else self.chosen
        return [int(i) for i in every[index].reshape(-1)]

    def subset(self, index: Any) -> Streamed:
        """Some of the samples, unread: a slice or a tensor of numbers."""
        import torch

        return replace(self, chosen=torch.tensor(self._numbers(index), dtype=torch.int64))

    def __getitem__(self, index: Any) -> Tensor:
        """Read samples: a number, a slice or a tensor of numbers."""
        rows = self._stack(self._numbers(index))
        return rows[0] if isinstance(index, int) else rows

    def split(self, size: int) -> Iterator[Tensor]:
        """The samples in order, ``size`` at a time."""
        numbers = self._numbers(slice(None))
        return self.batches([numbers[i : i + size] for i in range(0, len(numbers), size)], by_source=True)

    def batches(self, groups: Sequence[Any], *, by_source: bool = False) -> Iterator[Tensor]:
        """Groups of samples one after another, read ahead by the workers; the same for any number of them."""
        wanted = [list(g) if by_source else self._numbers(g) for g in groups]
        if not self.workers:
            yield from (self._stack(numbers) for numbers in wanted)
            return
        from torch.utils.data import DataLoader

        for read in DataLoader(_Stacks(self, wanted), batch_size=None, num_workers=self.workers):
            if isinstance(read, InputError):
                raise read
            yield read

    def _stack(self, numbers: Sequence[int]) -> Tensor:
        import torch

        if not numbers:  # a process's part of a batch smaller than the team
            return torch.zeros(0, *(self.shape_as or self.sample))
        read = [_pair(self.source, i, self.columns, self.name)[0] for i in numbers]
        for number, x in zip(numbers, read):
            if tuple(x.shape) != self.sample:
                raise InputError(
                    f"{self.name}: sample {number} has shape {tuple(x.shape)}; expected {self.sample}, as the first"
                )
        stacked = torch.stack(read)
        if not bool(stacked.isfinite().all()):
            bad = next(n for n, x in zip(numbers, read) if not bool(x.isfinite().all()))
            raise InputError(f"{self.name}: sample {bad} holds NaN or infinite values")
        return stacked.reshape(len(read), *(self.shape_as or self.sample))


@dataclass(frozen=True)
class _Stacks:
    """Whole batches as the samples of a data set, for torch's workers."""

    streamed: Streamed
    groups: list[list[int]]

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, number: int) -> Tensor | InputError:
        try:
            return self.streamed._stack(self.groups[number])
        except InputError as error:  # raised in the worker it would come wrapped in a traceback
            return error


def labels_of(source: Any, name: str, columns: tuple[str, str] | None) -> Tensor:
    """All class indices: the source's own list where it has one (torchvision's ``targets``), else by reading it once.

    Raises:
        InputError: labels that are no whole numbers.
    """
    import torch

    found = getattr(source, "targets", None)
    if found is None and columns is not None:
        try:
            found = source[columns[1]]  # a column of a Hugging Face data set is had without the images
        except (KeyError, TypeError):
            found = None
    if found is None:
        found = [_pair(source, i, columns, name)[1] for i in range(len(source))]
    try:
        labels = torch.as_tensor(found if isinstance(found, torch.Tensor) else list(found))
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name}: class indices expected as labels ({error})") from None
    if labels.dim() != 1 or len(labels) != len(source) or labels.is_floating_point():
        raise InputError(f"{name}: labels of shape {tuple(labels.shape)} and type {labels.dtype}; expected one class "
                         f"index for each of {len(source)} samples")  # fmt: skip
    return labels.long()


def _pair(source: Any, number: int, columns: tuple[str, str] | None, name: str) -> tuple[Tensor, Any]:
    """One sample as float32 and its label."""
    import torch

    found = source[number]
    try:
        x, y = (found[columns[0]], found[columns[1]]) if columns is not None else found
        return torch.as_tensor(x).float(), y
    except (TypeError, ValueError, RuntimeError, KeyError) as error:
        raise InputError(
            f"{name}: sample {number} is a {type(found).__name__}; expected (tensor, class index), images turned into "
            f"tensors by the data set's transform, or columns=(image, label) for mappings ({error})"
        ) from None
