"""Where a run's network and data are: on the CPU, or on an accelerator that was asked for and is large enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.errors import InputError
from substrates.devices import check_memory, find_device

if TYPE_CHECKING:
    import torch

    from equipoise.training.config import TrainConfig
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = ["place_network", "require_device"]


def place_network(network: Network, config: TrainConfig) -> torch.device:
    """Move the network to the configuration's device.

    Raises:
        InputError: there is no such device, or it has not the memory for this network and batch.
    """
    here = next(network.parameters()).device
    device = find_device(config.device) if config.device else here
    check_memory(network, config.batch_size, device)
    if device != here:
        network.to(device)
    return device


def require_device(machine: RelaxationSubstrate, device: torch.device) -> None:
    """Raise InputError where the machine does not compute in torch, and so runs on no device but the CPU."""
    if device.type != "cpu" and not getattr(machine, "runs_on_devices", False):
        raise InputError(f"the target {machine.capabilities.name!r} runs on the CPU alone; use --device cpu")
