"""Devices of torch: which one a word means, whether it is there, and in what precision it multiplies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hw_profiles.errors import InputError

if TYPE_CHECKING:
    import torch

    from substrates.network import Network

__all__ = ["PRECISIONS", "check_memory", "find_device", "memory_estimate", "multiplying"]

#: how float32 numbers are multiplied: exactly, or by tensor cores with 10-bit mantissas
PRECISIONS = ("float32", "tf32")
#: copies of the state that a phase holds at once: membranes, activities, currents, forces, free state, two nudges
_STATE_COPIES = 16
#: copies of the parameters: themselves, gradient, two moments of the optimizer, folded kernels
_PARAMETER_COPIES = 6


def find_device(name: str) -> torch.device:
    """``cpu``, ``cuda``, ``cuda:1``, or ``auto`` (a CUDA device where there is one).

    Raises:
        InputError: no such device here; the text says what there is.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"no device {name!r}; there are cpu, cuda, cuda:0, ..., auto") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            built = "is built without CUDA" if torch.version.cuda is None else "finds no CUDA device"
            raise InputError(f"device {name}: this torch ({torch.__version__}) {built}; use --device cpu")
        if (device.index or 0) >= count:
            raise InputError(f"device {name}: there are {count} CUDA devices, numbered from 0")
    elif device.type != "cpu":
        raise InputError(f"device {name}: networks run on cpu and cuda")
    return device


def memory_estimate(network: Network, batch: int) -> int:
    """Bytes that training holds at once, roughly: copies of the state and of the largest map, and of the parameters."""
    size = next(network.parameters()).element_size()
    maps = [2 * c.macs // c.weight[0].numel() for c in network.couplings if c.weight is not None and not c.dense]
    state = batch * (_STATE_COPIES * network.num_neurons + 4 * max(maps, default=0))
    return size * (state + _PARAMETER_COPIES * sum(p.numel() for p in network.parameters()))


def check_memory(network: Network, batch: int, device: torch.device) -> None:
    """Raise InputError where the device's free memory is less than the estimate, before anything is put there."""
    import torch

    if device.type != "cuda":
        return
    need, (free, _) = memory_estimate(network, batch), torch.cuda.mem_get_info(device)
    if need > free:
        raise InputError(
            f"this network needs about {need / 1e9:.1f} GB at a batch of {batch}, the device {device} has "
            f"{free / 1e9:.1f} GB free; take a batch of {max(1, int(batch * free / need))} or less"
        )


@contextmanager
def multiplying(precision: str, device: torch.device) -> Iterator[None]:
    """Multiply in this precision on ``device`` meanwhile. ``float32`` also where a library would round by default."""
    import torch

    if device.type != "cuda":
        yield
        return
    fast = precision == "tf32"
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = fast
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
