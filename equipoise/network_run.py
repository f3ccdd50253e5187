"""Run a network that came from a file: what it sent, what it decided, and what that costs on the machine.

    result = run_network("network.net", inputs=spikes)         # (steps, ...) or (samples, steps, ...)
    result.outputs, result.classes, result.energy

Every sample starts from rest. Counts are placed on cores of the smallest Loihi 2 system that holds the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.run import Run, RunResult
from equipoise.targets import Target
from hw_profiles.errors import InputError
from hw_profiles.measured import Measurement
from mappers.placement import DoesNotFitError, Placement
from mappers.program import SYSTEMS, place_on_smallest, place_program
from substrates.loihi2 import program as engine
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.engine import Run as EngineRun
from substrates.loihi2.engine.counts import count
from substrates.loihi2.formats import ImportedNetwork, read_netx
from substrates.loihi2.formats.network import SOURCE
from substrates.loihi2.widths import integer_array, integer_in

__all__ = ["SYSTEMS", "NetworkRun", "run_network"]

FLOAT_VALUES = 20_000_000  #: of the floating-point run that are kept at once

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkRun(RunResult):
    """What a run of a network gives back.

    Attributes:
        network: what ran.
        steps: of every sample.
        outputs: (samples, steps, n) messages of the last layer.
        scores: (samples, n) what decides, see `ImportedNetwork.readout`.
        classes: (samples,) the neuron with the highest score, the first of equals.
        accuracy: share of samples whose class is the label, 0 to 1; None without labels.
        float_accuracy: the same before numbers were rounded, where the file holds them; None without labels.
        sent: messages of every layer, all samples together.
        overflows: values that left their registers, by layer; None where the target does not say.
        placement: where the neurons are; None where counts are told apart by no core.
        misfit: why there is no placement, or empty.
    """

    network: ImportedNetwork
    steps: int
    outputs: Int32
    scores: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    accuracy: float | None
    float_accuracy: float | None
    sent: dict[str, int]
    overflows: dict[str, int] | None
    placement: Placement | None
    misfit: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        layers = [
            {
                "name": layer.name, "shape": list(layer.shape), "neuron": layer.neuron.name,
                "messages": self.sent[layer.name],
                "overflows": None if self.overflows is None else self.overflows[layer.name],
            }
            for layer in self.network.layers
        ]  # fmt: skip
        place = self.placement
        return {
            **self.run_dict(),
            "network": self.network.name,
            "input_shape": list(self.network.input_shape),
            "notes": list(self.network.notes),
            "samples": len(self.classes),
            "steps": self.steps,
            "layers": layers,
            "readout": self.network.readout,
            "scores": self.scores,
            "classes": self.classes,
            "accuracy": self.accuracy,
            "float_accuracy": self.float_accuracy,
            "fidelity": [{**vars(one), "exact": one.exact} for one in self.network.fidelity],
            "counts": {event.value: count for event, count in self.ledger.totals().items()},
            "placement": None
            if place is None
            else {
                "system": place.system.name,
                "cores": place.utilisation.cores_used,
                "chips": int(place.chip.max()) + 1,
            },
            "misfit": self.misfit,
        }


def run_network(
    network: str | Path | ImportedNetwork,
    *,
    inputs: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    steps: int | None = None,
    labels: npt.ArrayLike | None = None,
    target: str | Target = "loihi2-sim",
    system: str | None = None,
    profile: str | None = None,
    out: str | Path | None = None,
    force: bool = False,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> NetworkRun:
    """Run ``network`` on every sample and price what was counted.

    Args:
        network: a netx HDF5 file of lava-dl, or a network that was read (`from_nir`).
        inputs: integers (steps, *input_shape) or (samples, steps, *input_shape); the shape may be flat.
        bias: bias mantissas of LIF input neurons, of the input's shape, with or without an axis of samples.
        steps: of every sample; those of ``inputs`` and the network's latency when None; silence follows the input.
        labels: (samples,) the right class of each.
        target: a target that runs programs.
        system: Loihi 2 system to place it on; the smallest of `SYSTEMS` that holds it when None.
        profile: prices; the target's when None.
        out: record to write; ``force`` replaces one that is there.
        threads: of the engine, for networks with many synaptic events a step; 0 takes all there are.
        progress: called with samples done and samples in all.

    Raises:
        InputError: a file, shape, range or name is wrong, or the network does not fit ``system``.
        TargetUnavailableError: the target is not here.
    """
    run = Run.prepare(target, "program", profile=profile, out=out, force=force)
    ready = network if isinstance(network, ImportedNetwork) else read_netx(network)
    samples = _Samples(ready, inputs, bias, steps)
    right = _labels(labels, len(samples), ready)
    on_engine = run.choice.resolved == "loihi2-sim"
    cores, placement, misfit = _place(ready, system)
    config = {"network": ready.name, "samples": len(samples), "steps": samples.steps, "readout": ready.readout}
    found = _Found(ready, samples.steps, len(samples))
    engine = None
    with run.recording("network", config=config, seeds={}) as record:
        for k, program in enumerate(samples):
            with run.working():
                if on_engine and engine is None:  # laid out once, fed with every sample
                    engine = Engine(program, placement=cores, threads=threads)
                options: dict[str, Any] = {"probes": found.probes, "engine": engine} if on_engine else {}
                if run.choice.resolved == "loihi2":
                    options["system"] = system
                done = run.choice.target.make("program", program, samples.steps, **options)
                counted = found.add(k, done)
                # Others count what was sent without knowing where the neurons are.
                run.ledger.merge(counted if on_engine else count(program, cores, done.sent, samples.steps))
            if record is not None:
                row = {"sample": k, "class": int(found.classes[k])}
                record.append("samples", row | ({} if right is None else {"label": int(right[k])}))
            if progress is not None:
                progress(k + 1, len(samples))
        accuracy = None if right is None else float((found.classes == right).mean())
        before = None if right is None else samples.float_accuracy(right)
        if record is not None:
            record.result("outputs", found.outputs)
            record.result("scores", found.scores)
            if accuracy is not None:
                record.result("accuracy", accuracy)
            if found.measured is not None:
                found.measured.write(record)
            if before is not None:
                record.result("float_accuracy", before)
        return NetworkRun(
            network=ready,
            steps=samples.steps,
            outputs=found.outputs,
            scores=found.scores,
            classes=found.classes,
            accuracy=accuracy,
            float_accuracy=before,
            sent=found.sent,
            overflows=found.overflows,
            placement=placement,
            misfit=misfit,
            **run.finish("complete"),
        )


class _Samples:
    """One program per sample."""

    def __init__(self, network: ImportedNetwork, inputs: Any, bias: Any, steps: int | None) -> None:
        self.network = network
        self.inputs = None if inputs is None else _by_sample(inputs, network.input_shape, "the input", inner=1)
        self.bias = None if bias is None else _by_sample(bias, network.input_shape, "the input bias", inner=0)
        sizes = [len(given) for given in (self.inputs, self.bias) if given is not None]
        if len(set(sizes)) > 1:
            raise InputError(f"{sizes[0]} samples of input and {sizes[1]} of bias; give as many of each")
        self._n = sizes[0] if sizes else 1
        if self._n == 0:
            raise InputError("there are no samples")
        if steps is None:
            if self.inputs is None:
                raise InputError("without input the number of steps must be given (--steps)")
            steps = self.inputs.shape[1] + network.latency
        self.steps = integer_in("the number of steps", steps, 1, 2**31 - 2)
        if self.inputs is not None:
            network.check_inputs(self.inputs.reshape(-1, *network.input_shape))
        if self.bias is not None:
            for k in range(self._n):  # before any work
                network.with_bias(self.bias[k])

    def __len__(self) -> int:
        return self._n

    def float_accuracy(self, labels: npt.NDArray[np.int64]) -> float | None:
        """Share of right classes of the network in floating point; None where there is none."""
        reference, links = self.network.reference, self.network.links
        if reference is None or links is None or self.inputs is None:
            return None
        graded = any(link.synapses.graded for link in links if link.source == SOURCE)
        steps = max(self.steps - self.network.latency, 1)
        given = self.inputs[:, :steps].reshape(self._n, -1, prod(self.network.input_shape))
        given = np.pad(given, ((0, 0), (0, steps - given.shape[1]), (0, 0)))
        right = 0
        size = max(1, FLOAT_VALUES // (steps * (given.shape[2] + sum(layer.n for layer in self.network.layers))))
        for k in range(0, self._n, size):
            part = given[k : k + size] if graded else given[k : k + size] != 0
            right += int((reference.scores(part).argmax(axis=1) == labels[k : k + size]).sum())
        return right / self._n

    def __iter__(self) -> Iterator[engine.Program]:
        for k in range(self._n):
            network = self.network if self.bias is None else self.network.with_bias(self.bias[k])
            yield network.program(None if self.inputs is None else self.inputs[k, : self.steps])


def _by_sample(values: Any, shape: tuple[int, ...], what: str, *, inner: int) -> npt.NDArray[Any]:
    """``values`` as (samples, [steps,] *shape), from with or without samples, flat or not."""
    array = np.asarray(values)
    for tail in (shape, (prod(shape),)):
        axes = array.ndim - len(tail) - inner
        if axes in (0, 1) and array.shape[array.ndim - len(tail) :] == tail:
            lead = array.shape[: array.ndim - len(tail)]
            return array.reshape(*((1, *lead) if axes == 0 else lead), *shape)
    steps = "steps, " * inner
    expected = f"({steps}{', '.join(map(str, shape))}), with or without an axis of samples in front"
    raise InputError(f"{what} has shape {array.shape}, expected {expected}")


def _summary(place: Placement) -> dict[str, Any]:
    used = place.utilisation
    return {"system": place.system.name, "cores": used.cores_used, "chips": used.chips_used}


def _labels(labels: Any, samples: int, network: ImportedNetwork) -> npt.NDArray[np.int64] | None:
    if labels is None:
        return None
    right = integer_array("the labels", labels, 0, network.output.n - 1).reshape(-1)
    if right.size != samples:
        raise InputError(f"{right.size} labels for {samples} samples; give one for each")
    return right


def _place(network: ImportedNetwork, system: str | None) -> tuple[engine.Placement | None, Placement | None, str]:
    """Where the neurons go: on ``system``, or on the smallest that holds them; else why on none."""
    program = network.program()
    if system is not None:
        return (*place_program(program, system), "")
    try:
        return (*place_on_smallest(program), "")
    except DoesNotFitError as error:
        return None, None, str(error)


class _Found:
    """What the samples' runs left."""

    def __init__(self, network: ImportedNetwork, steps: int, samples: int) -> None:
        self.network, self.steps = network, steps
        n, name = network.output.n, network.output.name
        self.outputs = np.zeros((samples, steps, n), np.int32)
        self.scores = np.zeros((samples, n), np.int64)
        self.classes = np.zeros(samples, np.int64)
        self.sent = {layer.name: 0 for layer in network.layers}
        self.overflows: dict[str, int] | None = None
        self.measured: Measurement | None = None
        self.probes = [Probe(name)]
        if network.readout == "v":
            self.probes.append(Probe(name, "v", every=steps))  # once, at the end

    def add(self, k: int, run: Any) -> Any:
        """Keep sample ``k``; returns its counts."""
        measured = getattr(run, "measured", None)
        if measured is not None:  # by a board's own probes
            self.measured = measured if self.measured is None else self.measured + measured
        name = self.network.output.name
        if isinstance(run, EngineRun):
            messages, voltage = run.probes[name, "messages"], run.probes.get((name, "v"))
            last = None if voltage is None else voltage[-1]
            before = self.overflows or dict.fromkeys(self.sent, 0)
            self.overflows = {layer: before[layer] + run.overflows[layer] for layer in self.sent}
            sent = {layer: int(run.sent[layer].sum()) for layer in self.sent}
        else:
            messages, last = run.messages[name], run.final[name].get("v")
            sent = {layer: int(run.sent[layer].sum()) for layer in self.sent}
        for layer, messages_sent in sent.items():
            self.sent[layer] += messages_sent
        self.outputs[k] = messages
        self.scores[k] = self._score(messages, last)
        self.classes[k] = int(self.scores[k].argmax())
        return run.ledger

    def _score(self, messages: Int32, voltage: Int32 | None) -> Any:
        how = self.network.readout
        if how == "v":
            return voltage
        if how == "last":
            return messages[-1]
        return np.count_nonzero(messages, axis=0) if how == "spikes" else messages.sum(axis=0, dtype=np.int64)
