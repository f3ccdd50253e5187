"""Fashion-MNIST, 784-256-256-10: the table over {estimator, N, nudge, angle, homeostasis, correction} x seeds.

    python bench/reproduction.py run [--only GROUP] [--seeds 3]     resumable: runs whose row is there are skipped
    python bench/reproduction.py table                              writes docs/reproduction.md's table to stdout

Rows are kept as JSON lines in bench/results/reproduction.jsonl, one per finished run, so an unfinished table says
what is missing. One process, one thread. A row's wall-clock time depends on what else the machine does; everything
else is the same on every run.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
RESULTS = ROOT / "bench" / "results" / "reproduction.jsonl"

#: what every run of the main group shares; the paper's recipe is 50 epochs of SGD at batch 50
FULL = {"dataset": "fashion-mnist", "layers": (784, 256, 256, 10), "epochs": 12, "batch_size": 100, "lr": 1.5e-3,
        "free_steps": 60, "nudge_steps": 40, "tolerance": 3e-4, "angle": 90.0,
        "readout": "output", "homeostasis": 0.0}  # fmt: skip
#: the grid: a tenth of the data, three epochs, so that every cell can be run by anyone in a minute
GRID = {**FULL, "train_samples": 6_000, "test_samples": 2_000, "epochs": 3, "lr": 2e-3, "angle": 0.0}
#: 5 % mismatch, 1 % read noise, 6-bit weights
CHIP = {"gain_mismatch": 0.05, "offset_mismatch": 0.05, "time_constant_mismatch": 0.05,
        "conductance_mismatch": 0.05, "readout_noise": 0.01, "levels": 32}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One cell of the table."""

    group: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict)

    def config(self, seed: int) -> dict[str, Any]:
        return {**(FULL if self.group == "full" else GRID), **self.settings, "seed": seed}


#: a nudge small enough that its bias is nothing (cosine above 0.999), large enough for float32
FINITE = {"estimator": "centered", "nudge": 0.1}
#: both sides meet at B = c W^T after every batch, outside the optimizer; hidden responses fall by c and c^2, so the
#: nudge is larger
HOMEOSTASIS = {"homeostasis": 0.5, "combination": "decoupled", "feedback_scale": 0.25, "nudge": 0.4}
#: the same to B = W^T, where noise asks for large responses
STRONG = {"homeostasis": 0.5, "combination": "decoupled"}
#: homeostasis as in the paper: its gradient added to the task's, before the optimizer
COUPLED = {"homeostasis": 1.0, "homeostasis_end": 0.02}
#: every sample is pushed equally far, so that the noise of the readings weighs on a sample as its error does
ON_CHIP = {"estimator": "centered", "nudge": 0.75, "nudge_force": "normalised", "target": "analog", "chip": CHIP}
#: the same with the force beta dL/dv of the published estimators
FOLLOWING = {**ON_CHIP, "nudge_force": "following"}


def _full() -> tuple[Case, ...]:
    return tuple(
        Case("full", name, settings)
        for name, settings in (
            ("exact gradient", {"estimator": "adjoint"}),
            ("finite nudge, AsymEP", {**FINITE, "correction": "asymep"}),
            ("finite nudge, homeostasis alone", {**FINITE, **HOMEOSTASIS}),
            ("imperfect chip, AsymEP", {**ON_CHIP, "correction": "asymep"}),
            ("exact gradient, feedback scale 0.25", {"estimator": "adjoint", "feedback_scale": 0.25}),
            ("imperfect chip, homeostasis alone", {**ON_CHIP, **STRONG, "feedback_scale": 0.5}),
            (
                "imperfect chip, AsymEP, force that follows, nudge 0.5",
                {**FOLLOWING, "correction": "asymep", "nudge": 0.5},
            ),
            ("finite nudge, homeostasis to B = W^T", {**FINITE, **STRONG}),
            ("finite nudge, homeostasis through the optimizer", {**FINITE, **COUPLED}),
            ("finite nudge, AsymEP and homeostasis", {**FINITE, **HOMEOSTASIS, "correction": "asymep"}),
            ("adapting nudge, AsymEP", {**FINITE, "nudge": 0.5, "adaptive": True, "correction": "asymep"}),
            ("no correction, no homeostasis", FINITE),
        )
    )


def _grid() -> tuple[Case, ...]:
    estimators = tuple(
        Case("grid", f"{name} N={points} nudge {nudge}", {"estimator": name, "points": points, "nudge": nudge})
        for name, points in (("one-sided", 1), ("centered", 2), ("four-point", 4), ("cauchy", 4), ("cauchy", 6))
        for nudge in (0.05, 0.5)
    )
    oscillation = {"estimator": "oscillation", "points": 4, "nudge": 0.5, "free_steps": 480}
    others = (
        Case("grid", "oscillation N=4 nudge 0.5", oscillation),
        Case("grid", "tangent", {"estimator": "tangent"}),
        Case("grid", "dyadic", {"estimator": "centered", "nudge": 0.5, "correction": "dyadic"}),
        Case("grid", "exact gradient", {"estimator": "adjoint"}),
        Case("grid", "exact gradient, angle 90", {"estimator": "adjoint", "angle": 90.0}),
    )
    symmetry = tuple(
        Case(
            "grid",
            f"angle {angle}, homeostasis {name}, correction {correction}",
            {**FINITE, **homeostasis, "angle": float(angle), "correction": correction},
        )
        for angle in (0, 45, 90)
        for name, homeostasis in (("none", {}), ("decoupled 0.5", STRONG))
        for correction in ("none", "asymep")
    )
    return (*estimators, *others, *symmetry)


