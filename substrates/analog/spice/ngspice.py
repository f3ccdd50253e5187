"""Running ngspice in batch: a netlist in, node voltages out; its own words where it refuses.

ngspice (ngspice.sourceforge.io) is a program of its own, found on PATH; Debian and Ubuntu call the package ``ngspice``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError, TargetUnavailableError

__all__ = ["operating_points", "time_course", "why_unavailable"]

Floats = npt.NDArray[np.float64]
#: what its own defaults (a thousandth, a microvolt) would hide
OPTIONS = "reltol=1e-9 abstol=1e-18 vntol=1e-12 gmin=1e-20 itl1=2000 itl4=200"
_PRINTED = re.compile(r"^\s*([^\s=]+)\s*=\s*([-+0-9.eE]+)\s*$", re.MULTILINE)
#: ngspice goes on after some of these; a reference may not
_COMPLAINTS = ("error", "singular matrix", "no such", "unknown", "failed", "can't find", "aborted")


def why_unavailable() -> str:
    """Empty where ngspice is there, else what is missing and how to get it."""
    return "" if shutil.which("ngspice") else "no program ngspice on PATH (Debian and Ubuntu: apt install ngspice)"


def _run(netlist: str, control: str, timeout_s: float) -> str:
    missing = why_unavailable()
    if missing:
        raise TargetUnavailableError(f"the SPICE reference is not available: {missing}")
    body = netlist.rstrip()
    if body.endswith(".end"):
        body = body[: -len(".end")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "circuit.cir"
        path.write_text(f"{body}\n.options {OPTIONS}\n.control\nset numdgt=15\nset noaskquit\n{control}\n.endc\n.end\n")
        try:
            done = subprocess.run(
                ["ngspice", "-b", path.name], cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise InputError(
                f"ngspice did not end within {timeout_s:g} s; the circuit is large or does not settle"
            ) from None
        wrote = Path(folder) / "course.txt"
        said = done.stdout + "\n" + done.stderr
        wrong = [line.strip() for line in said.splitlines() if any(w in line.lower() for w in _COMPLAINTS)]
        if wrong:
            raise InputError(f"ngspice refuses the netlist: {'; '.join(dict.fromkeys(wrong[:4]))}")
        return wrote.read_text() if wrote.is_file() else said


def operating_points(
    netlist: str, nodes: Sequence[str], settings: Sequence[Mapping[str, float]] = ({},), *, timeout_s: float = 600.0
) -> Floats:
    """(settings, nodes) volts: one run of ngspice, one operating point per setting.

    Args:
        settings: new values of sources or resistors by their names in the netlist; values stay until changed again.

    Raises:
        TargetUnavailableError: no ngspice here.
        InputError: ngspice refuses or finds no operating point; its words are in the text.
    """
    control = []
    for setting in settings:
        control += [f"alter {element} = {value:.17g}" for element, value in setting.items()]
        control += ["op", *(f"print v({n})" for n in nodes)]
    said = _run(netlist, "\n".join(control), timeout_s)
    values: dict[str, list[float]] = {}
    for name, value in _PRINTED.findall(said):
        values.setdefault(name.lower(), []).append(float(value))
    found = [values.get(f"v({n})".lower(), []) for n in nodes]
    short = [n for n, v in zip(nodes, found) if len(v) != len(settings)]
    if short:
        tail = " ".join(said.split()[-40:])
        raise InputError(f"ngspice gave no voltage of {', '.join(short[:3])}; it said: {tail}")
    return np.array(found).T


def time_course(
    netlist: str, nodes: Sequence[str], *, stop_s: float, step_s: float, timeout_s: float = 600.0
) -> tuple[Floats, Floats]:
    """(times,) seconds and (times, nodes) volts from the netlist's initial conditions (its ``.ic`` and ``ic=``).

    Raises:
        TargetUnavailableError, InputError: as `operating_points`.
    """
    if not 0 < step_s <= stop_s:
        raise InputError(f"a time course of {stop_s} s in steps of {step_s} s; expected 0 < step <= stop")
    vectors = " ".join(f"v({n})" for n in nodes)
    said = _run(
        netlist,
        f"tran {step_s:.9g} {stop_s:.9g} 0 {step_s:.9g} uic\nset wr_singlescale\nset wr_vecnames\n"
        f"wrdata course.txt {vectors}",
        timeout_s,
    )
    try:
        rows = np.array([[float(x) for x in line.split()] for line in said.splitlines()[1:] if line.strip()])
    except ValueError:
        raise InputError(f"ngspice wrote no time course; it said: {' '.join(said.split()[-40:])}") from None
    if rows.ndim != 2 or rows.shape[1] != len(nodes) + 1:
        raise InputError(f"ngspice wrote no time course; it said: {' '.join(said.split()[-40:])}")
    return rows[:, 0], rows[:, 1:]
