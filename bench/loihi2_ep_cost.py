"""Events, energy and latency of one inference and one training sample of 784-256-256-10, chip beside conventional CPU.

    python bench/loihi2_ep_cost.py [--samples 50] [--threshold 12] [--profiles loihi2,loihi1] [--drive barrier] [--json]

The counts are exact; the prices are the profiles', with their range and grade. Deliveries between cores, and which core
does how much, come from the placement on Oheo Gulch. The CPU rows are the float machine as the trainer uses it, same
network, same images, one core: its measured CPU time at the profile's power. Both stop a phase early: the chip when it
is silent, either at a residual of 1e-4.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import torch

from equipoise.training.datasets import load_dataset
from equipoise.training.machines import make_machine, place_machine
from hw_profiles.ledger import Component, Event, Ledger
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile
from learning_rules import Centered, Phases
from substrates.base import Stop
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.network import layered


def estimates(ledger: Ledger, profile: str, samples: int, chips: int | None, drive: str | None) -> dict[str, Any]:
    """Energy and latency per sample; ``drive`` where the profile has more than one."""
    prices = load_profile(profile)
    cost = price(ledger, prices, chips=chips, drive=drive if prices.drive else None)
    result: dict[str, Any] = {}
    for name, of in (("energy_j", cost.energy), ("latency_s", cost.latency)):
        plain = of.as_dict()
        for key in ("value", "low", "high"):
            plain[key] = None if plain[key] is None else plain[key] / samples
        result[name] = plain
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--threshold", type=int, default=12, help="the threshold is 2^-N")
    parser.add_argument("--profiles", default="loihi2,loihi1", help="prices of the chip's counts")
    parser.add_argument(
        "--chips", type=int, help="powered; default: as many as the placement needs, or the machine has"
    )
    parser.add_argument("--drive", choices=("barrier", "lava"), default="barrier", help="what drives a step")
    parser.add_argument("--data-dir")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    split = load_dataset("fashion-mnist", options.data_dir).flattened()
    x, y = split.test_inputs[: options.samples], split.test_targets[: options.samples]
    network = layered([784, 256, 256, 10], seed=1)
    phases, rows = Phases(Stop(150, 1e-4), Stop(20, 1e-4)), []
    for name, profile, machine in (
        ("loihi2-sim", options.profiles, Loihi2Machine(network, threshold=2.0**-options.threshold)),
        ("ideal", "cpu", make_machine("ideal", network, {}, 0)),
    ):
        machine.program()
        machine.relax(machine.drive(x[:2]), Stop(2))  # compile before the clock starts
        place_machine(machine)
        begun = time.process_time_ns()
        drive = machine.drive(x)
        free = machine.relax(drive, phases.free)
        after_free = time.process_time_ns()
        train = free.ledger + Centered(nudge=0.5).estimate(machine, drive, y, phases, free).ledger
        spent = {"inference": after_free - begun, "training sample": time.process_time_ns() - begun}
        for what, ledger in (("inference", free.ledger), ("training sample", train)):
            counted = ledger
            if name == "ideal":
                counted = Ledger()
                # CPU time stands for wall time: what the core needs when nobody else wants it.
                counted.add(Event.WALL_NANOSECONDS, spent[what], component=Component.PROCESSOR)
            events = {e.value: round(ledger.total(e) / options.samples) for e in Event if ledger.total(e)}
            layers = {
                f"{p.name} {phase}": round(ledger.total(Event.MESSAGES, layer=p.name, phase=phase) / options.samples)
                for p in network.populations
                for phase in ("free", "nudge+", "nudge-")
            }
            row = {
                "cpu_ms": 1e-6 * spent[what] / options.samples,
                "machine": name,
                "what": what,
                "events": events,
                "messages": layers,
            }
            row["cost"] = {
                p: estimates(counted, p, options.samples, options.chips, options.drive) for p in profile.split(",")
            }
            rows.append(row)
    if options.json:
        print(json.dumps(rows))
        return
    for r in rows:
        print(f"{r['machine']}, one {r['what']}: {r['events']}")
        if r["machine"] == "loihi2-sim":
            print(f"   messages by layer and phase: {r['messages']}")
        for profile, cost in r["cost"].items():
            print(f"   {profile}: " + "; ".join(said(key, cost[key]) for key in ("energy_j", "latency_s")))


def said(name: str, of: dict[str, Any]) -> str:
    """An estimate in words."""
    if of["value"] is None:
        return f"{name}: no total, no price for {', '.join(of['missing'])}"
    return f"{name} {of['value']:.3g} ({of['low']:.3g} to {of['high']:.3g}, {of['grade']})"


if __name__ == "__main__":
    main()
