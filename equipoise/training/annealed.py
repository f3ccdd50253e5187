"""Training a binary network on an annealer: inputs as fields, both phases anneals, `AnnealedEP` as the rule.

A layer of hidden spins and one of outputs (several per class), coupled all to all between the layers, as the published
experiment has it (Laydevant et al., Nature Communications 15, 3671). Inputs never enter the machine: the hidden
fields are x W + b. Temperatures are in units of the couplings, sqrt(hidden) rms J, and follow them as they grow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from learning_rules.annealed import AnnealedEP
from substrates.seeds import stream

__all__ = ["SAMPLERS", "AnnealedConfig", "BinaryNetwork", "Sampler", "train_annealed"]

Floats = npt.NDArray[np.float64]


class Sampler(Protocol):
    """A machine that holds a binary network's couplings and gives states for its fields."""

    ledger: Ledger

    def program(self, couplings: Floats) -> None:
        """Write J (n, n), symmetric."""

    def sample(
        self, fields: Floats, reads: int, steps: int, high: float, low: float, start: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """(states (reads, n) in +-1, energies) after an anneal of ``steps`` from ``high`` to ``low``."""


class Loihi2Sampler:
    """The bit-accurate Loihi 2 annealer: couplings as 7-bit integers, states as the chip's own steps leave them.

    Args:
        tempering: replicas that trade places instead of a falling temperature; the reference.
    """

    def __init__(self, mask: npt.NDArray[np.bool_], seed: int = 0, *, tempering: bool = False) -> None:
        self._rows, self._cols = np.nonzero(mask)
        self._n = len(mask)
        self._indptr = np.searchsorted(self._rows, np.arange(self._n + 1))
        self._seed, self._calls, self._tempering = seed, 0, tempering
        self.ledger = Ledger()

    def program(self, couplings: Floats) -> None:
        self._true = couplings
        largest = float(np.abs(couplings).max(initial=0.0)) or 1.0
        self._scale = 63.0 / largest
        self._j = np.rint(couplings[self._rows, self._cols] * self._scale).astype(np.int64)
        self._pull = np.bincount(self._rows, self._j, self._n).astype(np.int64)

    def sample(
        self, fields: Floats, reads: int, steps: int, high: float, low: float, start: Floats | None = None
    ) -> tuple[Floats, Floats]:
        from substrates.loihi2.annealing import Linear, Loihi2Annealer, Settings  # late: numba takes a second

        h = np.rint(fields * self._scale).astype(np.int64)
        # -J s s' - f s in bits x = (1 + s) / 2; x^T Q x counts a pair twice, so its entry is -2 J
        annealer = Loihi2Annealer(
            self._indptr, self._cols, -2 * self._j, -2 * h + 2 * self._pull, Settings("two-phase", exponent=0)
        )
        seeds = [(self._seed * 1_000_003 + self._calls * 1009 + r) % 2**63 for r in range(reads)]
        self._calls += 1
        # The chip accepts a loss dE with probability 2^(-dE / T).
        top, bottom = (max(round(t * self._scale * np.log(2.0)), 1) for t in (high, low))
        if self._tempering:
            found = annealer.temper(
                seeds, replicas=4, period=5, temperatures=(max(top, bottom + 1), bottom), steps=steps
            )
        else:
            begin = None if start is None else (start > 0).astype(np.uint8)
            found = annealer.anneal(Linear(max(top, bottom), bottom, steps), seeds, steps=steps, start=begin)
        self.ledger.merge(found.ledger)
        states = 2.0 * found.states - 1.0
        energies = -states @ fields - np.einsum("ri,ij,rj->r", states, self._true, states) / 2.0
        return states, energies


def _loihi2(mask: Any, seed: int, options: dict[str, Any]) -> Sampler:
    return Loihi2Sampler(mask, seed, **options)


def _tempering(mask: Any, seed: int, options: dict[str, Any]) -> Sampler:
    return Loihi2Sampler(mask, seed, tempering=True, **options)


def _ising(kind: str) -> Callable[[Any, int, dict[str, Any]], Sampler]:
    def make(mask: Any, seed: int, options: dict[str, Any]) -> Sampler:
        from substrates.analog.imperfections.parameters import ChipParameters  # late: only this machine needs it
        from substrates.analog.ising.sampling import IsingSampler  # late: numba takes a second

        chip = ChipParameters.from_dict(options) if options else None
        return IsingSampler(mask, kind, chip, seed)

    return make


#: target -> (mask, seed, options) -> sampler
SAMPLERS: dict[str, Callable[[Any, int, dict[str, Any]], Sampler]] = {
    "loihi2-sim": _loihi2,
    "tempering": _tempering,
    "p-bits": _ising("p-bits"),
    "memristor-hopfield": _ising("memristor-hopfield"),
}


@dataclass(frozen=True)
class AnnealedConfig:
    """One training run.

    Args:
        target: one of `SAMPLERS`; ``options`` are the chip's parameters there.
        hidden, copies: spins of the hidden layer, outputs per class.
        epochs, batch, lr, decay: lr is multiplied by ``decay`` every epoch; biases learn at a tenth.
        reads, steps: anneals of each phase and their length.
        hot, warm, cold: temperature at the start of a free anneal, of a nudged one, and at the end of both.
        gains: size of the first weights, U(-1, 1) gain / sqrt(fan-in), of inputs and couplings.
        averaging: share of the parameters' running mean that one batch replaces; 1 tests the last ones.
    """

    target: str = "loihi2-sim"
    options: dict[str, Any] = field(default_factory=dict)
    rule: AnnealedEP = field(default_factory=AnnealedEP)
    hidden: int = 120
    copies: int = 4
    epochs: int = 12
    batch: int = 1
    lr: float = 0.08
    decay: float = 0.8
    reads: int = 3
    steps: int = 50
    hot: float = 0.3
    warm: float = 0.1
    cold: float = 0.02
    gains: tuple[float, float] = (4.0, 2.0)
    averaging: float = 0.002
    seed: int = 0

    def __post_init__(self) -> None:
        if self.target not in SAMPLERS:
            raise InputError(f"no annealer {self.target!r} to train on; there are {', '.join(SAMPLERS)}")
        if min(self.hidden, self.copies, self.batch, self.reads, self.steps) < 1 or self.epochs < 0:
            raise InputError("sizes, reads and steps must be at least 1")
        if not 0 < self.averaging <= 1:
            raise InputError(f"averaging {self.averaging}: expected above 0, at most 1")


class BinaryNetwork:
    """Parameters: input weights (inputs, hidden), hidden biases, couplings (hidden, outputs), output biases."""

    def __init__(self, inputs: int, classes: int, config: AnnealedConfig) -> None:
        random = stream(config.seed, "annealed weights")
        h, o = config.hidden, classes * config.copies
        self.hidden, self.outputs, self.copies, self.classes = h, o, config.copies, classes
        self.w = random.uniform(-1, 1, (inputs, h)) * config.gains[0] / np.sqrt(inputs)
        self.j = random.uniform(-1, 1, (h, o)) * config.gains[1] / np.sqrt(h)
        self.b, self.c = np.zeros(h), np.zeros(o)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Which pairs of spins, hidden first, are coupled."""
        mask = np.zeros((self.hidden + self.outputs,) * 2, bool)
        mask[: self.hidden, self.hidden :] = True
        return mask | mask.T

    def parameters(self) -> list[Floats]:
        return [self.w, self.b, self.j, self.c]

    def couplings(self, j: Floats) -> Floats:
        """(n, n) from the block between the layers."""
        full = np.zeros((self.hidden + self.outputs,) * 2)
        full[: self.hidden, self.hidden :] = j
        return full + full.T

    def targets(self, label: int) -> Floats:
        """(outputs,) +1 for the copies of the class, -1 for all others."""
        return np.where(np.repeat(np.arange(self.classes), self.copies) == label, 1.0, -1.0)

    def scores(self, states: Floats) -> Floats:
        """(classes,) mean of each class's outputs over reads and copies."""
        return states[:, self.hidden :].mean(0).reshape(self.classes, self.copies).mean(1)


class _Trainer:
    def __init__(self, network: BinaryNetwork, config: AnnealedConfig) -> None:
        self.network, self.config = network, config
        self.sampler = SAMPLERS[config.target](network.mask, config.seed, dict(config.options))
        self.mean = [p.copy() for p in network.parameters()]
        self.outputs = slice(network.hidden, None)
        self.nudged = 0

    def load(self, j: Floats) -> None:
        """Write the couplings, clipped to what the machine takes, and take its temperatures from them."""
        self.sampler.program(self.network.couplings(np.clip(j, -1.0, 1.0)))
        self.unit = float(np.sqrt(self.network.hidden * np.mean(np.clip(j, -1.0, 1.0) ** 2))) or 1.0

    def free(self, x: Floats, parameters: list[Floats], reads: int) -> tuple[Floats, Floats, Floats]:
        w, b, _, c = parameters
        fields = self.config.rule.fields(np.concatenate([x @ w + b, c]))
        config = self.config
        states, energies = self.sampler.sample(
            fields, reads, config.steps, config.hot * self.unit, config.cold * self.unit
        )
        return fields, states, energies

    def step(self, x: Floats, labels: npt.NDArray[np.int64], lr: float) -> int:
        """One batch; returns the samples whose lowest free state was right in every output."""
        config, network = self.config, self.network
        rule, h = config.rule, network.hidden
        self.load(network.j)
        moves = [np.zeros_like(p) for p in network.parameters()]
        right = 0
        for sample, label in zip(x, labels.tolist()):
            target = network.targets(label)
            fields, states, energies = self.free(sample, network.parameters(), config.reads)
            lowest = states[int(np.argmin(energies))]
            correct = bool((lowest[self.outputs] == target).all())
            right += correct
            if correct and rule.skip_correct:
                continue
            self.nudged += 1
            pushed, pushed_energies = self.sampler.sample(
                rule.nudged(fields, self.outputs, target), config.reads, config.steps,
                config.warm * self.unit, config.cold * self.unit, start=lowest,
            )  # fmt: skip
            df, dj = rule.contrast(rule.moments(states, energies), rule.moments(pushed, pushed_energies))
            moves[0] += np.outer(sample, df[:h])
            moves[1] += df[:h]
            moves[2] += dj[:h, h:]
            moves[3] += df[h:]
        for p, move, rate, mean in zip(network.parameters(), moves, (lr, lr / 10, lr, lr / 10), self.mean):
            p += rate * move
            mean += config.averaging * (p - mean)
        return right

    def accuracy(self, x: Floats, labels: npt.NDArray[np.int64], reads: int) -> float:
        """Share of right answers with the averaged parameters, by the mean of the outputs over ``reads``."""
        self.load(self.mean[2])
        found = [int(np.argmax(self.network.scores(self.free(sample, self.mean, reads)[1]))) for sample in x]
        return float((np.array(found) == labels).mean())


def train_annealed(
    config: AnnealedConfig,
    train: tuple[Floats, npt.NDArray[np.int64]],
    test: tuple[Floats, npt.NDArray[np.int64]],
    *,
    test_reads: int = 10,
    every: int = 0,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Train and test; inputs (samples, features) about 0 to 1, labels from 0.

    Args:
        test_reads: anneals per test sample, whose outputs are averaged.
        every: test after so many epochs; 0 at the end only.
        progress: called after each epoch.

    Returns:
        ``accuracy`` of the last test, ``history``, the network's ``parameters`` (averaged), ``ledger`` of everything.
    """
    (x, y), (tx, ty) = train, test
    if len(x) == 0 or len(x) != len(y) or tx.shape[1:] != x.shape[1:] or len(tx) != len(ty):
        raise InputError(f"{len(x)} inputs, {len(y)} labels; tests {len(tx)}, {len(ty)}: expected one label per input")
    network = BinaryNetwork(x.shape[1], int(max(y.max(), ty.max())) + 1, config)
    trainer = _Trainer(network, config)
    history: list[dict[str, Any]] = []
    for epoch in range(config.epochs):
        order = stream(config.seed, "annealed order", epoch).permutation(len(x))
        right = 0
        trainer.nudged = 0
        for a in range(0, len(x), config.batch):
            chosen = order[a : a + config.batch]
            right += trainer.step(x[chosen], y[chosen], config.lr * config.decay**epoch)
        row: dict[str, Any] = {"epoch": epoch + 1, "train": right / len(x), "nudged": trainer.nudged / len(x)}
        if epoch + 1 == config.epochs or (every and (epoch + 1) % every == 0):
            row["test"] = trainer.accuracy(tx, ty, test_reads)
        history.append(row)
        if progress is not None:
            progress(row)
    accuracy = history[-1]["test"] if history else trainer.accuracy(tx, ty, test_reads)
    return {"accuracy": accuracy, "history": history, "parameters": trainer.mean, "ledger": trainer.sampler.ledger}
