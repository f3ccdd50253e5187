"""Checks made before any relaxation: what is asked must fit the network."""

from __future__ import annotations

import cmath

import torch

from hw_profiles.errors import InputError
from substrates.base import Drive, Equilibrium, Nudge
from substrates.network import Network, State

__all__ = ["check_drive", "check_nudge", "check_start"]


def check_drive(network: Network, drive: Drive) -> None:
    """Raises InputError: a drive made for another network, or an empty batch."""
    expected = [p.shape for p in network.populations]
    got = [tuple(c.shape[1:]) for c in drive.currents]
    if got != expected or drive.batch == 0:
        raise InputError(
            f"the drive has currents of shapes {got} for a batch of {drive.batch}; expected {expected} and a batch "
            "above 0; make the drive with this machine's drive(inputs)"
        )


def check_start(network: Network, drive: Drive, start: Equilibrium) -> State:
    """Return the membranes to start from. Raises InputError: they are another batch's or another network's."""
    got = [tuple(u.shape) for u in start.membranes]
    expected = [(drive.batch, *p.shape) for p in network.populations]
    if got != expected:
        raise InputError(
            f"the start state has shapes {got}; expected {expected}; start from an equilibrium of this batch"
        )
    return start.membranes


def check_nudge(network: Network, drive: Drive, nudge: Nudge | None) -> None:
    """Raises InputError: a complex nudge on functions that are not holomorphic, targets of another batch or range."""
    if nudge is None:
        return
    if not cmath.isfinite(nudge.beta):
        raise InputError(f"the nudge must be a finite number, got {nudge.beta}")
    if complex(nudge.beta).imag != 0 and not network.holomorphic:
        raise InputError(
            f"the nudge {nudge.beta} is complex, but {', '.join(network.not_holomorphic())} cannot be extended to "
            "complex states; use a real nudge (one-sided, centered) or a holomorphic activation such as logistic"
        )
    if nudge.target.shape[0] != drive.batch:
        raise InputError(f"{nudge.target.shape[0]} targets for a batch of {drive.batch}; expected one each")
    network.cost.check_target(nudge.target)
    nudge.check_force((drive.batch, *network.populations[-1].shape))
    if nudge.reference is not None:
        got = [tuple(r.shape) for r in nudge.reference]
        expected = [(drive.batch, *p.shape) for p in network.populations]
        if got != expected or any(torch.is_complex(r) for r in nudge.reference):
            raise InputError(
                f"the correction's reference has shapes {got}; expected real activities of shapes {expected}, "
                "those of the free equilibrium of this batch"
            )
