"""Training or inference on every machine: the same network, the program made for each.

*Inference*: one network, trained once on the float machine, is put on every machine and classifies the test samples;
the quality is its accuracy there, and energy and time are per inference. *Training*: the network is trained on each
machine with the same settings; energy and time are those of all training samples up to the first epoch whose test
accuracy reaches the level. Without a level it is two points below the best; a machine that does not reach it is said
to, not dropped.
"""

from __future__ import annotations

# Imports inside functions are late: torch and data sets load when a network is compared.
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from equipoise.comparison.costs import card_program, cost_of, processor_ledger
from equipoise.comparison.machines import Machine
from equipoise.comparison.result import Comparison, Row
from hw_profiles.grades import Estimate
from hw_profiles.ledger import Event, Ledger

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.network import Network

__all__ = ["compare_inference", "compare_training"]

Say = Callable[[str], None]
#: accuracy that two machines may differ by and still be compared at equal quality
TOLERANCE = 0.02
#: how many samples are classified one at a time for the clock
CLOCKED = 100


def compare_inference(
    config: Any, machines: list[Machine], *, quality: float | None, samples: int, boundary: str | None, say: Say
) -> Comparison:
    """See `equipoise.comparison.compare`."""
    import torch

    from equipoise.training import train
    from equipoise.training.datasets import load_dataset

    split = load_dataset(config.dataset, getattr(config, "data_dir", None)).flattened()
    say(f"training the network once ({config.dataset}, {config.epochs or 'its usual'} epochs, float machine)")
    trained = train(config)
    network = trained.network
    x, y = split.test_inputs[:samples], split.test_targets[:samples]
    float_ledger: list[Ledger] = []
    found = []
    with torch.no_grad():
        for machine in machines:
            say(machine.name)
            found.append(_inference(machine, network, x, y, config, boundary, float_ledger))
    level = quality if quality is not None else max(accuracy for _, accuracy, _, _ in found) - TOLERANCE
    rows = tuple(
        Row(machine.name, machine.title, machine.kind, accuracy, accuracy >= level, cost[0], cost[1], cost[2],
            machine.how, note)
        for machine, accuracy, cost, note in found
    )  # fmt: skip
    layers = "-".join(str(population.size) for population in network.populations)
    return Comparison(
        work=f"inference on {config.dataset}, populations {layers} ({len(y)} test samples)", unit="inference",
        quality_name="accuracy", higher_is_better=True, equal="quality", level=level, reference=machines[0].name,
        rows=rows, settings={"dataset": config.dataset, "epochs": len(trained.epochs), "samples": len(y),
                             "tolerance": TOLERANCE, "seed": config.seed},
    )  # fmt: skip


def _inference(
    machine: Machine, network: Network, x: Tensor, y: Tensor, config: Any, boundary: str | None, floats: list[Ledger]
) -> tuple[Machine, float, tuple[Estimate, Estimate, str], str]:
    from equipoise.training.build import make_phases
    from equipoise.training.evaluate import accuracy
    from equipoise.training.machines import make_machine, place_machine

    substrate = make_machine(machine.target, network, _options(machine), config.seed)
    place_machine(substrate)
    substrate.program()
    stop = make_phases(config, substrate).free
    right, settled, ledger = accuracy(substrate, x, y, stop)
    if machine.kind == "processor":
        cost, note = _clocked(substrate, x, stop, machine, boundary)
    elif machine.kind == "card":
        ways = [_card(ledger, network, len(y), machine, boundary, samples_at_once=at_once) for at_once in (1, len(y))]
        cost, note = min(ways, key=lambda way: way[0][0].value or 0.0)
    else:
        cost, note = cost_of(ledger, machine.profile, boundary, len(y)), ""
    return machine, right, cost, f"{100 * settled:.0f} % of the samples settled. {note}".strip()


def _options(machine: Machine) -> dict[str, Any]:
    if machine.kind == "analog":
        return dict(machine.chip) or {"gain_mismatch": 0.0}
    return {}


