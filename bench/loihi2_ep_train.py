"""Fashion-MNIST learned on Loihi 2 arithmetic: host updates and local updates beside the same run in float.

    python bench/loihi2_ep_train.py [--runs ideal,twin,host,local] [--samples 0] [--epochs 5] [--seed 0]
                                    [--data-dir DIR] [--out FOLDER] [--json]

784-256-256-10, feedback drawn at 90 degrees, homeostasis on: strong at first, so that feedback and forward weights
agree within the first few hundred updates, then fading. ``ideal`` and ``host`` are one configuration on two targets;
``twin`` is the ideal machine with the chip's dynamics (all populations at once, half-steps) instead of its own;
``local`` changes the stored 8-bit weights where they are, by the chip's own small integers (its output
population is nudged by the squared error, there is no float read-out), with the noise-correlation rule.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from equipoise.training import TrainConfig, train
from equipoise.training.build import make_network
from equipoise.training.datasets import Split, load_dataset
from equipoise.training.machines import place_machine
from hw_profiles.ledger import Ledger
from hw_profiles.per_sample import INFERENCE, TEST, TRAINING_SAMPLE, in_phase, shares
from hw_profiles.profile import load_profile
from hw_profiles.record import Record
from learning_rules import FORCES
from substrates.analog import IdealMachine
from substrates.analog.solvers import Damped
from substrates.base import Stop
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.loihi2.relaxation.learning import LocalLearner
from substrates.loihi2.relaxation.phases import PhaseSchedule, measure_response
from substrates.network import layered
from substrates.seeds import stream

LAYERS = (784, 256, 256, 10)


def host_run(run: str, options: argparse.Namespace) -> dict[str, Any]:
    """One run of the trainer; the record, where wanted, holds counts, energy and latency."""
    target = "loihi2-sim" if run == "host" else "ideal"
    like_the_chip = run in ("twin", "held")
    out = record_path(options, run if like_the_chip else target)
    chip = {"rounding": options.rounding} if run == "host" else {}
    # on the chip "following" is held too: it has no exponential to follow with
    force = options.nudge_force or ("held" if run == "held" else "following")
    config = TrainConfig(
        dataset="fashion-mnist", data_dir=options.data_dir, layers=LAYERS, readout="output", target=target,
        chip=chip, nudge=options.nudge, nudge_force=force, angle=90.0, homeostasis=options.homeostasis,
        homeostasis_end=options.homeostasis_end, free_steps=150, nudge_steps=20, epochs=options.epochs, batch_size=50,
        lr=options.lr, train_samples=options.samples or None, test_samples=options.test_samples or None,
        seed=options.seed, out=out,
    )  # fmt: skip
    start = time.perf_counter()
    network = make_network(config.resolved("ideal", LAYERS[0], LAYERS[-1])) if like_the_chip else None
    machine = None if network is None else IdealMachine(network, solver=Damped(step_size=0.5))
    result = train(config, lambda event: _show(run, event), network=network, machine=machine)
    plain = result.as_dict()
    return {
        "run": "host updates" if run == "host" else run,
        "test_accuracy": [e["test_accuracy"] for e in plain["epochs"]],
        "gradient_cosine": plain["epochs"][-1]["gradient_cosine"],
        "seconds": time.perf_counter() - start,
        "converged": plain["epochs"][-1]["converged_fraction"],
        "per_sample": plain["per_sample"],
    }


def record_path(options: argparse.Namespace, name: str) -> Path | None:
    """Where the record of a run goes, if anywhere."""
    return None if options.out is None else Path(options.out) / f"fashion-mnist-{name}-seed{options.seed}.h5"


def _show(name: str, event: dict[str, Any]) -> None:
    if "test_accuracy" in event:
        print(f"{name}: epoch {event['epoch']}, test accuracy {100 * event['test_accuracy']:.2f} %", file=sys.stderr)


def local_accuracy(machine: Loihi2Machine, x: torch.Tensor, y: torch.Tensor) -> tuple[float, Ledger]:
    """Share of samples whose most active output is the right one, and the counts."""
    right, ledger = 0, Ledger()
    for a, b in zip(x.split(500), y.split(500)):
        free = machine.relax(machine.drive(a), Stop(150))
        right += int((machine.network.cost.predict(free.activities[-1]) == b).sum())
        ledger.merge(free.ledger)
    return right / len(y), ledger


def local_run(data: Split, options: argparse.Namespace) -> dict[str, Any]:
    """Train by local updates only; the rate falls by half every quarter of the run."""
    network = layered(LAYERS, readout=False, seed=options.seed)
    machine = Loihi2Machine(network, threshold=2.0**-14)
    place_machine(machine)
    counts, samples = machine.program(), {TRAINING_SAMPLE: 0, INFERENCE: 0}
    learner = LocalLearner(machine, rate=options.rate, homeostasis=options.local_homeostasis, seed=options.seed)
    start, curve = time.perf_counter(), []
    for epoch in range(options.epochs):
        learner.rate = options.rate * 0.5 ** (4 * epoch // options.epochs)
        order = torch.from_numpy(stream(options.seed, "local batches", epoch).permutation(len(data.train_targets)))
        for index in order.split(options.window):
            x, y = data.train_inputs[index], data.train_targets[index]
            response = measure_response(machine, machine.drive(x), y, PhaseSchedule(150, 20, beta=0.5))
            counts.merge(response.ledger)
            counts.merge(learner.update(x, response, keep=np.asarray(response.free.residual <= 1e-2)))
        accuracy, spent = local_accuracy(machine, data.test_inputs, data.test_targets)
        curve.append(accuracy)
        counts.merge(in_phase(spent, TEST))
        samples[TRAINING_SAMPLE] += len(data.train_targets)
        samples[INFERENCE] += len(data.test_targets)
        _show("local", {"epoch": epoch + 1, "test_accuracy": curve[-1]})
    per_sample = shares(counts, samples, load_profile("loihi2"))
    keep_local(options, curve, counts, samples)
    return {
        "run": "local updates",
        "test_accuracy": curve,
        "seconds": time.perf_counter() - start,
        "per_sample": {share.what: share.as_dict() for share in per_sample},
    }


def keep_local(options: argparse.Namespace, curve: list[float], counts: Ledger, samples: dict[str, int]) -> None:
    """The local run's record, in the trainer's form, where one is wanted."""
    path = record_path(options, "local")
    if path is None:
        return
    target = {"requested": "loihi2-sim", "resolved": "loihi2-sim", "reason": "asked for by name"}
    config = {"dataset": "fashion-mnist", "layers": list(LAYERS), "updates": "local", **vars(options)}
    with Record.create(path, kind="train", config=config, seeds={"run": options.seed}, target=target) as record:
        for epoch, accuracy in enumerate(curve, 1):
            record.append("epochs", {"epoch": epoch, "test_accuracy": accuracy})
        record.result("test_accuracy", curve[-1])
        for what, number in samples.items():
            record.result(f"samples.{what.replace(' ', '_')}", number)
        record.set_ledger(counts)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", default="ideal,host,local")
    parser.add_argument("--samples", type=int, default=0, help="training images; 0 takes all")
    parser.add_argument("--test-samples", type=int, default=0, help="test images; 0 takes all")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--nudge", type=float, default=0.5, help="of the host runs")
    parser.add_argument("--nudge-force", choices=FORCES, help="of the host runs, instead of the run's own")
    parser.add_argument("--rounding", default="stochastic", help="of the host's weights: stochastic or nearest")
    parser.add_argument("--homeostasis", type=float, default=10.0)
    parser.add_argument("--homeostasis-end", type=float, default=0.1)
    parser.add_argument("--lr", type=float, default=1e-3, help="of the host's AdamW; cosine decay to zero")
    parser.add_argument("--rate", type=float, default=0.15, help="local updates: learning rate")
    parser.add_argument("--window", type=int, default=16, help="local updates: samples per update window")
    parser.add_argument("--local-homeostasis", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", help="folder for the records")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    for run in options.runs.split(","):
        if run == "local":
            data = (
                load_dataset("fashion-mnist", options.data_dir)
                .flattened()
                .limited(options.samples or None, options.test_samples or None)
            )
            results.append(local_run(data, options))
        else:
            results.append(host_run(run, options))
    if options.json:
        print(json.dumps(results))
        return
    print("| run | test accuracy per epoch, % | seconds |\n|---|---|---|")
    for r in results:
        curve = " ".join(f"{100 * a:.1f}" for a in r["test_accuracy"])
        print(f"| {r['run']} | {curve} | {r['seconds']:.0f} |")


if __name__ == "__main__":
    main()
