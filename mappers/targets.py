"""Where a program runs: the targets, whether each is there, and the choice between them.

``auto`` takes the chip when SDK, host, board and chip generation all answer, else the bit-accurate engine, with one
warning that says why. A target asked for by name and absent is an error that names the missing piece; nothing is
ever substituted silently.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hw_profiles.errors import InputError, TargetUnavailableError
from mappers._loihi_probe import Loihi2Probe, probe_loihi2

__all__ = ["TARGETS", "TargetChoice", "TargetStatus", "Workload", "choose_target", "probe_targets"]

Workload = Literal["qubo", "network"]

#: target -> (what it is, the work it can do)
TARGETS: dict[str, tuple[str, tuple[Workload, ...]]] = {
    "loihi2": ("the Loihi 2 chip, through Lava", ("qubo", "network")),
    "loihi2-sim": ("our bit-accurate Loihi 2 engine", ("qubo", "network")),
    "lava-sim": ("Lava's CPU runtime, same process graph as the chip", ("qubo", "network")),
    "analog": ("analog relaxation network, imperfect chip instance", ("qubo", "network")),
    "ideal": ("floating-point reference", ("network",)),
}


@dataclass(frozen=True)
class TargetChoice:
    """The target asked for, the target taken, and why. Records keep all three."""

    requested: str
    resolved: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class TargetStatus:
    """Whether one target can be used here; ``missing`` lists what is not there, ``details`` what was found."""

    name: str
    description: str
    workloads: tuple[Workload, ...]
    available: bool
    missing: tuple[str, ...] = ()
    details: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "workloads": list(self.workloads), "missing": list(self.missing)}


def choose_target(requested: str, workload: Workload) -> TargetChoice:
    """Resolve the target ``requested`` for ``workload``.

    Args:
        requested: ``auto`` or one of `TARGETS`.
        workload: ``"qubo"`` or ``"network"``.

    Raises:
        InputError: no such target, or it cannot do this work.
        TargetUnavailableError: a target asked for by name is not there; the text names the missing piece.
    """
    if requested == "auto":
        return _choose_auto()
    if requested not in TARGETS:
        raise InputError(f"no target {requested!r}; there are auto, {', '.join(TARGETS)}")
    description, workloads = TARGETS[requested]
    if workload not in workloads:
        able = [name for name, (_, works) in TARGETS.items() if workload in works]
        raise InputError(f"the target {requested!r} ({description}) has no {workload} mode; choose {', '.join(able)}")
    status = _status(requested)
    if not status.available:
        raise TargetUnavailableError(
            f"the target {requested!r} is not available: {'; '.join(status.missing)}"
            " (use --target loihi2-sim for the same integers on the CPU, or equipoise targets for the whole list)"
        )
    return TargetChoice(requested, requested, "asked for by name")


def _choose_auto() -> TargetChoice:
    probe = probe_loihi2()
    if probe.available:
        return TargetChoice(
            "auto", "loihi2", f"Loihi 2 answers ({probe.board or 'any board'}, {probe.chip_generation})"
        )
    reason = f"no Loihi 2: {'; '.join(probe.missing)}"
    warnings.warn(f"running on loihi2-sim, the same integers on the CPU, because of {reason}", stacklevel=3)
    return TargetChoice("auto", "loihi2-sim", reason)


def probe_targets() -> tuple[TargetStatus, ...]:
    """The state of every target on this machine. Never raises; takes two seconds at most when Lava's import is warm."""
    return tuple(_status(name) for name in TARGETS)


def _status(name: str) -> TargetStatus:
    description, workloads = TARGETS[name]
    missing, details = _PROBES[name]()
    return TargetStatus(name, description, workloads, not missing, missing, details)


def _probe_chip() -> tuple[tuple[str, ...], dict[str, Any] | None]:
    found: Loihi2Probe = probe_loihi2()
    details = asdict(found)
    del details["missing"]
    return found.missing, details


def _probe_lava() -> tuple[tuple[str, ...], dict[str, Any] | None]:
    from substrates.loihi2.lava.loader import why_unavailable

    problem = why_unavailable()
    return ((problem,) if problem else ()), None


def _always() -> tuple[tuple[str, ...], dict[str, Any] | None]:
    return (), None


_PROBES: dict[str, Callable[[], tuple[tuple[str, ...], dict[str, Any] | None]]] = {
    "loihi2": _probe_chip,
    "loihi2-sim": _always,
    "lava-sim": _probe_lava,
    "analog": _always,
    "ideal": _always,
}
