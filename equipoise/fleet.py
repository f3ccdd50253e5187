"""A fleet: the same trained network on many chips of one kind. How many are good enough, and how bad is the worst?"""

from __future__ import annotations

# Imports inside functions are late: torch and matplotlib take a second each.
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hw_profiles.errors import InputError
from hw_profiles.notebook import card, inline_svg, panels

if TYPE_CHECKING:
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = ["Fleet", "run_fleet"]


@dataclass(frozen=True)
class Fleet:
    """What became of a program on many chips.

    Attributes:
        chips: (chips,) seeds, one chip each.
        accuracies: (chips,) share of right answers of each chip.
        ideal: of the network without a chip's faults.
        joules: (chips,) energy of one inference; NaN where the profile lacks a price.
        settled: (chips,) share of samples that came to rest.
        needed: accuracy from which a chip counts as good.
    """

    chips: tuple[int, ...]
    accuracies: tuple[float, ...]
    ideal: float
    joules: tuple[float, ...]
    settled: tuple[float, ...]
    needed: float

    @property
    def fraction_good(self) -> float:
        """The yield: share of chips that reach `needed`."""
        return float(np.mean(np.array(self.accuracies) >= self.needed))

    def as_dict(self) -> dict[str, Any]:
        """Yield, spread and worst chip, and every chip's figures."""
        a = np.array(self.accuracies)
        worst = int(a.argmin())
        energy = np.array(self.joules)
        return {
            "chips": len(a), "needed": self.needed, "yield": self.fraction_good, "ideal": self.ideal,
            "mean": float(a.mean()), "spread": float(a.std(ddof=1)) if len(a) > 1 else 0.0,
            "quantiles": {str(q): float(np.quantile(a, q)) for q in (0.05, 0.5, 0.95)},
            "worst": {"chip": self.chips[worst], "accuracy": float(a[worst])},
            "joules": {"mean": float(energy.mean()), "low": float(energy.min()), "high": float(energy.max())},
            "each": [
                {"chip": c, "accuracy": x, "joules": j, "settled": s}
                for c, x, j, s in zip(self.chips, self.accuracies, self.joules, self.settled)
            ],
        }  # fmt: skip

    def table(self) -> str:
        """Yield, spread and worst chip as a Markdown table."""
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in self._rows())])

    def _rows(self) -> list[tuple[str, object]]:
        d = self.as_dict()
        return [
            ("chips", f"{d['chips']}"),
            ("without faults", f"{self.ideal:.2%}"),
            ("mean (standard deviation)", f"{d['mean']:.2%} ({d['spread']:.2%})"),
            ("5 %, median, 95 %", ", ".join(f"{v:.2%}" for v in d["quantiles"].values())),
            ("worst", f"{d['worst']['accuracy']:.2%} (chip {d['worst']['chip']})"),
            (f"yield at {self.needed:.2%}", f"{self.fraction_good:.0%}"),
            ("energy of an inference", "{mean:.3g} J ({low:.3g} to {high:.3g})".format(**d["joules"])),
        ]

    def _repr_html_(self) -> str:
        """For notebooks: the table and the picture."""
        return card("Fleet", self._rows(), inline_svg(self.plot()))

    def plot(self) -> Any:
        """A matplotlib figure: every chip's accuracy from best to worst, the ideal, what is needed; the yield
        over it.
        """
        figure, (left, right) = panels(2)
        a = np.sort(np.array(self.accuracies))[::-1]
        left.plot(np.arange(1, len(a) + 1), 100 * a, "o", markersize=4)
        left.axhline(100 * self.ideal, linestyle="--", linewidth=1, color="0.4", label="without faults")
        left.axhline(100 * self.needed, linestyle=":", linewidth=1, color="tab:red", label="needed")
        left.set(xlabel="chip, best first", ylabel="accuracy (%)")
        left.legend(frameon=False)
        levels = np.linspace(a.min() - 0.01, max(a.max(), self.ideal) + 0.005, 200)
        right.plot(100 * levels, [100 * float(np.mean(a >= level)) for level in levels])
        right.axvline(100 * self.needed, linestyle=":", linewidth=1, color="tab:red")
        right.set(xlabel="accuracy needed (%)", ylabel="yield (%)")
        return figure


def run_fleet(
    network: Network,
    make: Callable[[Network, int], RelaxationSubstrate],
    inputs: Any,
    targets: Any,
    *,
    chips: int = 20,
    first: int = 0,
    needed: float | None = None,
    ideal: RelaxationSubstrate | None = None,
    steps: int = 200,
    tolerance: float = 1e-4,
    profile: str = "crossbar",
    progress: Callable[[int, float], None] | None = None,
) -> Fleet:
    """Run ``network`` on ``chips`` chips.

    Args:
        make: (network, seed) -> the chip of that number, such as ``lambda n, seed: AnalogMachine(n, kind, seed)``.
        inputs, targets: the samples each chip answers.
        needed: accuracy of a good chip; two points below the ideal when None.
        ideal: the machine without faults; `IdealMachine` when None.
        progress: called after each chip with (chips done, its accuracy).

    Raises:
        InputError: no chips, no samples, or an accuracy needed that is no share.
    """
    from hw_profiles.pricing import price
    from hw_profiles.profile import load_profile
    from substrates.analog import IdealMachine
    from substrates.analog.solvers import AlternatingBlocks
    from substrates.base import Stop

    if chips < 1 or len(inputs) == 0 or len(inputs) != len(targets):
        raise InputError(f"{chips} chips, {len(inputs)} inputs, {len(targets)} targets; expected some, one target each")
    if needed is not None and not 0 <= needed <= 1:
        raise InputError(f"the accuracy needed is a share from 0 to 1, got {needed}")
    prices, stop = load_profile(profile), Stop(steps, tolerance)

    def answer(machine: RelaxationSubstrate) -> tuple[float, float, float]:
        found = machine.relax(machine.drive(inputs), stop)
        right = float((network.cost.predict(found.activities[-1]) == targets).float().mean())
        energy = price(found.ledger, prices).energy.value
        return right, float("nan") if energy is None else energy / len(inputs), float(found.converged.float().mean())

    perfect = answer(ideal or IdealMachine(network, solver=AlternatingBlocks(step_size=0.7)))[0]
    rows = []
    for k in range(chips):
        rows.append(answer(make(network, first + k)))
        if progress is not None:
            progress(k + 1, rows[-1][0])
    accuracies, joules, settled = zip(*rows)
    bar = max(perfect - 0.02, 0.0) if needed is None else needed
    return Fleet(tuple(range(first, first + chips)), accuracies, perfect, joules, settled, bar)


def fleet_of_checkpoint(
    path: Path, kind: dict[str, Any], *, chips: int, needed: float | None = None, samples: int | None = None,
    first: int = 0, progress: Callable[[int, float], None] | None = None,
) -> Fleet:  # fmt: skip
    """The network of a checkpoint of ``equipoise train`` on ``chips`` chips with the parameters ``kind``."""
    from equipoise.spice_program import read_checkpoint
    from equipoise.training.datasets import load_dataset
    from substrates.analog import AnalogMachine, ChipParameters

    config, network, _ = read_checkpoint(path)
    split = load_dataset(config.dataset, config.data_dir).limited(None, samples)
    inputs = split.test_inputs.reshape(len(split.test_inputs), *network.input_shape)
    parameters = ChipParameters.from_dict(kind)
    return run_fleet(
        network, lambda n, seed: AnalogMachine(n, parameters, seed), inputs, split.test_targets, chips=chips,
        needed=needed, first=first, progress=progress,
    )  # fmt: skip
