"""Look for a Loihi 2: five questions, each answered by yes or by the missing piece. Never raises, never blocks long.

Lava's own helpers cannot be used for this: ``slurm.is_available`` raises where no SLURM is installed, importing the
profiler warns, ``Loihi2.is_loihi2_available`` sets environment variables, and running with ``Loihi2HwCfg`` on the
public wheel ends in a ``NameError``. So nothing here imports Lava: packages are looked up, not loaded, and outside
programs get a deadline.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import time
from dataclasses import dataclass

from substrates.loihi2.lava.chip import SDK_MODULES

__all__ = ["PROBE_SECONDS", "Loihi2Probe", "probe_loihi2"]

#: the whole probe ends within this many seconds
PROBE_SECONDS = 1.8
_GENERATIONS = ("N3B2", "N3B3", "N3C1", "N3D1")


@dataclass(frozen=True)
class Loihi2Probe:
    """What was found of a Loihi 2 system. ``missing`` is empty when everything answered.

    Attributes:
        sdk_importable: Lava and Intel's extension (neurocore models and compiler) can be imported.
        host_configured: environment variables name a host (``NXSDKHOST``) or SLURM (``SLURM``/``PARTITION``/``BOARD``).
        host_reachable: the host answered a ping, or SLURM's controller answered ``sinfo``.
        board: the board or partition that a run would use; empty when it is left to SLURM.
        board_found: that board or partition exists and is not down.
        chip_generation: N3B2, N3B3, N3C1 or N3D1; empty when unknown.
        missing: every missing piece, in the order to mend them.
    """

    sdk_importable: bool = False
    host_configured: bool = False
    host_reachable: bool = False
    board: str = ""
    board_found: bool = False
    chip_generation: str = ""
    missing: tuple[str, ...] = ()

    @property
    def available(self) -> bool:
        return not self.missing


def probe_loihi2() -> Loihi2Probe:
    """Ask for SDK, configuration, host, board and chip generation, in that order."""
    deadline = time.monotonic() + PROBE_SECONDS
    missing: list[str] = []
    absent = [name for name in SDK_MODULES if not _importable(name)]
    sdk = not absent
    if not _importable("lava.magma"):
        missing.append("the package lava-nc is not installed")
    elif not sdk:
        if len(absent) == len(SDK_MODULES):
            missing.append("Intel's Loihi extension of Lava is not installed (INRC members get it)")
        else:  # short, because the line with every missing piece has an end
            more = f" and {len(absent) - 1} more" * (len(absent) > 1)
            missing.append(f"Intel's Loihi extension of Lava lacks {absent[0]}{more}")

    host = os.environ.get("NXSDKHOST", "").strip()
    slurm = os.environ.get("SLURM") == "1" and "NOSLURM" not in os.environ
    board = os.environ.get("BOARD", "").strip()
    partition = os.environ.get("PARTITION", "").strip()
    reachable = found = False
    if host:
        reachable = found = _answers(["ping", "-c", "1", "-W", "1", host], deadline) is not None
        if not reachable:
            missing.append(f"the host {host} (NXSDKHOST) does not answer a ping")
    elif slurm or board or partition:
        nodes = _answers(["sinfo", "-N", "-h", "-o", "%N %P %t"], deadline)
        reachable = nodes is not None
        if nodes is None:
            why = "does not answer" if shutil.which("sinfo") else "cannot be asked: the program sinfo is not installed"
            missing.append(f"SLURM is configured but its controller {why}")
        else:
            found, problem = _board_state(nodes, board, partition)
            if problem:
                missing.append(problem)
    else:
        missing.append(
            "no host is configured (set NXSDKHOST for a board on Ethernet, or SLURM=1 with BOARD or PARTITION)"
        )

    generation = os.environ.get("LOIHI_GEN", "").strip()
    if generation and generation not in _GENERATIONS:
        missing.append(f"LOIHI_GEN={generation} is not a Loihi 2 generation ({', '.join(_GENERATIONS)})")
        generation = ""
    elif found and not generation:
        missing.append(f"the chip generation is not configured (set LOIHI_GEN to one of {', '.join(_GENERATIONS)})")
    return Loihi2Probe(
        sdk_importable=sdk,
        host_configured=bool(host or slurm or board or partition),
        host_reachable=reachable,
        board=board or partition or host,
        board_found=found,
        chip_generation=generation,
        missing=tuple(missing),
    )


def _importable(module: str) -> bool:
    """Whether ``module`` can be found; parents are looked up too, nothing of ours is run. Never raises."""
    try:
        return importlib.util.find_spec(module) is not None
    except Exception:  # a broken or half-installed parent package may raise anything
        return False


def _answers(command: list[str], deadline: float) -> list[str] | None:
    """Lines a program printed, or None when it is absent, fails, or is slower than the deadline."""
    left = deadline - time.monotonic()
    if left <= 0 or shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=left,
            check=False,
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.splitlines() if done.returncode == 0 else None


def _board_state(nodes: list[str], board: str, partition: str) -> tuple[bool, str]:
    """(found, problem) of the board or partition in the node list of SLURM."""
    rows = [fields for fields in (line.split() for line in nodes) if len(fields) >= 3]
    wanted = [
        row for row in rows if (not board or row[0] == board) and (not partition or row[1].rstrip("*") == partition)
    ]
    name = f"board {board}" if board else f"partition {partition}" if partition else "any board"
    if not wanted:
        return False, f"SLURM knows no {name}" if board or partition else "SLURM has no boards"
    if all("down" in row[2] or "drain" in row[2] for row in wanted):
        return False, f"SLURM says {name} is down"
    return True, ""
