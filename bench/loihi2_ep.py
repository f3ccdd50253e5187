"""Gradient quality, messages and speed of equilibrium propagation on Loihi 2 arithmetic, by format and threshold.

    python bench/loihi2_ep.py [--samples 200] [--epochs 2] [--data-dir DIR] [--json] [--figure PICTURE.png]

A 784-256-256-10 network with independent feedback is trained in float for a few short epochs on Fashion-MNIST; then, on
the same images, each variant's response to the nudge is compared with the exact adjoint of the float network (mean
cosine per layer), with the messages it took, the accuracy, and the time per training sample (150 + 20 + 20 steps) on
one core. The first row, the float network's own response, holds nothing but the asymmetry error. The last lines compare
the speed with Lava's CPU runtime on the same program, where Lava is installed.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from typing import Any

import numpy as np
import torch
from bench_lava import seconds_per_step

from equipoise.training.datasets import load_dataset
from hw_profiles.ledger import Event, Ledger
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile
from learning_rules import Adjoint, Centered, Learner, Phases, cosines
from substrates.analog import IdealMachine
from substrates.base import RelaxationSubstrate, Stop
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.network import Network, layered

PHASES = Phases(Stop(150), Stop(20))
FINE = {"threshold": 0.0}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("int8 weights, 16-bit states and messages", FINE),
    ("... stochastic rounding", {**FINE, "rounding": "stochastic"}),
    ("... no guard bits", {**FINE, "guard_bits": 0}),
    ("... logistic in straight pieces", {**FINE, "logistic": "pieces"}),
    ("int6 weights", {**FINE, "weight_bits": 6}),
    ("int4 weights", {**FINE, "weight_bits": 4}),
    ("int8, 12-bit states and messages", {**FINE, "fraction_bits": 12, "message_bits": 12}),
    ("int8, 12-bit messages", {**FINE, "message_bits": 12}),
    ("int8, 8-bit messages", {**FINE, "message_bits": 8}),
    ("int8, 7-bit messages", {**FINE, "message_bits": 7}),
    ("threshold 2^-14", {"threshold": 2.0**-14}),
    ("threshold 2^-13", {"threshold": 2.0**-13}),
    ("threshold 2^-12", {"threshold": 2.0**-12}),
    ("threshold 2^-10", {"threshold": 2.0**-10}),
    ("threshold 2^-8", {"threshold": 2.0**-8}),
]


def train_float(network: Network, split: Any, epochs: int, samples: int, seed: int) -> None:
    """A few epochs of centered equilibrium propagation in float, on the first ``samples`` images."""
    learner = Learner(Centered(nudge=0.5), Phases(Stop(100, 1e-4), Stop(40, 1e-4)))
    machine = IdealMachine(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    state = learner.init()
    for epoch in range(epochs):
        order = torch.randperm(samples, generator=torch.Generator().manual_seed(seed + epoch))
        for index in order.split(100):
            optimizer.zero_grad()
            _, state = learner.step(machine, split.train_inputs[index], split.train_targets[index], state)
            optimizer.step()


def measure(machine: RelaxationSubstrate, x: torch.Tensor, y: torch.Tensor, beta: float) -> dict[str, Any]:
    """Errors, accuracy, counts and time of one batch through all phases."""
    machine.program()
    drive = machine.drive(x[:2])
    machine.relax(drive, Stop(2))  # compile before the clock starts
    start = time.perf_counter()
    drive = machine.drive(x)
    free = machine.relax(drive, PHASES.free)
    estimate = Centered(nudge=beta).estimate(machine, drive, y, PHASES, free)
    seconds = time.perf_counter() - start
    accuracy = float((machine.network.cost.predict(free.activities[-1]) == y).float().mean())
    ledger = free.ledger + estimate.ledger
    return {
        "errors": estimate.errors,
        "free": free,
        "accuracy": accuracy,
        "ms": 1e3 * seconds / len(x),
        "ledger": ledger,
        "converged": float(free.converged.float().mean()),
    }


def per_sample(ledger: Ledger, event: Event, phase: str, samples: int) -> float:
    """Mean count of ``event`` per sample in phases whose name begins with ``phase``; input messages left out."""
    keys = (k for k in ledger if k.event == event and k.phase.startswith(phase) and k.layer != "input")
    return sum(ledger[k] for k in keys) / samples


def cost_of(ledger: Ledger, samples: int, profile: str) -> dict[str, Any]:
    """Energy and latency per training sample on a hardware profile."""
    cost = price(ledger, load_profile(profile), chips=1).as_dict()
    result = {}
    for name in ("energy", "latency"):
        entry = dict(cost[name]) if name in cost else {}
        for key in ("value", "low", "high"):
            if isinstance(entry.get(key), (int, float)):
                entry[key] /= samples
        result[name] = entry
    return result


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| variant | cosine l1 / l2 / out | messages free / nudge | less than dense | accuracy | ms per sample |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        cos = " / ".join(f"{c:.2f}" for c in r["cosine"])
        messages = "dense" if r["free_messages"] is None else f"{r['free_messages']:,.0f} / {r['nudge_messages']:,.0f}"
        saving = "" if r["saving"] is None else f"{r['saving'][0]:.1f}x / {r['saving'][1]:.1f}x"
        ms = "" if r["ms"] is None else f"{r['ms']:.2f}"
        lines.append(f"| {r['variant']} | {cos} | {messages} | {saving} | {100 * r['accuracy']:.1f} % | {ms} |")
    return "\n".join(lines)


def run(
    samples: int, epochs: int, data_dir: str | None, beta: float, seed: int, profile: str, compare: bool
) -> dict[str, Any]:
    """Train, measure every variant, return plain values."""
    split = load_dataset("fashion-mnist", data_dir).flattened()
    network = layered([784, 256, 256, 10], seed=seed)
    train_float(network, split, epochs, 10_000, seed)
    x, y = split.test_inputs[:samples], split.test_targets[:samples]
    ideal = IdealMachine(network)
    drive = ideal.drive(x)
    settled = ideal.relax(drive, Stop(400, 1e-6))
    exact = Adjoint(method="iterate", damping=0.5).estimate(
        ideal, drive, y, Phases(Stop(400, 1e-6), Stop(400, 1e-7)), settled
    )
    keep = settled.converged
    rows = []
    for name, fields in [("float (asymmetry error only)", None), *VARIANTS]:
        machine = ideal if fields is None else Loihi2Machine(network, **fields)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            got = measure(machine, x, y, beta)
        row: dict[str, Any] = {
            "variant": name,
            "cosine": cosines(got["errors"], exact.errors, keep),
            "accuracy": got["accuracy"],
            "converged": got["converged"],
            "free_messages": None,
            "nudge_messages": None,
            "saving": None,
            "ms": None,
        }
        if fields is not None:
            free = per_sample(got["ledger"], Event.MESSAGES, "free", samples)
            nudge = per_sample(got["ledger"], Event.MESSAGES, "nudge", samples)
            dense = network.num_neurons * PHASES.free.max_steps, network.num_neurons * 2 * PHASES.nudged.max_steps
            row |= {
                "free_messages": free,
                "nudge_messages": nudge,
                "saving": [dense[0] / free, dense[1] / max(nudge, 1e-9)],
                "synaptic_operations": got["ledger"].total(Event.SYNAPTIC_OPERATIONS) / samples,
                "ms": got["ms"],
                "silent_share": list(machine.silent_share),
                "threshold": machine.settings.threshold,
                "cost": cost_of(got["ledger"], samples, profile) if profile else None,
            }
        rows.append(row)
    lava = seconds_per_step(network, x) if compare else None
    steps = PHASES.free.max_steps + 2 * PHASES.nudged.max_steps
    return {
        "lava_ms": None if lava is None else 1e3 * lava * steps,
        "rows": rows,
        "beta": beta,
        "samples": samples,
        "kept": int(keep.sum()),
        "dense": [78300, 20880],
    }


def figure(result: dict[str, Any], path: str) -> None:
    """Message savings against threshold against cosine against accuracy: one picture."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = sorted((r for r in result["rows"] if r["variant"].startswith("threshold")), key=lambda r: r["threshold"])
    x = [np.log2(r["threshold"]) for r in rows]
    plot, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
    for k, layer in enumerate(("l1", "l2", "out")):
        (line,) = left.plot(x, [r["cosine"][k] for r in rows], marker="o", label=layer)
        left.axhline(result["rows"][0]["cosine"][k], color=line.get_color(), linestyle=":", linewidth=1)
    left.plot(x, [r["accuracy"] for r in rows], color="black", marker="s", linestyle="--", label="test accuracy")
    left.set(xlabel="log2 threshold", ylabel="cosine with the exact gradient, accuracy", ylim=(0, 1.02))
    left.legend(title="dotted: float network")
    for k, phase in enumerate(("free", "nudge")):
        right.plot(x, [r["saving"][k] for r in rows], marker="o", label=phase)
    right.set(xlabel="log2 threshold", ylabel="fewer messages than dense", yscale="log")
    right.legend()
    plot.savefig(path, dpi=150)
    plt.close(plot)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=2, help="float epochs of 10,000 images before measuring")
    parser.add_argument("--beta", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data-dir")
    parser.add_argument("--profile", default="loihi2", help="prices of the counts; empty for none")
    parser.add_argument("--lava", action="store_true", help="time Lava's CPU runtime on the same program too")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--figure")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = run(
        options.samples, options.epochs, options.data_dir, options.beta, options.seed, options.profile, options.lava
    )
    if options.figure:
        figure(result, options.figure)
    if options.json:
        print(json.dumps(result))
        return
    print(table(result["rows"]))
    if result["lava_ms"] is not None:
        ours = next(r["ms"] for r in result["rows"] if r["variant"] == "threshold 2^-12")
        lava = result["lava_ms"]
        print(f"\nLava's CPU runtime: {lava:.0f} ms per training sample, {lava / ours:.0f}x ours at threshold 2^-12")


if __name__ == "__main__":
    main()