def _clocked(
    substrate: Any, x: Tensor, stop: Any, machine: Machine, boundary: str | None
) -> tuple[tuple[Estimate, Estimate, str], str]:
    """Two ways on this processor, one sample at a time and all in one batch; the cheaper is the fair baseline."""
    from hw_profiles.measured import measure

    def spent(batches: list[Tensor]) -> tuple[float, float | None, int]:
        for batch in batches[:2]:
            substrate.relax(substrate.drive(batch), stop)  # warmed up, compiled
        began = time.process_time_ns()
        with measure() as clock:
            for batch in batches:
                substrate.relax(substrate.drive(batch), stop)
        cpu = (time.process_time_ns() - began) * 1e-9
        return min(cpu, clock.wall_ns * 1e-9) or clock.wall_ns * 1e-9, clock.energy_j, sum(len(b) for b in batches)

    single = spent(list(x[:CLOCKED].split(1)))
    batch = spent([x] * max(1, 1000 // len(x)))
    fair = min((single, batch), key=lambda way: way[0] / way[2])
    cost = cost_of(processor_ledger(fair[0], fair[1]), machine.profile, boundary, fair[2])
    how = "batch" if fair is batch else "one at a time"
    one, many = (1e6 * way[0] / way[2] for way in (single, batch))
    power = "energy by counters" if fair[1] is not None else "power assumed, no counter here"
    return cost, (
        f"{one:.3g} us an inference one at a time, {many:.3g} us in a batch of {len(x)}; the cheaper ({how}) is "
        f"compared; {power}"
    )


def _card(
    ledger: Ledger, network: Network, count: int, machine: Machine, boundary: str | None, *, samples_at_once: int
) -> tuple[tuple[Estimate, Estimate, str], str]:
    """The float program of the same network: products, weights read again or kept, launches shared by a batch."""
    macs, turns = ledger.total(Event.MACS), ledger.total(Event.STEPS) / max(1, samples_at_once)
    weights = 4.0 * sum(p.numel() for p in network.parameters())
    couplings = len(network.couplings)
    cost = card_program(
        machine.profile, boundary, macs=macs, bytes=(0.25 * weights * turns, 0.0, weights * turns),
        launches=(3.0 * couplings * turns, 1.0 * turns, 6.0 * couplings * turns), per=count,
    )  # fmt: skip
    batch = "one sample at a time" if samples_at_once == 1 else f"batches of {samples_at_once}"
    return cost, f"{batch}; three launches a coupling and turn (one a turn to six), weights in cache or not: assumed"


def compare_training(
    config: Any, machines: list[Machine], *, quality: float | None, boundary: str | None, say: Say
) -> Comparison:
    """See `equipoise.comparison.compare`."""
    from dataclasses import replace

    from equipoise.training import train
    from equipoise.training.datasets import load_dataset

    load_dataset(config.dataset, getattr(config, "data_dir", None))  # a name that is wrong is said before any work
    runs = []
    for machine in machines:
        say(machine.name)
        chip = {"chip": _options(machine)} if machine.kind == "analog" else {}
        runs.append((machine, train(replace(config, target=machine.target, **chip))))
    curves = [[float(row["test_accuracy"]) for row in run.epochs] for _, run in runs]
    level = quality if quality is not None else max(max(curve) for curve in curves) - TOLERANCE
    rows = []
    for (machine, run), curve in zip(runs, curves, strict=True):
        at = next((i for i, accuracy in enumerate(curve) if accuracy >= level), None)
        rows.append(_trained(machine, run, curve, at, boundary))
    return Comparison(
        work=f"training on {config.dataset}", unit="training to the level", quality_name="test accuracy",
        higher_is_better=True, equal="quality", level=level, reference=machines[0].name, rows=tuple(rows),
        settings={"dataset": config.dataset, "epochs": len(curves[0]), "seed": config.seed, "tolerance": TOLERANCE},
    )  # fmt: skip


def _trained(machine: Machine, run: Any, curve: list[float], at: int | None, boundary: str | None) -> Row:
    from hw_profiles.ledger import Phase

    epochs = len(curve) if at is None else at + 1
    whole = Ledger()
    for key, count in run.ledger.items():
        if key.phase not in (Phase.TEST, Phase.PROBE):
            whole.merge(Ledger({key: count}))
    share = epochs / len(curve)
    if machine.kind == "card":
        samples = run.per_sample["training sample"].samples if "training sample" in run.per_sample else 1
        cost, note = _card(
            whole, run.network, 1, machine, boundary, samples_at_once=max(1, samples // len(curve) // 100)
        )
        note = f"batches of the training run; {note}"
    elif machine.kind == "processor":
        seconds = sum(float(row.get("seconds") or 0.0) for row in run.epochs)
        cost = cost_of(processor_ledger(seconds), machine.profile, boundary)
        note = "wall time of the epochs on this machine"
    else:
        cost = cost_of(whole, machine.profile, boundary)
        note = ""
    note = f"{epochs} of {len(curve)} epochs. {note}".strip()
    return Row(
        machine=machine.name,
        title=machine.title,
        kind=machine.kind,
        quality=max(curve),
        reached=at is not None,
        energy=cost[0].scaled(share),
        time=cost[1].scaled(share),
        boundary=cost[2],
        how=machine.how,
        note=note,
    )
