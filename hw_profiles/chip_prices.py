"""The prices of an analog chip, computed from its file::

    cell read        V_read^2 G t_read + C V_read^2          G: mean of the largest and the smallest conductance
    cell write       n V_write^2 G t_pulse                   n: pulses until it is good enough
    conversion       e_step 2^bits, in 1 / rate              e_step: energy of a conversion step
    neuron circuit   P_amplifier, while it settles
    the chip         P_static, all the time

Low ends are taken together, and high ends: the errors of one chip have common causes.
"""

from __future__ import annotations

from typing import Any

from hw_profiles.chip_file import ChipFile, load_chip
from hw_profiles.errors import InputError
from hw_profiles.grades import Estimate

__all__ = ["EXACT_BITS", "chip_profile", "chip_quantities"]

#: converters that the model takes as exact (bits = 0) are priced as these
EXACT_BITS = 8
_CHIPS_TIME = "time and energy of the computer that simulated or drove the chip; price them on cpu or this-machine"


def chip_quantities(chip: ChipFile) -> dict[str, Estimate]:
    """Energy or time of everything that is priced, SI units."""

    def get(name: str) -> Estimate:
        found: Estimate = chip.figures[name].si()
        return found

    mean = (get("conductance_max") + get("conductance_min")).scaled(0.5)
    volts, pulse = get("read_voltage"), get("write_voltage")
    read = volts.times(volts).times(mean).times(get("read_time"))
    if "line_capacitance" in chip.figures:
        read = read + volts.times(volts).times(get("line_capacitance"))
    write = pulse.times(pulse).times(mean).times(get("pulse_width")).times(get("pulses_per_write"))
    return {
        "cell read": read,
        "cell write": write,
        "write time": get("pulse_width").times(get("pulses_per_write")),
        "ADC conversion": get("adc_step_energy").scaled(2 ** round(chip.si("adc_bits") or EXACT_BITS)),
        "ADC time": _inverse(get("adc_rate")),
        "DAC conversion": get("dac_step_energy").scaled(2 ** round(chip.si("dac_bits") or EXACT_BITS)),
        "neuron circuit": get("amplifier_power").scaled(1e-9),
        "static power": get("static_power"),
    }


def _inverse(rate: Estimate) -> Estimate:
    return Estimate(1 / (rate.value or 1), 1 / (rate.high or 1), 1 / (rate.low or 1), rate.grade)


def chip_profile(data: dict[str, Any]) -> dict[str, Any]:
    """``data`` of a profile file whose ``chip`` names a device, with the prices of that device written out.

    Raises:
        InputError: there is no such device, or it gives faults only.
    """
    if "chip" not in data:
        return data
    chip = load_chip(str(data["chip"]))
    missing = chip.missing_for_prices()
    if missing:
        raise InputError(
            f"the device {chip.name} gives faults and no prices: no {', '.join(missing)}; add them, or "
            'extends = "generic" to take assumed ones'
        )
    found = chip_quantities(chip)
    words = {
        "cell read": "read voltage^2 x mean conductance x read time, and the charge of the line where one is given",
        "cell write": "write voltage^2 x mean conductance x pulse width x pulses of a write",
        "write time": "pulse width x pulses of a write",
        "ADC conversion": f"energy of a step x 2^{round(chip.si('adc_bits') or EXACT_BITS)}"
        + ("" if chip.si("adc_bits") else ", converters that the model takes as exact"),
        "ADC time": "one over the rate of a converter",
        "DAC conversion": f"energy of a step x 2^{round(chip.si('dac_bits') or EXACT_BITS)}",
        "neuron circuit": "power of a neuron circuit, per nanosecond of settling",
        "static power": "bias and clock",
    }

    def figure(name: str, unit: str) -> dict[str, Any]:
        estimate = found[name]
        parts = [f for n, f in chip.figures.items() if n in _PARTS[name]]
        return {
            "value": estimate.value, "low": estimate.low, "high": estimate.high, "unit": unit,
            "grade": estimate.grade.value if estimate.grade else "assumed",
            "cite": list(dict.fromkeys(key for part in parts for key in part.cite)), "note": words[name],
        }  # fmt: skip

    def one(event: str, component: str, energy: Any, time: Any, **more: Any) -> dict[str, Any]:
        entry: dict[str, Any] = {"event": event, "component": component, "term": "serial", **more}
        entry["energy_within" if isinstance(energy, str) else "energy"] = energy
        entry["time_within" if isinstance(time, str) else "time"] = time
        return entry

    by_definition = {"value": 1, "low": 1, "high": 1, "unit": "ns", "grade": "assumed",
                     "note": "machine time, by definition; the time constant is a number of the chip"}  # fmt: skip
    units = round(chip.si("adc_count"))
    return {
        "kind": "analog",
        "description": chip.description,
        **{name: value for name, value in data.items() if name != "chip"},
        "price": [
            one("cell_reads", "array", figure("cell read", "J"), "settling"),
            one("adc_conversions", "converter", figure("ADC conversion", "J"), figure("ADC time", "s"), parallel=units),
            one("dac_conversions", "converter", figure("DAC conversion", "J"), "settling: inputs are held meanwhile"),
            one("cell_writes", "programming", figure("cell write", "J"), figure("write time", "s"), parallel=units),
            one("amplifier_nanoseconds", "neuron", figure("neuron circuit", "J"), "settling"),
            one("settling_nanoseconds", "array", "cell reads and neuron circuits", by_definition),
            *(data.get("price") or []),
        ],
        "static_power": [{"boundary": data.get("boundary", "silicon"), "per_chip": figure("static power", "W")}],
        "device": {name: part.model_dump(mode="json") for name, part in chip.figures.items()},
        "covered": [
            {"events": ["matrix_vector_products"], "by": "the sum of its cell reads"},
            {"events": ["steps", "neuron_updates_active", "neuron_updates_inactive"],
             "by": "numerical steps of the model; the machine has none"},
            {"events": ["host_reads", "host_writes"],
             "by": "outside the boundary of this profile, which is the array with its converters"},
            {"events": ["cpu_nanoseconds", "wall_nanoseconds", "measured_microjoules"], "by": _CHIPS_TIME},
            *(data.get("covered") or []),
        ],
    }  # fmt: skip


#: which figures a price is made of, for its sources
_PARTS = {
    "cell read": ("read_voltage", "conductance_max", "conductance_min", "read_time", "line_capacitance"),
    "cell write": ("write_voltage", "conductance_max", "conductance_min", "pulse_width", "pulses_per_write"),
    "write time": ("pulse_width", "pulses_per_write"),
    "ADC conversion": ("adc_step_energy", "adc_bits"),
    "ADC time": ("adc_rate",),
    "DAC conversion": ("dac_step_energy", "dac_bits"),
    "neuron circuit": ("amplifier_power",),
    "static power": ("static_power",),
}
