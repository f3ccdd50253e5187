"""The pictures of docs/analog.md.

    python bench/analog_figures.py     writes docs/figures/analog-*.png (needs ngspice for the time courses)

A circuit with its voltages; time courses beside ngspice; learning curves of EP through an annealer; quality
against joules of the Ising machines (from bench/results/ising_machines.jsonl and annealed_ep.jsonl); a fleet.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
OUT = ROOT / "docs" / "figures"


def circuit(plt) -> None:
    from substrates.analog.resistive import LayeredCircuit

    rng = np.random.default_rng(4)
    g = (rng.random((4, 4)) * 1e-4, rng.random((4, 2)) * 1e-4)
    layered = LayeredCircuit(g, saturation_a=1e-14)
    x = np.array([1.5, -1.5, 0.8, -0.8])
    v = layered.solve(x[None]).voltages[0]
    places = [
        [(0.0, 3.0 - i) for i in range(4)],
        [(1.0, 3.0 - i) for i in range(4)],
        [(2.0, 2.0 - i) for i in range(2)],
    ]
    values = [x, v[:4], v[4:]]
    figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
    for l, array in enumerate(g):
        for i, a in enumerate(places[l]):
            for j, b in enumerate(places[l + 1]):
                axes.plot(*zip(a, b), color="0.6", linewidth=0.3 + 2.5 * array[i, j] / 1e-4, zorder=1)
    for spots, volts in zip(places, values):
        found = axes.scatter(
            *zip(*spots), c=volts, cmap="coolwarm", vmin=-1.5, vmax=1.5, s=260, edgecolor="k", zorder=2
        )
        for (a, b), u in zip(spots, volts):
            axes.annotate(f"{u:.2f}", (a, b), ha="center", va="center", fontsize=7, zorder=3)
    for k, (a, b) in enumerate(places[1]):
        axes.annotate("▽" if k < 2 else "△", (a + 0.11, b - 0.05), ha="center", va="center", fontsize=9)
    axes.text(0, 3.5, "sources", ha="center")
    axes.text(1, 3.5, "hidden, with diodes", ha="center")
    axes.text(2, 3.5, "outputs", ha="center")
    axes.set(xlim=(-0.3, 2.3), ylim=(-0.5, 3.8))
    axes.axis("off")
    figure.colorbar(found, label="volts")
    figure.savefig(OUT / "analog-circuit.png", dpi=150)


def courses(plt) -> None:
    import torch

    from substrates.analog import AnalogMachine, ChipParameters
    from substrates.analog.realised import realised
    from substrates.analog.realised import time_course as ours
    from substrates.analog.spice.ngspice import time_course
    from substrates.analog.spice.relaxation import node_names, relaxation_netlist
    from substrates.network import layered

    network = layered([3, 4, 2], seed=5, angle=0.0, readout=False).double()
    machine = AnalogMachine(network, ChipParameters(gain_mismatch=0.1, time_constant_mismatch=0.3, levels=32), seed=7)
    x = torch.tensor([0.9, 0.1, 0.6]).double().numpy()
    names = [n for part in node_names(realised(machine)) for n in part]
    figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
    for form, style in (("behavioural", "-"), ("op-amps", ":")):
        netlist = relaxation_netlist(machine, x, form=form)
        t, u = time_course(netlist, [f"u_{n}" for n in names], stop_s=6e-7, step_s=4e-9)
        axes.set_prop_cycle(None)
        axes.plot(1e9 * t, u, style, linewidth=1.2 if style == "-" else 2.2)
    membranes, _ = ours(machine, x, np.concatenate([[0.0], t]))
    axes.set_prop_cycle(None)
    axes.plot(1e9 * t[::8], membranes[1::8], "o", markersize=3.5)
    axes.plot([], [], "k-", label="ngspice, behavioural")
    axes.plot([], [], "k:", linewidth=2.2, label="ngspice, op-amps")
    axes.plot([], [], "ko", markersize=3.5, label="ours")
    axes.set(xlabel="time (ns)", ylabel="membrane (units)")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(OUT / "analog-time-courses.png", dpi=150)


def learning(plt) -> None:
    from sklearn.datasets import load_digits

    from equipoise.training.annealed import AnnealedConfig, train_annealed

    data = load_digits()
    x, y = data.data / 16.0, data.target.astype(np.int64)
    order = np.random.default_rng(12345).permutation(len(x))
    x, y = x[order], y[order]
    figure, axes = plt.subplots(figsize=(6.5, 3.0), layout="constrained")
    for target, mark in (("loihi2-sim", "o-"), ("p-bits", "s-")):
        config = AnnealedConfig(target=target, lr=0.02, hidden=60, decay=0.85, epochs=6)
        found = train_annealed(config, (x[:400], y[:400]), (x[1437:1637], y[1437:1637]), every=1, test_reads=3)
        axes.plot(
            [h["epoch"] for h in found["history"]], [100 * h["test"] for h in found["history"]], mark, label=target
        )
    axes.set(xlabel="epoch", ylabel="test accuracy (%)", title="EP through an annealer, 400 digits, 60 hidden spins")
    axes.legend(frameon=False)
    figure.savefig(OUT / "analog-learning.png", dpi=150)


def quality(plt) -> None:
    rows = [json.loads(line) for line in (ROOT / "bench/results/ising_machines.jsonl").open()]
    wanted = ["mis-1000-5%-0", "G1", "bqp1000_1"]
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), layout="constrained", sharex=True)
    machines = list(dict.fromkeys(r["machine"] for r in rows))
    for axis, name in zip(axes, wanted):
        for k, machine in enumerate(machines):
            these = sorted(
                (r for r in rows if r["instance"] == name and r["machine"] == machine), key=lambda r: r["steps"]
            )
            these = [r for r in these if r["joules"] and r["gap"] < 0.5]
            if these:
                low = [r["joules"] - r["joules_low"] for r in these]
                high = [r["joules_high"] - r["joules"] for r in these]
                axis.errorbar(
                    [r["joules"] for r in these], [100 * max(r["gap"], 1e-5) for r in these], xerr=[low, high],
                    fmt="o-", markersize=4, linewidth=1, elinewidth=0.6, color=f"C{k}", label=machine,
                )  # fmt: skip
        axis.set(xscale="log", yscale="log", xlabel="joules of a read", title=name)
    axes[0].set_ylabel("gap to the best known (%)")
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=8)
    figure.savefig(OUT / "analog-quality-energy.png", dpi=150)


def main() -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    OUT.mkdir(exist_ok=True)
    for make in (circuit, courses, quality, learning):
        make(plt)
        print(f"analog-{make.__name__}", flush=True)


if __name__ == "__main__":
    main()
