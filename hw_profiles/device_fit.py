"""A device out of measured potentiation and depression pulses.

The model is that of the machine's open-loop writes (`ChipParameters.levels`, ``write_asymmetry``, ``write_noise``).
With w = -1 .. 1 over the measured range of conductance, one pulse changes w by

    up:   + s_up   (1 - a_up   w)          down:   - s_down (1 + a_down w)

each with a relative spread. A straight line through (w, change of w) gives s and a of each direction; the machine has
one number for both, their mean, and the difference is reported. Nothing is said outside the conductances measured.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.reading.settings import read_text

__all__ = ["COLUMNS", "LEAST_PULSES", "DeviceFit", "Direction", "Pulses", "fit_pulses", "read_pulses"]

Floats = npt.NDArray[np.float64]

#: columns of the file, with what they hold
COLUMNS = {
    "direction": "up or down (or 1, -1): what the pulse was to do",
    "conductance": "in siemens, read after the pulse",
    "cycle": "optional: number of the sweep; a step is only taken between two rows of one cycle",
}
LEAST_PULSES = 20  #: steps of each direction
LEAST_END = 0.9  #: of the range, to which pulses must still change something
_DIRECTIONS = {"up": 1, "down": -1, "1": 1, "+1": 1, "-1": -1, "potentiation": 1, "depression": -1, "ltp": 1, "ltd": -1}
_FIX = f"expected a header with {', '.join(COLUMNS)}; equipoise devices fit --help says what they hold"


@dataclass(frozen=True)
class Pulses:
    """Measured steps: conductance before and after each pulse, siemens; direction +1 or -1."""

    before: Floats
    after: Floats
    direction: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Direction:
    """The line of one direction, in w: step at mid range, how it shrinks, what is left.

    Attributes:
        step: s, always positive.
        slope: a.
        noise: relative spread of a step about the line.
        curvature: share of the residual's variance that a parabola would explain: large when a line is no model.
        pulses: how many steps.
    """

    step: float
    slope: float
    noise: float
    curvature: float
    pulses: int


@dataclass(frozen=True)
class DeviceFit:
    """What the pulses say.

    Attributes:
        low, high: measured range of conductance, siemens.
        up, down: the two directions.
    """

    low: float
    high: float
    up: Direction
    down: Direction

    @property
    def levels(self) -> int:
        """Levels of a cell: one more than half the range over a step."""
        return round(1 + 2 / (self.up.step + self.down.step))

    @property
    def write_asymmetry(self) -> float:
        """The machine's one number: the mean of both directions, within 0 and 1."""
        return min(1.0, max(0.0, 0.5 * (self.up.slope + self.down.slope)))

    @property
    def write_noise(self) -> float:
        """Relative spread of a pulse, over both directions."""
        return math.sqrt(0.5 * (self.up.noise**2 + self.down.noise**2))

    def simplification(self) -> str:
        """What one number for both directions leaves out, in words."""
        ratio = max(self.up.step, self.down.step) / min(self.up.step, self.down.step)
        return (
            f"a step up is {self.up.step:.4g} and shrinks by {self.up.slope:.3g}, one down {self.down.step:.4g} and "
            f"{self.down.slope:.3g} (ratio of the steps {ratio:.2f}); the machine has one number for both"
        )

    def as_toml(self, name: str, source: str, extends: str = "generic") -> str:
        """A chip file that takes everything but the cell from ``extends``."""
        return f"""# Fitted to {self.up.pulses} pulses up and {self.down.pulses} down: {source}
# {self.simplification()}.
# It holds for conductances from {self.low:.4g} to {self.high:.4g} S and for the pulses that were measured.
schema_version = 1
name = "{name}"
title = "{name}, fitted to measured pulses"
extends = "{extends}"
description = "Cell fitted to measured pulses; what they do not say is that of the chip {extends}."
grade = "assumed"
note = "fitted to measured pulses: {source}"

[device]
open_loop = true
conductance_max = {self.high!r}
conductance_min = {self.low!r}
levels = {self.levels}
write_asymmetry = {self.write_asymmetry:.6g}
write_noise = {self.write_noise:.6g}
pulses_per_write = 1
"""


