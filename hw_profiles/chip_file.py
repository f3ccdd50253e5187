"""One file for an analog chip: device, array, neurons, converters and timing give its faults *and* its prices.

The machine model takes the faults (`ChipFile.faults`, in the names of `substrates.analog.ChipParameters`), pricing
takes the prices (`hw_profiles.chip_prices`), both computed from the same numbers, so that they cannot disagree. Every
number that a file gives changes one or the other, or the file is refused.

A number is a table with range, unit, grade and source, or plain: then it is exact, in the unit of `QUANTITIES`, and has
the grade and source of the whole file. ``extends`` takes what a file does not say from another chip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.grades import Grade
from hw_profiles.reading.files import reading
from hw_profiles.reading.settings import read_toml
from hw_profiles.registry import Registry, data_files, toml_file

__all__ = ["DEVICES", "QUANTITIES", "ChipFile", "Quantity", "check_chip", "find_chip", "list_chips", "load_chip"]

FOLDER = Path(__file__).parent / "devices"
#: name -> its file
DEVICES: Registry[Path] = Registry("device", "equipoise.devices", data_files(FOLDER), toml_file, files=".toml")

#: spread of the loss over the cells of a line, over the loss at its far end: the loss grows as 2x - x^2 with the place
#: x = 0 .. 1, whose standard deviation is sqrt(4/45)
LINE_SPREAD = math.sqrt(4 / 45)
BOLTZMANN, ROOM = 1.380649e-23, 300.0  #: J/K, K


@dataclass(frozen=True)
class Quantity:
    """One number a chip file may give.

    Attributes:
        section: table of the file.
        unit: of a plain number; a table's unit must measure the same.
        fault: the field of `ChipParameters` it is, with what the plain number is in; empty where it only makes prices.
        words: what it is.
        whole: a whole number.
        most: the largest value allowed.
    """

    section: str
    unit: str
    fault: str
    words: str
    whole: bool = False
    most: float = math.inf


def _q(section: str, unit: str, fault: str, words: str, **more: Any) -> Quantity:
    return Quantity(section, unit, fault, words, **more)


#: every number a chip file may give, by name; names are unique over the sections
QUANTITIES: dict[str, Quantity] = {
    "conductance_max": _q("device", "S", "", "largest conductance of a cell"),
    "conductance_min": _q("device", "S", "", "smallest one; 0 where the off state does not conduct"),
    "read_voltage": _q("device", "V", "", "across a cell while it is read"),
    "write_voltage": _q("device", "V", "", "of a programming pulse"),
    "pulse_width": _q("device", "s", "", "of a programming pulse"),
    "pulses_per_write": _q("device", "count", "", "pulses (and looks) until a written cell is good enough"),
    "levels": _q("device", "count", "levels", "conductance levels of a cell", whole=True),
    "write_asymmetry": _q("device", "count", "write_asymmetry", "how much a pulse shrinks at its range's end", most=1),
    "write_noise": _q("device", "count", "write_noise", "relative spread of a pulse"),
    "programming_error": _q("device", "count", "programming_error", "error of a write over the largest weight"),
    "conductance_mismatch": _q("device", "count", "conductance_mismatch", "relative spread between cells"),
    "drift_exponent": _q("device", "count", "drift_exponent", "of the drift (1 + t/t0)^-nu"),
    "drift_spread": _q("device", "count", "drift_spread", "relative spread of the drift exponent"),
    "drift_time": _q("device", "s", "drift_time_s", "t0 of the drift"),
    "read_noise": _q("device", "count", "read_noise", "noise of a cell's current, as a share of the largest weight's"),
    "read_noise_proportional": _q("device", "count", "read_noise_proportional", "noise of a cell's current over it"),
    "rows": _q("array", "count", "", "inputs of an array", whole=True),
    "columns": _q("array", "count", "", "outputs of an array", whole=True),
    "line_resistance": _q("array", "Ohm", "", "of a line, per cell"),
    "line_capacitance": _q("array", "F", "", "of a line, per cell"),
    "weight_range": _q("array", "count", "weight_range", "largest weight, in the network's units"),
    "static_power": _q("array", "W", "", "bias and clock of the chip"),
    "gain_mismatch": _q("neurons", "count", "gain_mismatch", "relative spread of gains"),
    "offset_mismatch": _q("neurons", "count", "offset_mismatch", "spread of offsets, membrane units"),
    "time_constant_mismatch": _q("neurons", "count", "time_constant_mismatch", "relative spread of time constants"),
    "state_noise": _q("neurons", "count", "state_noise", "fluctuation of an uncoupled membrane"),
    "rail": _q("neurons", "count", "rail", "membranes cannot leave plus or minus this"),
    "amplifier_power": _q("neurons", "W", "", "of one neuron circuit while it settles"),
    "adc_bits": _q("converters", "count", "adc_bits", "of an activity read out", whole=True, most=32),
    "adc_step_energy": _q("converters", "J", "", "energy of a conversion over 2^bits"),
    "adc_rate": _q("converters", "Hz", "", "conversions of one converter in a second"),
    "adc_count": _q("converters", "count", "", "converters that work at the same time", whole=True),
    "dac_bits": _q("converters", "count", "dac_bits", "of an input", whole=True, most=32),
    "dac_step_energy": _q("converters", "J", "", "energy of a conversion over 2^bits"),
    "readout_noise": _q("converters", "count", "readout_noise", "noise of one reading, activity units"),
    "read_time": _q("timing", "s", "", "how long a cell conducts in one product"),
    "time_constant": _q("timing", "s", "time_constant_s", "of a membrane"),
    "settling_time": _q("timing", "s", "settling_time_s", "a phase is cut after this"),
}  # fmt: skip

#: what is yes or no: name -> (section, field of ChipParameters or nothing, words)
SWITCHES = {
    "open_loop": ("device", "open_loop", "weights are changed by pulses that nobody verifies"),
    "thermal_noise": ("device", "", "thermal noise of the cells, from voltage, conductance and read time"),
    "transposed_reads": ("array", "transposed_reads", "arrays can be read from the other side"),
}
#: what prices need; a file without one of these gives faults only
PRICED = (
    "conductance_max", "conductance_min", "read_voltage", "write_voltage", "pulse_width", "pulses_per_write",
    "adc_bits", "adc_step_energy", "adc_rate", "adc_count", "dac_bits", "dac_step_energy", "amplifier_power",
    "read_time", "static_power",
)  # fmt: skip
_TEXTS = ("schema_version", "name", "title", "description", "grade", "cite", "note", "extends")


@dataclass(frozen=True)
class ChipFile:
    """A chip, read and checked.

    Attributes:
        figures: name of `QUANTITIES` -> `Figure`.
        switches: name of `SWITCHES` -> yes or no.
    """

    name: str
    title: str
    description: str
    figures: dict[str, Any]
    switches: dict[str, bool]

    def si(self, name: str) -> float:
        """The value of a figure in SI units; 0 where the file gives none."""
        figure = self.figures.get(name)
        return float(figure.si().value) if figure is not None else 0.0

    @property
    def on_off_ratio(self) -> float:
        """Largest over smallest conductance; 0 for one that is not limited."""
        low = self.si("conductance_min")
        return self.si("conductance_max") / low if low else 0.0

    @property
    def thermal_noise(self) -> float:
        """Spread of a cell's current over it, from the cell's own thermal noise while it is read.

        A conductance G read for t has a mean current noise of sqrt(2 k T G / t); over the current G V it is
        sqrt(2 k T / (G t)) / V, at the mean conductance.
        """
        conductance = 0.5 * (self.si("conductance_max") + self.si("conductance_min"))
        return math.sqrt(2 * BOLTZMANN * ROOM / (conductance * self.si("read_time"))) / self.si("read_voltage")

    @property
    def line_loss(self) -> float:
        """Share of the read voltage lost at the far end of a line, every cell at its mean conductance."""
        cells = max(self.si("rows"), self.si("columns"))
        mean = 0.5 * (self.si("conductance_max") + self.si("conductance_min"))
        return self.si("line_resistance") * mean * cells * (cells + 1) / 2

    def faults(self) -> dict[str, Any]:
        """What the machine model applies: fields of `substrates.analog.ChipParameters`."""
        found: dict[str, Any] = {}
        for name, quantity in QUANTITIES.items():
            if quantity.fault and name in self.figures:
                value = self.si(name)
                found[quantity.fault] = round(value) if quantity.whole else value
        if self.on_off_ratio:
            found["on_off_ratio"] = self.on_off_ratio
        for name, value in self.switches.items():
            if SWITCHES[name][1]:
                found[SWITCHES[name][1]] = value
        if self.switches.get("thermal_noise"):
            found["read_noise_proportional"] = math.hypot(found.get("read_noise_proportional", 0.0), self.thermal_noise)
        if self.line_loss:
            spread = LINE_SPREAD * self.line_loss
            found["conductance_mismatch"] = math.hypot(found.get("conductance_mismatch", 0.0), spread)
        return found

    def largest_weight(self) -> float:
        """The largest weight a pair of cells reaches, as a share of what an unlimited off state would reach."""
        return 1.0 - 1.0 / self.on_off_ratio if self.on_off_ratio else 1.0

    def check_weights(self, largest: float) -> None:
        """Raise unless weights up to ``largest`` (network units) fit.

        Raises:
            InputError: the on/off ratio leaves less than ``largest`` of the weight range.
        """
        reach = self.si("weight_range") * self.largest_weight()
        if self.si("weight_range") and largest > reach:
            raise InputError(
                f"the chip {self.name} cannot hold a weight of {largest:g}: its range of {self.si('weight_range'):g} "
                f"with an on/off ratio of {self.on_off_ratio:g} reaches {reach:g}; raise weight_range or the ratio"
            )

    def missing_for_prices(self) -> tuple[str, ...]:
        """What the file would have to say before a run on it can be priced."""
        return tuple(name for name in PRICED if name not in self.figures)


def list_chips() -> list[str]:
    """Names of the chips there are: those of this package and of installed plug-ins."""
    return sorted(DEVICES)


def load_chip(name_or_path: str | Path) -> ChipFile:
    """The chip called ``name_or_path``, or the one in that file (any name ending in .toml).

    Raises:
        InputError: there is no such chip, or the file is wrong; the text lists everything that is wrong.
    """
    path = find_chip(name_or_path)
    return _load(path, path.stat().st_mtime_ns)


def find_chip(name_or_path: str | Path) -> Path:
    """The file of a chip, by name, by path (any name ending in .toml) or by ``path.py:Name``.

    Raises:
        InputError: there is none.
    """
    text = str(name_or_path)
    if text.endswith(".toml"):
        if not Path(text).is_file():
            raise InputError(
                f"no device file {text}; there are {', '.join(list_chips())}, or give a file ending in .toml"
            )
        return Path(text)
    return DEVICES.find(text)


@lru_cache(maxsize=64)
def _load(path: Path, _changed: int) -> ChipFile:
    data = _read(path)
    with reading(path, "device file", _FIX):
        problems, chip = _build(data, path)
        if problems or chip is None:
            raise InputError(f"{path.name} is not a usable device file ({len(problems)} wrong): {'; '.join(problems)}")
        return chip


def check_chip(path: Path) -> list[str]:
    """Everything that is wrong with the device file ``path``; empty when it is right."""
    data = _read(path)
    with reading(path, "device file", _FIX):
        return _build(data, path)[0]


_FIX = "docs/energy.md says what a chip file holds; equipoise devices show generic prints one"


def _read(path: Path) -> dict[str, Any]:
    return read_toml(path, "device file", _FIX)[1]


def _build(data: dict[str, Any], path: Path) -> tuple[list[str], ChipFile | None]:
    from pydantic import ValidationError

    from hw_profiles.schema import Figure

    problems = _wrong_tables(data)
    base = _base(data, path)
    figures: dict[str, Any] = dict(base.figures) if base else {}
    switches: dict[str, bool] = dict(base.switches) if base else {}
    for section, entries in data.items():
        if not isinstance(entries, dict):
            continue
        for name, value in entries.items():
            if name in SWITCHES and SWITCHES[name][0] == section:
                if isinstance(value, bool):
                    switches[name] = value
                else:
                    problems.append(f"{section}.{name}: expected true or false, got {value!r}")
                continue
            quantity = QUANTITIES.get(name)
            if quantity is None or quantity.section != section:
                continue  # named by _wrong_tables
            try:
                figure = Figure.model_validate(_whole_table(value, quantity, data))
            except ValidationError as error:
                problems += [f"{section}.{name}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()]
                continue
            problems += [f"{section}.{name}: {text}" for text in _wrong_figure(figure, quantity)]
            figures[name] = figure
    chip = ChipFile(
        str(data.get("name", path.stem)),
        str(data.get("title", "")),
        str(data.get("description", "")),
        figures,
        switches,
    )
    if not problems:
        problems += _impossible(chip)
    return problems, None if problems else chip


def _base(data: dict[str, Any], path: Path) -> ChipFile | None:
    name = data.get("extends")
    if name is None:
        return None
    if not isinstance(name, str) or name == path.stem:
        raise InputError(f"{path}: extends takes the name of another device, got {name!r}")
    return load_chip(name)


def _whole_table(value: Any, quantity: Quantity, data: dict[str, Any]) -> dict[str, Any]:
    """A plain number as a figure of the file's own grade and source."""
    if isinstance(value, dict):
        return value
    return {
        "value": value, "low": value, "high": value, "unit": quantity.unit, "grade": data.get("grade", "assumed"),
        "cite": data.get("cite", []), "note": data.get("note") or quantity.words,
    }  # fmt: skip


