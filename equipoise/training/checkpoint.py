"""Checkpoints: everything a bit-exact resume needs, written whole or not at all."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Key, Ledger
from hw_profiles.reading import check_file, probe, reading
from hw_profiles.texts import shown
from learning_rules import LearnerState, NudgeState

if TYPE_CHECKING:
    from hw_profiles.output import Output
    from substrates.base import RelaxationSubstrate

__all__ = ["YOUNGER", "load_checkpoint", "read_state", "restore_machine", "save_checkpoint"]

#: settings younger than some checkpoints, as those runs had them
YOUNGER = {
    "nudge_force": "following",
    "device": "",
    "precision": "float32",
    "readout": "output",
    "conv": [],
    "pooling": "average",
    "valid_last": False,
    "validation": 0.0,
    "processes": 1,
    "readings": 1,
}

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
    if not path.exists():
        return None
    fix = "remove it to start afresh"
    state = read_state(path, fix)
    with reading(path, "checkpoint", fix):
        version = state["version"]
        if version != VERSION:
            raise InputError(
                f"{path} is a checkpoint of version {shown(version)}, this program reads {VERSION}; start afresh"
            )
        before = {**YOUNGER, **state["identity"]}
        different = sorted(k for k in {*before, *identity} if before.get(k) != identity.get(k))
        if different:
            changes = ", ".join(f"{k} {shown(before.get(k))} -> {shown(identity.get(k))}" for k in different)
            raise InputError(f"{path} belongs to a run with other settings ({changes}); resume with the same ones")
        state["ledger"] = Ledger({Key(Event(e), c, layer, core, p): n for e, c, layer, core, p, n in state["ledger"]})
        nudge = state["learner"]["nudge"]
        state["learner"] = LearnerState(int(state["learner"]["step"]), None if nudge is None else NudgeState(**nudge))
        return state


def read_state(path: Path, fix: str) -> dict[str, Any]:
    """What a checkpoint holds, its parts of the right types; tried in a process of its own first.

    Raises:
        InputError: not there or unreadable; ``fix`` says what to do about it.
    """
    check_file(path, "checkpoint", fix)
    with reading(path, "checkpoint", fix):
        probe("equipoise.training.checkpoint:inspect", path)
        return _load(path)


def inspect(path: Path) -> None:
    """Try to load a checkpoint; done in a process of its own, because torch reads it in compiled code.

    Raises:
        InputError: not an archive as torch writes it, or larger inside than the file.
    """
    with reading(path, "checkpoint", "remove it to start afresh"):
        _load(path)


def _load(path: Path) -> dict[str, Any]:
    import zipfile

    import torch

    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise InputError(f"{path} is not a checkpoint: torch packs nothing, and something in it is packed")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise InputError(f"{path} is not a checkpoint: it is larger inside than the file")
    state = torch.load(path, weights_only=True, map_location="cpu")
    needed = {"version": int, "identity": dict, "network": dict, "learner": dict, "ledger": list, "history": list,
              "best": dict, "optimizer": dict}  # fmt: skip
    for name, kind in needed.items():
        if not isinstance(state, dict) or not isinstance(state.get(name), kind):
            raise InputError(f"{path} is not a checkpoint: it holds no {name}; remove it to start afresh")
    _check_history(state["history"], state["best"], str(path))
    return dict(state)


def _check_history(history: list[Any], best: dict[str, Any], name: str) -> None:
    """One row of numbers per epoch, and the best of them."""
    numbers = (int, float, type(None))
    for place, row in enumerate(history):
        whole = (
            isinstance(row, dict)
            and row.get("epoch") == place + 1
            and isinstance(row.get("test_accuracy"), float)
            and isinstance(row.get("seconds"), float)
            and row.keys() == history[0].keys()
            and all(
                isinstance(value, (*numbers, list, tuple))
                and (isinstance(value, numbers) or all(isinstance(v, numbers) for v in value))
                for value in row.values()
            )
        )
        if not whole:
            raise InputError(f"{name} is not a checkpoint: epoch {place + 1} of its history is {shown(row)}")
    sound = {"accuracy": float, "epoch": int, "weights": dict}
    if history and not all(isinstance(best.get(key), kind) for key, kind in sound.items()):
        raise InputError(f"{name} is not a checkpoint: its best epoch is {shown(best, 80)}")


def restore_machine(machine: RelaxationSubstrate, state: Any) -> None:
    """Put a machine's own state (noise position, drift, clocks) back, where it has one."""
    restore = getattr(machine, "load_state_dict", None)
    if state is not None and restore is not None:
        restore(state)