def read_pulses(path: Path | str) -> Pulses:
    """Read a CSV of pulses.

    Raises:
        InputError: columns missing, rows that are no pulses, conductances that are not positive, too few steps.
    """
    rows = list(csv.DictReader(io.StringIO(read_text(path, "file of pulses", _FIX))))
    names = {str(name).strip().lower() for row in rows[:1] for name in row}
    missing = [name for name in ("direction", "conductance") if name not in names]
    if missing or not rows:
        raise InputError(f"{path} is no file of pulses: no {' and no '.join(missing) or 'rows'}; {_FIX}")
    before, after, direction = [], [], []
    last: tuple[Any, int, float] | None = None
    for number, row in enumerate(rows, start=2):
        cycle, way, value = _row(row, number, path)
        # The first pulse of the other direction starts where the last one ended.
        if last is not None and last[0] == cycle:
            before.append(last[2])
            after.append(value)
            direction.append(way)
        last = (cycle, way, value)
    pulses = Pulses(np.array(before), np.array(after), np.array(direction, np.int64))
    for way, name in ((1, "up"), (-1, "down")):
        count = int((pulses.direction == way).sum())
        if count < LEAST_PULSES:
            raise InputError(
                f"{path} has {count} steps {name}; at least {LEAST_PULSES} of each direction are needed for a fit"
            )
    return pulses


def _row(row: dict[str, Any], number: int, path: Path | str) -> tuple[str, int, float]:
    cells = {str(name).strip().lower(): str(text).strip() for name, text in row.items()}
    way = _DIRECTIONS.get(cells["direction"].lower())
    if way is None:
        raise InputError(f"{path}, line {number}: direction {cells['direction'][:40]!r}; expected up or down")
    try:
        value = float(cells["conductance"])
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{path}, line {number}: conductance {cells['conductance'][:40]!r}; expected siemens above 0")
    if value > 1:
        raise InputError(f"{path}, line {number}: a conductance of {value:g} S is no device's; is it in microsiemens?")
    return cells.get("cycle", ""), way, value


def fit_pulses(pulses: Pulses) -> DeviceFit:
    """Fit both directions.

    Raises:
        InputError: a direction moves the wrong way, or its steps vanish inside the range (no device of this model).
    """
    low = float(min(pulses.before.min(), pulses.after.min()))
    high = float(max(pulses.before.max(), pulses.after.max()))
    if not high > low:
        raise InputError("the pulses change nothing: every conductance is the same")

    def scaled(value: Floats) -> Floats:
        return 2 * (value - low) / (high - low) - 1

    before, change = scaled(pulses.before), scaled(pulses.after) - scaled(pulses.before)
    found = {}
    for way, name in ((1, "up"), (-1, "down")):
        mine = pulses.direction == way
        w, size = way * before[mine], way * change[mine]
        slope, step = np.polyfit(w, size, 1)
        if not size.mean() > 0:
            raise InputError(
                f"pulses {name} change the conductance the other way on average: are the directions swapped?"
            )
        end = -step / slope if slope < 0 else math.inf  # where the line says that pulses do nothing
        if not end > LEAST_END:
            raise InputError(
                f"a pulse {name} would vanish at w = {way * end:.2f}, inside the measured range (-1 to 1): this "
                "device is not linear in its conductance; fit a part of the range"
            )
        left = size - (step + slope * w)
        parabola = np.polyfit(w, size, 2)
        variance = float(np.var(left))
        gained = 1 - float(np.var(size - np.polyval(parabola, w))) / variance if variance > 1e-24 else 0.0
        # A small sample always bends a little: only what exceeds chance counts.
        curvature = max(0.0, gained - 3 / len(w))
        found[name] = Direction(
            step=float(step), slope=float(-slope / step), noise=float(np.std(left, ddof=2) / step),
            curvature=curvature, pulses=len(w),
        )  # fmt: skip
    return DeviceFit(low, high, found["up"], found["down"])
