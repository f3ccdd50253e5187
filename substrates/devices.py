"""Devices of torch: which one a word means, whether it is there, and in what precision it multiplies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hw_profiles.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from substrates.network import Network

__all__ = ["PRECISIONS", "check_memory", "find_device", "laid_out", "memory_estimate", "multiplying"]

#: how float32 numbers are multiplied: exactly, or by tensor cores with 10-bit mantissas
PRECISIONS = ("float32", "tf32")
# Measured on an H200 at the paper's CIFAR-10 network (5 Jacobian-vector draws, recorded phases): 2.0 GB for average
# pooling at a batch of 50, 2.6 and 4.4 GB for softmax pooling at 50 and 128.
#: copies of the state that training holds at once, and of the maps before a pooling that is differentiated
_STATE_COPIES, _MAP_COPIES = 48, 15
#: copies of the parameters: themselves, gradients, moments of the optimizer, folded kernels, those of recorded phases
_PARAMETER_COPIES = 16
#: bytes of the libraries' own
_LIBRARIES = 1_000_000_000


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


def laid_out(x: Tensor) -> Tensor:
    """Maps (batch, channels, height, width) as their convolutions are fastest: channels last, but for exact float32 on
    CUDA, whose kernels want channels first (measured on an H200). Other tensors as they are."""
    import torch

    if x.dim() != 4 or x.is_complex():
        return x
    exact = x.device.type == "cuda" and x.dtype == torch.float32 and not torch.backends.cudnn.allow_tf32
    return x.contiguous(memory_format=torch.contiguous_format if exact else torch.channels_last)


def memory_estimate(network: Network, batch: int) -> int:
    """Bytes that training on an accelerator holds at once, roughly."""
    size = next(network.parameters()).element_size()
    maps = sum(c.macs // c.kernel[0].numel() for c in network.recurrent_couplings() if c.state_dependent)
    state = batch * (_STATE_COPIES * network.num_neurons + _MAP_COPIES * maps)
    return _LIBRARIES + size * (state + _PARAMETER_COPIES * sum(p.numel() for p in network.parameters()))


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