def _wrong_tables(data: dict[str, Any]) -> list[str]:
    found = []
    sections = sorted({quantity.section for quantity in QUANTITIES.values()})
    for name in ("schema_version", "name", "title"):
        if name not in data:
            found.append(f"no {name}")
    if data.get("schema_version") not in (1, None):
        found.append(f"schema_version {data['schema_version']!r}: this version reads 1")
    if data.get("grade", "assumed") not in {grade.value for grade in Grade}:
        found.append(f"unknown grade {data.get('grade')!r}; there are {', '.join(grade.value for grade in Grade)}")
    for section, entries in data.items():
        if section in _TEXTS:
            continue
        if section not in sections or not isinstance(entries, dict):
            found.append(f"unknown table {section!r}; there are {', '.join(sections)}")
            continue
        known = [n for n, q in QUANTITIES.items() if q.section == section]
        known += [n for n, (place, *_) in SWITCHES.items() if place == section]
        found += [f"{section}: no number {n!r}; there are {', '.join(known)}" for n in entries if n not in known]
    return found


def _wrong_figure(figure: Any, quantity: Quantity) -> list[str]:
    from hw_profiles.units import UNITS

    expected = UNITS[quantity.unit][0]
    if figure.dimension != expected:
        return [f"wrong unit {figure.unit!r} ({figure.dimension}); expected one of {expected}, such as {quantity.unit}"]
    value = figure.si().value
    if quantity.whole and value != round(value):
        return [f"expected a whole number, got {value:g}"]
    return [f"at most {quantity.most:g}, got {value:g}"] if value > quantity.most else []


