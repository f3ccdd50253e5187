"""From a program of the engine, or a QUBO problem, to what the mapper places; and back to the engine's placement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from mappers.connectivity import Connectivity, Group
from mappers.limits import System
from mappers.placement import Placement, place
from substrates.loihi2 import program as engine
from substrates.loihi2.synapses import Conv, Dense, Direct, Sparse, Synapses

__all__ = ["MODEL_NAMES", "connectivity_of", "connectivity_of_problem", "place_program"]

#: class of a neuron -> name in `mappers.chip_models`
MODEL_NAMES = {
    "LIF": "lif",
    "LIFRefractory": "lif-refractory",
    "Sigma": "sigma",
    "Delta": "delta",
    "SigmaDelta": "sigma-delta",
    "GradedReLU": "graded-relu",
    "Relaxation": "relaxation",
    "PhasedRelaxation": "phased-relaxation",
}
#: state words of an annealing neuron: u, temperature, and one for history, rest counter and latch
_ANNEALING_WORDS = 3


def connectivity_of(program: engine.Program) -> Connectivity:
    """Populations and connections of ``program``. Sources are outside the cores and are left out.

    A population counts as densely connected when all its connections are.

    Raises:
        InputError: a kind of synapses that no mapper knows.
    """
    starts: dict[str, int] = {}
    total = 0
    for name, population in program.populations.items():
        starts[name] = total
        total += population.n
    rows: list[npt.NDArray[np.int64]] = []
    columns: list[npt.NDArray[np.int64]] = []
    sparse_onto: set[str] = set()
    for connection in program.connections:
        pattern = _PATTERNS.get(type(connection.synapses))
        if pattern is None:
            raise InputError(f"no mapper knows {type(connection.synapses).__name__} synapses")
        if not isinstance(connection.synapses, Dense):
            sparse_onto.add(connection.target)
        if connection.source in starts:
            source, target = pattern(connection.synapses)
            rows.append(source + starts[connection.source])
            columns.append(target + starts[connection.target])
    source = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    target = np.concatenate(columns) if columns else np.zeros(0, np.int64)
    order = np.argsort(source, kind="stable")
    groups = tuple(
        Group(
            name,
            MODEL_NAMES.get(type(population.neuron).__name__, type(population.neuron).__name__),
            population.n,
            state_words=len(population.neuron.variables) + 1,  # and the bias
            dense=name not in sparse_onto,
        )
        for name, population in program.populations.items()
    )
    return Connectivity(groups, np.searchsorted(source[order], np.arange(total + 1)), target[order].astype(np.int32))


def place_program(
    program: engine.Program, system: System | str = "oheo-gulch", *, passes: int = 4
) -> tuple[engine.Placement, Placement]:
    """Place ``program`` on ``system``; returns the engine's placement and ours, with the utilisation.

    Raises:
        DoesNotFitError: with everything that does not fit.
    """
    placed = place(connectivity_of(program), system, passes=passes)
    # number cores so that core // cores_per_chip is the chip, as the engine reads it
    per_chip = placed.system.cores_per_chip
    within = np.zeros(placed.chip.size, np.int64)
    for chip in range(int(placed.chip.max()) + 1):
        members = np.flatnonzero(placed.chip == chip)
        within[members] = np.arange(members.size)
    numbers = (placed.chip * per_chip + within)[placed.core].astype(np.int32)
    ends = np.cumsum([population.n for population in program.populations.values()])
    cores = dict(zip(program.populations, np.split(numbers, ends[:-1]), strict=True))
    return engine.Placement(cores, per_chip), placed


def connectivity_of_problem(
    indptr: npt.ArrayLike, indices: npt.ArrayLike, *, scheme: str = "two-phase"
) -> Connectivity:
    """A QUBO's annealing network: variables, cost integrator and temperature neuron, as published reports show it.

    Args:
        indptr, indices: symmetric off-diagonal of Q in CSR form.
        scheme: two-phase stores every synapse twice: once for changes, once for suggestions.
    """
    ptr, idx = np.asarray(indptr, np.int64), np.asarray(indices, np.int64)
    n = ptr.size - 1
    source = np.repeat(np.arange(n), np.diff(ptr))
    copies = 2 if scheme == "two-phase" else 1
    everyone = np.arange(n)
    rows = np.concatenate([*[source] * copies, everyone, np.full(n, n + 1), np.full(n, n)])
    columns = np.concatenate([*[idx] * copies, np.full(n, n), everyone, everyone])
    order = np.argsort(rows, kind="stable")
    groups = (
        Group("variables", f"annealing-{scheme}", n, _ANNEALING_WORDS),
        Group("cost integrator", "cost-integrator", 1, 5),
        Group("temperature", "temperature", 1, 3),
    )
    return Connectivity(groups, np.searchsorted(rows[order], np.arange(n + 3)), columns[order].astype(np.int32))


Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _dense(synapses: Dense) -> Pairs:
    targets, sources = synapses.shape
    return np.repeat(np.arange(sources), targets), np.tile(np.arange(targets), sources)


def _sparse(synapses: Sparse) -> Pairs:
    return np.repeat(np.arange(synapses.shape[1]), np.diff(synapses.indptr)), synapses.indices.astype(np.int64)


def _conv(synapses: Conv) -> Pairs:
    """Every tap of every output position, channel group by channel group."""
    channels_out, width, height, per_group = synapses.weights.shape
    (in_x, in_y, in_c), (out_x, out_y, _) = synapses.input_shape, synapses.output_shape
    axes = np.ogrid[:out_x, :out_y, :channels_out, :width, :height, :per_group]
    ox, oy, oc, kx, ky, kc = axes
    x = ox * synapses.stride[0] - synapses.padding[0] + kx * synapses.dilation[0]
    y = oy * synapses.stride[1] - synapses.padding[1] + ky * synapses.dilation[1]
    c = oc // (channels_out // synapses.groups) * per_group + kc
    shape = np.broadcast_shapes(*(axis.shape for axis in axes))
    inside = np.broadcast_to((x >= 0) & (x < in_x) & (y >= 0) & (y < in_y), shape)
    source = np.broadcast_to((x * in_y + y) * in_c + c, shape)[inside]
    target = np.broadcast_to((ox * out_y + oy) * channels_out + oc, shape)[inside]
    return source.astype(np.int64), target.astype(np.int64)


def _direct(synapses: Direct) -> Pairs:
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


_PATTERNS: dict[type[Synapses], Callable[[Any], Pairs]] = {
    Dense: _dense,
    Sparse: _sparse,
    Conv: _conv,
    Direct: _direct,
}