CASES = (*_full(), *_grid())


def rows() -> list[dict[str, Any]]:
    """The runs done so far."""
    if not RESULTS.is_file():
        return []
    return [json.loads(line) for line in RESULTS.read_text().splitlines() if line.strip()]


def run_case(case: Case, seed: int) -> dict[str, Any]:
    """Train one cell and return its row."""
    from equipoise.training import TrainConfig, train

    config = case.config(seed)

    def show(news: dict[str, Any]) -> None:
        if news.get("done"):
            print(
                f"  epoch {news['epoch']}: {100 * news['test_accuracy']:.2f} % in {news['seconds']:.0f} s", flush=True
            )

    result = train(TrainConfig(**config), show)
    if result.status != "complete":  # a run cut short is no row of the table
        raise KeyboardInterrupt
    last = result.epochs[-1]
    kept = ("test_accuracy", "train_loss", "converged_fraction", "symmetry", "weight_angle", "gradient_cosine", "nudge")
    row = {
        **{k: v for k, v in asdict(case).items() if k != "settings"},
        "seed": seed,
        "config": {**config, "layers": list(config["layers"])},
        **{name: last[name] for name in kept},
        "best_accuracy": result.best_accuracy,
        "curve": [e["test_accuracy"] for e in result.epochs],
        "equilibrations": sum(e["equilibrations"] for e in result.epochs),
        "seconds": sum(e["seconds"] for e in result.epochs),
    }
    if case.group == "full" and config.get("target", "ideal") == "ideal":
        row["on_chip_accuracy"] = transferred(config, result.network)
    return row


def transferred(config: dict[str, Any], network: Any) -> float:
    """Accuracy of ideally trained weights put on the same seed's chip without training there."""
    from equipoise.training import load_dataset, make_machine
    from equipoise.training.evaluate import accuracy
    from substrates.base import Stop

    machine = make_machine("analog", network, CHIP, config["seed"])
    data = load_dataset("fashion-mnist").flattened()
    stop = Stop(config["free_steps"], config["tolerance"])
    return accuracy(machine, data.test_inputs, data.test_targets, stop)[0]


def run_all(only: str | None, seeds: range, match: str) -> None:
    done = {(r["group"], r["name"], r["seed"]) for r in rows()}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for case in CASES:
            wanted = only in (None, case.group) and re.search(match, case.name)
            if not wanted or (case.group, case.name, seed) in done:
                continue
            print(f"{case.group}: {case.name}, seed {seed}", flush=True)
            row = run_case(case, seed)
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")


def table() -> str:
    """Mean and spread over the seeds that are there; a missing cell says so."""
    found = rows()
    lines = []
    for group in ("full", "grid"):
        moved = "moved to the chip, error % | " if group == "full" else ""
        lines += [
            "",
            f"| run | test error % | {moved}cosine with the adjoint (l1, l2, out) | symmetry | converged % | "
            "relaxations per sample and epoch | seeds |",
            "|---" * (7 + bool(moved)) + "|",
        ]
        for case in CASES:
            if case.group != group:
                continue
            mine = [r for r in found if (r["group"], r["name"]) == (case.group, case.name)]
            lines.append(f"| {case.name} | {_cells(mine, bool(moved))} |")
    return "\n".join(lines)


def _error(accuracies: list[float]) -> str:
    """Mean and standard deviation of the errors, per cent."""
    errors = [100 * (1 - a) for a in accuracies]
    spread = f" ± {statistics.stdev(errors):.1f}" if len(errors) > 1 else ""
    return f"{statistics.mean(errors):.1f}{spread}"


def _cells(mine: list[dict[str, Any]], with_moved: bool) -> str:
    if not mine:
        return "not run |" + " |" * (4 + with_moved) + " 0"
    chip = [r["on_chip_accuracy"] for r in mine if "on_chip_accuracy" in r]
    moved = ([_error(chip)] if chip else ["trained there"]) if with_moved else []
    cosines = [statistics.mean(c) for c in zip(*(r["gradient_cosine"] for r in mine))]
    config = mine[0]["config"]
    per = statistics.mean(r["equilibrations"] / config["epochs"] / config.get("train_samples", 60_000) for r in mine)
    return " | ".join(
        (
            _error([r["test_accuracy"] for r in mine]),
            *moved,
            " ".join(f"{c:.2f}" for c in cosines),
            f"{statistics.mean(r['symmetry'] for r in mine):.2f}",
            f"{100 * statistics.mean(r['converged_fraction'] for r in mine):.1f}",
            f"{per:.1f}",
            str(len(mine)),
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--only", choices=("full", "grid"))
    parser.add_argument("--match", default="", help="run only cases whose name this regular expression finds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.what == "table":
        print(table())
    else:
        run_all(arguments.only, range(arguments.first_seed, arguments.seeds), arguments.match)


if __name__ == "__main__":
    main()
