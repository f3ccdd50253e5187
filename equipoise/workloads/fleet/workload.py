"""Fleet of chips: networks trained each on its own imperfect chip answer together, or on one another's chip.

Three kinds of ensemble are held against each other: one start on several chips, several starts on one chip, and both
different; an ensemble's answer is the mean of its members' softmax read-outs, each on the chip it was trained on. Then:
how much worse is a member on a chip it has not seen; does a network that is better at home do better abroad
(correlation over networks trained for different times); and is there a ridge of the loss between two members, before
and after the units of one are numbered like the other's (`equipoise.workloads.fleet.alignment`)?

There is no optimum here but the labels; the questions are open ones, and the answers are figures with intervals.
After "deep ensembles", the inverse correlation of accuracies in and out of distribution, and linear mode connectivity.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from equipoise.targets import Target, Work, find_target
from equipoise.workloads.interface import Control, Run, Score, Truth, Workload, check_sizes
from equipoise.workloads.scores import bootstrap, mean_interval, share
from hw_profiles.ledger import Ledger
from substrates.seeds import derive_seed

# Imports inside functions are late: a list of workloads is printed without torch.
if TYPE_CHECKING:
    from equipoise.training import Split
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = ["Answers", "ChipFleet", "Classroom"]

Floats = npt.NDArray[np.float64]
ARMS = ("one start, several chips", "several starts, one chip", "several starts and chips")
ERRORS = ("error of the ensemble", "of an ensemble of starts", "of an ensemble of starts and chips")
KINDS = ("chips", "starts", "starts and chips")
HELD_OUT = 1000  #: chips from this number on train nobody
NAN = Score.exactly(math.nan)


@dataclass(frozen=True, eq=False)
class Classroom:
    """An instance: what is learned, by how many, and on what chips.

    Attributes:
        data: training and test samples.
        members: of every ensemble.
        abroad: chips that train nobody, on which members are tried.
        pupils: networks of the correlation, trained for 1 to ``epochs`` epochs.
        chip: parameters of the kind of chip.
    """

    data: Split
    hidden: tuple[int, ...]
    members: int
    abroad: int
    pupils: int
    epochs: int
    chip: dict[str, float]
    seed: int

    def network(self, start: int) -> Network:
        """The network of this start, untrained."""
        from substrates.network import layered

        seed = derive_seed(self.seed, "fleet start", start) % 2**31
        sizes = [self.data.train_inputs.shape[1], *self.hidden]
        return layered(sizes, angle=90.0, feedback_scale=0.25, classes=self.data.classes, seed=seed)

    def machine(self, network: Network, chip: int | None) -> RelaxationSubstrate:
        """A chip of the kind by its number, or a machine without faults, with ``network`` on it."""
        from substrates.analog import AnalogMachine, ChipParameters, IdealMachine
        from substrates.analog.solvers import AlternatingBlocks

        if chip is None:
            return IdealMachine(network, solver=AlternatingBlocks(step_size=1.0, fallback=0.7))
        return AnalogMachine(
            network, ChipParameters.from_dict(self.chip), seed=derive_seed(self.seed, "fleet chip", chip) % 2**31
        )

    def trained(self, start: int, chip: int | None, epochs: int, ledger: Ledger) -> Network:
        """The network of ``start`` after training on ``chip``, by the target's usual rule."""
        from equipoise.training import TrainConfig, train

        network = self.network(start)
        config = TrainConfig(
            target="ideal" if chip is None else "analog", chip={} if chip is None else self.chip, epochs=epochs,
            batch_size=20, seed=derive_seed(self.seed, "fleet order", start) % 2**31, threads=1,
        )  # fmt: skip
        done = train(config, data=self.data, network=network, machine=self.machine(network, chip))
        ledger.merge(done.ledger)
        return network

    def probabilities(self, network: Network, chip: int | None, ledger: Ledger) -> Floats:
        """(samples, classes) of the test samples."""
        import torch

        from substrates.base import Stop

        machine = self.machine(network, chip)
        found = machine.relax(machine.drive(self.data.test_inputs), Stop(200, 1e-4))
        ledger.merge(found.ledger)
        with torch.no_grad():
            logits = network.cost.readout(found.activities[-1])
        return np.asarray(torch.softmax(logits.double(), 1).numpy())

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Of the test samples."""
        return np.asarray(self.data.test_targets.numpy())

    def accuracy(self, probabilities: Floats) -> float:
        return float((probabilities.argmax(-1) == self.labels).mean())


@dataclass(frozen=True, eq=False)
class Answers:
    """What was found.

    Attributes:
        arms: kind of ensemble -> (members, samples, classes) probabilities, each member at home.
        abroad: (members, chips) accuracies of the members of the first kind on chips that trained nobody.
        pupils: (networks, 2) accuracies at home, and the mean of those abroad.
        ridges: kind -> (pairs, 2) rise of the loss on the line between two members, before and after numbering.
    """

    arms: dict[str, Floats]
    abroad: Floats | None = None
    pupils: Floats | None = None
    ridges: dict[str, Floats] = field(default_factory=dict)


class ChipFleet(Workload):
    """See the module."""

    title = "ensembles and transfer over a fleet of chips"
    unit = "trained network"
    work: ClassVar[Work] = "network"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "full": {"members": 8, "abroad": 16, "pupils": 60},
        "loud": {"mismatch": 0.5},
    }
    panels: ClassVar[int] = 3

    def machines(self) -> dict[str, Target]:
        return {"analog": find_target("analog")}

    def refusal(self, target: Target) -> str:
        return "" if target.name == "analog" else super().refusal(target) or "all its chips are alike"

    def instance(
        self, seed: int, *, samples: int = 200, members: int = 5, abroad: int = 6, pupils: int = 12, epochs: int = 40,
        mismatch: float = 0.3, hidden: tuple[int, ...] = (32, 32),
    ) -> Classroom:  # fmt: skip
        """The digits, few of them, so that members err differently; ``mismatch`` is the weights' relative spread."""
        check_sizes(("samples", samples, 20, 1437), ("members", members, 2, 100), ("abroad", abroad, 1, 1000),
                    ("pupils", pupils, 3, 10_000), ("epochs", epochs, 1, 1000), ("mismatch", mismatch, 0.0, 2.0),
                    ("hidden", len(hidden), 2, 10), *(("hidden", n, 1, 1000) for n in hidden))  # fmt: skip
        from dataclasses import replace

        from equipoise.training import load_dataset

        data = load_dataset("digits").flattened()
        chosen = self.draw(seed, "samples").permutation(len(data.train_targets))[:samples]
        few = replace(data, train_inputs=data.train_inputs[chosen], train_targets=data.train_targets[chosen])
        chip = {"conductance_mismatch": mismatch, "gain_mismatch": 0.05, "offset_mismatch": 0.05}
        return Classroom(few, hidden, members, abroad, pupils, epochs, chip, seed)

    def units(self, instance: Classroom) -> int:
        return 3 * instance.members - 2 + instance.pupils

    def truth(self, instance: Classroom) -> Truth:
        """The labels."""
        certain = np.eye(instance.data.classes)[instance.labels]
        how = "the labels of the test samples; of the other questions nobody knows the answers beforehand"
        return Truth(Answers(dict.fromkeys(ARMS, certain[None])), how)

    def program(self, instance: Classroom, target: Target) -> None:
        return None

    def run(self, instance: Classroom, program: None, seed: int) -> Run:
        """Nothing is random but starts, orders and chips, which follow from the instance."""
        ledger = Ledger()
        fleet = {
            (start, chip): instance.trained(start, chip, instance.epochs, ledger)
            for start, chip in dict.fromkeys(pair for arm in _arms(instance.members) for pair in arm)
        }
        arms = {
            name: np.stack([instance.probabilities(fleet[pair], pair[1], ledger) for pair in arm])
            for name, arm in zip(ARMS, _arms(instance.members))
        }
        abroad = np.array([_abroad(instance, fleet[pair], ledger) for pair in _arms(instance.members)[0]])
        ridges = {name: _ridges(instance, [fleet[pair] for pair in arm])
                  for name, arm in zip(ARMS, _arms(instance.members))}  # fmt: skip
        pupils = np.array([_pupil(instance, k, ledger) for k in range(instance.pupils)])
        return Run(Answers(arms, abroad, pupils, ridges), ledger)

    def decode(self, instance: Classroom, states: Answers) -> Answers:
        return states

    def controls(self, instance: Classroom) -> dict[str, Control]:
        return {
            "backpropagation, ensemble": Control(
                "classical", "so many feed-forward networks of the same layers, from different starts",
                lambda: Answers({ARMS[1]: np.stack([_backprop(instance, k) for k in range(instance.members)])})),
            "trained without faults, moved to the chips": Control(
                "other", "one network trained on an ideal machine and written to every chip", lambda: _moved(instance)),
            "backpropagation, one network": Control(
                "trivial", "the first of them alone", lambda: Answers({ARMS[1]: _backprop(instance, 0)[None]})),
        }  # fmt: skip

    def score(self, instance: Classroom, truth: Truth, answer: Answers) -> dict[str, Score]:
        """Errors, the correlation of accuracies at home and abroad, rises of the loss between members."""
        labels = instance.labels
        first = next(iter(answer.arms))
        together = [_error(answer.arms[arm].mean(0), labels) if arm in answer.arms else NAN for arm in ARMS]
        wrong = (answer.arms[first].argmax(-1) != labels).mean(1)
        found = {
            # a control's ensemble, whatever its kind, stands beside the machine's first
            ERRORS[0]: _error(answer.arms[first].mean(0), labels),
            "of one member": Score(*mean_interval(wrong.tolist()))
            if len(wrong) > 1
            else Score.exactly(float(wrong[0])),
            "of one on another chip": NAN if answer.abroad is None else Score(*bootstrap(1.0 - answer.abroad.mean(1))),
            ERRORS[1]: together[1],
            ERRORS[2]: together[2],
            "correlation of home and abroad": (
                NAN if answer.pupils is None else Score(*_correlation(answer.pupils), better="higher")
            ),
        }
        for kind, arm in zip(KINDS, ARMS):
            for column, when in enumerate(("before", "after")):
                pairs = answer.ridges.get(arm)
                name = f"ridge between {kind}, {when} numbering"
                found[name] = NAN if pairs is None else Score(*mean_interval(pairs[:, column].tolist()))
        return found

    def tables(self, instance: Classroom, truth: Truth, answers: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Errors against the ensemble's size, networks at home and abroad, ridges."""
        machine = next(iter(answers.values()))
        labels = instance.labels
        sizes = [
            {"ensemble": arm, "members": m, "error": float((p[:m].mean(0).argmax(-1) != labels).mean())}
            for arm, p in machine.arms.items() for m in range(1, len(p) + 1)
        ]  # fmt: skip
        pupils = [{"home": float(h), "abroad": float(a)} for h, a in machine.pupils]
        ridges = [{"ensemble": arm, "before": float(b), "after": float(a)}
                  for arm, pairs in machine.ridges.items() for b, a in pairs]  # fmt: skip
        return {"sizes": sizes, "pupils": pupils, "ridges": ridges}

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """Errors against size; at home against abroad; the rise of the loss before and after numbering."""
        for k, arm in enumerate(ARMS):
            rows = [r for r in tables["sizes"] if r["ensemble"] == arm]
            axes[0].plot([r["members"] for r in rows], [100 * r["error"] for r in rows], "osD"[k] + "-", label=arm)
            pairs = [r for r in tables["ridges"] if r["ensemble"] == arm]
            axes[2].plot([r["before"] for r in pairs], [r["after"] for r in pairs], "osD"[k], label=arm)
        axes[0].set_xlabel("members")
        axes[0].set_xticks(sorted({r["members"] for r in tables["sizes"]}))
        axes[0].set_ylabel("error (%)")
        axes[0].legend(fontsize=7)
        axes[1].plot([100 * r["home"] for r in tables["pupils"]], [100 * r["abroad"] for r in tables["pupils"]], "o")
        axes[1].axline((90, 90), slope=1, color="0.6", linewidth=0.8)
        axes[1].set_xlabel("accuracy at home (%)")
        axes[1].set_ylabel("on other chips (%)")
        axes[2].axline((0, 0), slope=1, color="0.6", linewidth=0.8)
        axes[2].set_xlabel("rise of the loss between two members")
        axes[2].set_ylabel("after numbering alike")
        last = {arm: [r["error"] for r in tables["sizes"] if r["ensemble"] == arm] for arm in ARMS}
        return "Error of one member and of all: " + "; ".join(
            f"{arm} {100 * errors[0]:.1f} and {100 * errors[-1]:.1f} %" for arm, errors in last.items()
        )


def _arms(members: int) -> list[list[tuple[int, int]]]:
    """(start, chip) of every member of the three kinds of ensemble; the first is in all of them."""
    return [[(0, k) for k in range(members)], [(k, 0) for k in range(members)], [(k, k) for k in range(members)]]


def _abroad(instance: Classroom, network: Network, ledger: Ledger) -> list[float]:
    return [instance.accuracy(instance.probabilities(network, HELD_OUT + k, ledger)) for k in range(instance.abroad)]


def _pupil(instance: Classroom, k: int, ledger: Ledger) -> tuple[float, float]:
    """Accuracies at home and abroad of a network with its own start, chip and time to learn."""
    start, epochs = HELD_OUT + k, 1 + k * instance.epochs // instance.pupils
    network = instance.trained(start, 100 + k, epochs, ledger)
    home = instance.accuracy(instance.probabilities(network, 100 + k, ledger))
    return home, float(np.mean(_abroad(instance, network, ledger)))


def _pairs(things: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Neighbours of a ring: as many pairs as members, each member in two."""
    yield from itertools.pairwise(things)
    if len(things) > 2:
        yield things[-1], things[0]


def _ridges(instance: Classroom, networks: list[Network]) -> Floats:
    from equipoise.workloads.fleet.alignment import align, barrier, renumbered  # late: torch

    x, y = instance.data.test_inputs, instance.data.test_targets
    return np.array([
        (barrier(a, b, x, y), barrier(a, renumbered(b, align(a, b)), x, y)) for a, b in _pairs(networks)
    ])  # fmt: skip


def _moved(instance: Classroom) -> Answers:
    ledger = Ledger()
    network = instance.trained(0, None, instance.epochs, ledger)
    moved = np.stack([instance.probabilities(network, k, ledger) for k in range(instance.members)])
    return Answers({ARMS[0]: moved}, np.array([_abroad(instance, network, ledger)]))


def _backprop(instance: Classroom, start: int) -> Floats:
    """(samples, classes) of a feed-forward network of the same layers, trained for as long."""
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(derive_seed(instance.seed, "fleet backpropagation", start) % 2**63)
    sizes = [instance.data.train_inputs.shape[1], *instance.hidden, instance.data.classes]
    layers: list[nn.Module] = []
    for n, m in itertools.pairwise(sizes):
        linear = nn.Linear(n, m)
        with torch.no_grad():
            linear.weight.copy_(torch.randn(m, n, generator=generator) / math.sqrt(n))
            linear.bias.zero_()
        layers += [linear, nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=0.0)
    x, y = instance.data.train_inputs, instance.data.train_targets
    for _ in range(instance.epochs):
        for batch in torch.randperm(len(y), generator=generator).split(20):
            loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return np.asarray(torch.softmax(network(instance.data.test_inputs).double(), 1).numpy())


def _error(probabilities: Floats, labels: npt.NDArray[np.int64]) -> Score:
    return Score(*share(int((probabilities.argmax(-1) != labels).sum()), len(labels)))


def _correlation(pairs: Floats) -> tuple[float, float, float]:
    """Pearson's of (n, 2) pairs with its percentile bootstrap over pairs; NaN where a side is the same in all."""
    from substrates.seeds import stream

    if (np.ptp(pairs, axis=0) == 0).any():
        return math.nan, math.nan, math.nan
    draws = stream(0, "bootstrap of a correlation").integers(len(pairs), size=(2000, len(pairs)))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(np.corrcoef(pairs.T)[0, 1])
        found = np.array([np.corrcoef(pairs[chosen].T)[0, 1] for chosen in draws])
    low, high = np.nanquantile(found, [0.025, 0.975])
    return value, float(low), float(high)
