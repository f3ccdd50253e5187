"""Data-parallel training under ``torchrun``: every process takes its share of every batch, gradients are averaged.

    torchrun --nproc-per-node 2 -m equipoise train --processes 2 --out run.h5

All processes hold the same network and the same machine, one chip that several processors simulate: a sample draws the
noise that it would draw in one process, and counts are those of one machine. What differs from one process is the
order in which gradients are summed (and random augmentation); at a fixed number of processes the bits are the same
every time.
The first process writes record and checkpoint; the others need neither file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.threads import available

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from learning_rules import Learner
    from substrates.base import RelaxationSubstrate

__all__ = ["Team", "leads_here", "under_torchrun"]


@dataclass(frozen=True)
class Team:
    """The processes of a training, and which of them this is.

    Attributes:
        rank: this one's number, from 0.
        size: how many there are.
        here: how many of them are on this computer.
    """

    rank: int = 0
    size: int = 1
    here: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes what is written."""
        return self.rank == 0

    @property
    def threads(self) -> int:
        """Processors for each process of this computer."""
        return max(1, available() // self.here)

    def part(self, count: int) -> slice:
        """This process's samples of ``count``: as equal as can be, in the order of the ranks."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def check(self, learner: Learner, machine: RelaxationSubstrate) -> None:
        """Raise InputError for what needs a whole batch in one process."""
        if self.size == 1:
            return
        if learner.adaptive is not None:
            raise InputError("--nudge auto looks at whole batches; with --processes give the nudge as a number")
        if learner.homeostasis is not None and learner.combination == "conflict-free":
            raise InputError("the combination conflict-free needs whole batches; with --processes use sum or decoupled")
        if machine.capabilities.temporal_noise and not hasattr(machine, "samples_seen"):
            raise InputError(
                f"the machine {machine.capabilities.name!r} draws its noise in an order that processes cannot share; "
                "leave --processes at 1"
            )

    def agree(self, settings: dict[str, Any]) -> None:
        """Raise InputError unless all processes were started with the same settings."""
        mine = json.dumps(settings, sort_keys=True, default=str)
        for rank, text in enumerate(self._all(mine)):
            if text != mine:
                theirs = json.loads(text)
                names = sorted(k for k in {*theirs, *settings} if str(theirs.get(k)) != str(settings.get(k)))
                raise InputError(f"process {rank} was started with another {', '.join(names)} than process {self.rank}")

    def sharing(self, machine: RelaxationSubstrate, count: int) -> Any:
        """Context in which this process runs its part of ``count`` samples on the machine that all share."""
        return _in_place(machine, self.part(count), count) if self.size > 1 else _nothing()

    def average(self, parameters: Sequence[torch.nn.Parameter], mine: int, count: int, *, moved: bool) -> None:
        """Make ``.grad`` the mean over all samples of a batch, of which ``mine`` of ``count`` were this process's.

        Args:
            moved: the parameters themselves were moved by the step (decoupled homeostasis) and are averaged too.
        """
        if self.size == 1:
            return
        import torch

        with torch.no_grad():
            for p in parameters:
                if p.grad is None:
                    p.grad = torch.zeros_like(p)
            self._mean([p.grad for p in parameters if p.grad is not None], mine / count)
            if moved:
                self._mean(list(parameters), mine / count)

    def _mean(self, tensors: list[Tensor], weight: float) -> None:
        """Weighted sum over the processes, in one message."""
        import torch
        from torch import distributed

        flat = torch.cat([t.detach().reshape(-1) for t in tensors]) * weight
        distributed.all_reduce(flat)
        for t, new in zip(tensors, flat.split([t.numel() for t in tensors])):
            t.copy_(new.reshape(t.shape))

    def total(self, numbers: dict[str, Any]) -> dict[str, Any]:
        """Numbers added up over all processes."""
        if self.size == 1:
            return numbers
        every = self._all(numbers)
        return {name: sum(one[name] for one in every) for name in numbers}

    def merged(self, ledger: Ledger) -> Ledger:
        """The counts of all processes."""
        if self.size == 1:
            return ledger
        whole = Ledger()
        for one in self._all(ledger):
            whole.merge(one)
        return whole

    def tell(self, value: Any) -> Any:
        """The first process's value, everywhere."""
        if self.size == 1:
            return value
        from torch import distributed

        held = [value]
        distributed.broadcast_object_list(held, src=0)
        return held[0]

    def _all(self, value: Any) -> list[Any]:
        """Everybody's value, by rank."""
        if self.size == 1:
            return [value]
        from torch import distributed

        every: list[Any] = [None] * self.size
        distributed.all_gather_object(every, value)
        return every


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _in_place(machine: RelaxationSubstrate, part: slice, count: int) -> Iterator[None]:
    """The machine numbers its samples as if it had them all: noise depends on the number."""
    seen: Any = getattr(machine, "samples_seen", None)
    mine = part.stop - part.start
    if seen is None:
        yield
        return
    fresh = seen + part.start
    machine.samples_seen = fresh  # type: ignore[attr-defined]
    yield
    passes = (machine.samples_seen - fresh) // mine if mine else 1  # type: ignore[attr-defined]
    machine.samples_seen = seen + passes * count  # type: ignore[attr-defined]


def leads_here(processes: int) -> bool:
    """Whether this process speaks and writes for ``processes`` of torchrun."""
    return processes == 1 or os.environ.get("RANK", "0") == "0"


@contextmanager
def under_torchrun(processes: int, *, device: str = "") -> Iterator[Team]:
    """The team of ``processes`` that torchrun has started; a team of one needs nothing.

    Raises:
        InputError: torchrun has not started so many.
    """
    if processes == 1:
        yield Team()
        return
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size != processes:
        raise InputError(
            f"--processes {processes}, but {size} {'was' if size == 1 else 'were'} started; start them with "
            f"torchrun --nproc-per-node {processes} -m equipoise train --processes {processes} ..."
        )
    import torch
    from torch import distributed

    on_cards = device.startswith("cuda")
    if on_cards and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    began = not distributed.is_initialized()
    if began:
        distributed.init_process_group("nccl" if on_cards else "gloo")
    try:
        yield Team(distributed.get_rank(), size, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    finally:
        if began:
            distributed.destroy_process_group()
