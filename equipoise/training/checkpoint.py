"""Checkpoints: everything a bit-exact resume needs, written whole or not at all."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Key, Ledger
from learning_rules import LearnerState, NudgeState

if TYPE_CHECKING:
    from hw_profiles.output import Output
    from substrates.base import RelaxationSubstrate

__all__ = ["load_checkpoint", "restore_machine", "save_checkpoint"]

VERSION = 1


def save_checkpoint(
    output: Output,
    *,
    run: str,
    identity: dict[str, Any],
    network: Any,
    optimizer: Any,
    scheduler: Any,
    learner: LearnerState,
    machine: RelaxationSubstrate,
    ledger: Ledger,
    history: list[dict[str, Any]],
    best: dict[str, Any],
) -> None:
    """Write the state after an epoch.

    Args:
        output: the checkpoint's file.
        run: the run's own name, which its record carries too.
        identity: what must be equal for a resume to make sense.
    """
    import torch

    keep = getattr(machine, "state_dict", None)
    state = {
        "version": VERSION,
        "run": run,
        "identity": identity,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": None if scheduler is None else scheduler.state_dict(),
        "learner": {"step": learner.step, "nudge": None if learner.nudge is None else asdict(learner.nudge)},
        "machine": None if keep is None else keep(),
        "ledger": [(k.event.value, k.component, k.layer, k.core, k.phase, n) for k, n in ledger.items()],
        "history": history,
        "best": best,
    }
    content = io.BytesIO()
    torch.save(state, content)
    output.put(content.getbuffer(), durable=True)


def load_checkpoint(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """Read a checkpoint; None where there is none.

    Raises:
        InputError: unreadable, of another version, or of a run with other settings (which are named).
    """
    import pickle

    import torch

    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
        version = state["version"]
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} is not a readable checkpoint ({str(error).splitlines()[0]}); remove it") from None
    if version != VERSION:
        raise InputError(f"{path} is a checkpoint of version {version}, this program reads {VERSION}; start afresh")
    before = {"nudge_force": "following", **state["identity"]}  # checkpoints without it are older than the setting
    different = sorted(k for k in {*before, *identity} if before.get(k) != identity.get(k))
    if different:
        changes = ", ".join(f"{k} {before.get(k)!r} -> {identity.get(k)!r}" for k in different)
        raise InputError(f"{path} belongs to a run with other settings ({changes}); resume with the same ones")
    state["ledger"] = Ledger({Key(Event(e), c, layer, core, p): n for e, c, layer, core, p, n in state["ledger"]})
    nudge = state["learner"]["nudge"]
    state["learner"] = LearnerState(state["learner"]["step"], None if nudge is None else NudgeState(**nudge))
    return state


def restore_machine(machine: RelaxationSubstrate, state: Any) -> None:
    """Put a machine's own state (noise position, drift, clocks) back, where it has one."""
    restore = getattr(machine, "load_state_dict", None)
    if state is not None and restore is not None:
        restore(state)