#: share of the read voltage that may be lost along a line, and time constants of a line that a read must last
MOST_DROP, LEAST_SETTLING = 0.1, 5.0


def _impossible(chip: ChipFile) -> list[str]:
    """What no chip can be, over several numbers."""
    found = []
    high, low = chip.si("conductance_max"), chip.si("conductance_min")
    if "conductance_max" in chip.figures and not low < high:
        found.append(f"conductance_min {low:g} S is not below conductance_max {high:g} S: no weight can be held")
    levels = chip.si("levels")
    if levels == 1:
        found.append("levels: 0 for none, or at least 2")
    for name in ("read_voltage", "read_time", "write_voltage", "pulse_width", "adc_rate", "conductance_max"):
        if name in chip.figures and chip.figures[name].low <= 0:
            found.append(f"{name}: must be above 0")
    if chip.switches.get("thermal_noise") and not (high and chip.si("read_time") and chip.si("read_voltage")):
        found.append("thermal_noise needs conductance_max, read_voltage and read_time")
    if found:
        return found
    return _lines(chip)


def _lines(chip: ChipFile) -> list[str]:
    """The lines of the array: voltage lost and time needed, with every cell of a line at its mean conductance."""
    cells, drop = max(chip.si("rows"), chip.si("columns")), chip.line_loss
    found = []
    if drop > MOST_DROP:
        found.append(
            f"the far end of a line of {cells:.0f} cells loses {100 * drop:.0f} % of the read voltage (at most "
            f"{100 * MOST_DROP:.0f} %): the model stops there; use smaller arrays, conductances or resistances"
        )
    constant = chip.si("line_resistance") * chip.si("line_capacitance") * cells**2 / 2
    if constant and chip.si("read_time") and chip.si("read_time") < LEAST_SETTLING * constant:
        found.append(
            f"read_time {chip.si('read_time'):g} s is shorter than {LEAST_SETTLING:g} time constants of a line "
            f"({constant:g} s): the current would not settle"
        )
    return found
