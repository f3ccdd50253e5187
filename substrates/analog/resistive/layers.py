"""Deep resistive networks: layers of nodes between dense arrays of conductances, solved in compiled code.

    input nodes (voltage sources) -[amplifier]- g^0 - layer 1 -[amplifier]- g^1 - ... - layer L (outputs)

Every hidden node has a diode to ground: the first half keeps v >= 0, the second half v <= 0. Biases are current
sources. With all conductances passive the voltages are the minimum of the convex co-content

    E = sum_l s_l / 2 sum_ij g^l_ij (a_l v_i - v_j)^2 - sum_l s_l' sum_j (b_j v_j - diode_j(v_j)) ,

s the scales that the amplifiers' gains ask for: s_(l+1) / s_l = c_l / a_l. A sweep minimises E exactly over one
layer after the other (Scellier, arXiv 2402.11674); an exponential diode has a closed form too, through Wright's omega.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.analog.resistive.circuit import GROUND, THERMAL_VOLTAGE, Circuit, Diode, Resistor
from substrates.analog.resistive.kernel import first_currents, gradient, relax

__all__ = ["LayeredCircuit", "Solution", "halves"]

Floats = npt.NDArray[np.float64]


def halves(size: int) -> npt.NDArray[np.int64]:
    """Diodes of a hidden layer: the first half +1 (v >= 0), the second half -1 (v <= 0)."""
    return np.where(np.arange(size) < (size + 1) // 2, 1, -1)


@dataclass(frozen=True)
class Solution:
    """Voltages of a batch.

    Attributes:
        voltages: (batch, nodes), layer after layer, without the inputs.
        sweeps: (batch,) sweeps made.
        residual: (batch,) largest voltage change of the last sweep.
        converged: (batch,) residual below the tolerance.
    """

    voltages: Floats
    sweeps: npt.NDArray[np.int64]
    residual: Floats
    converged: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LayeredCircuit:
    """The circuit's values; a new one for new conductances.

    Args:
        conductances: g^l, (n_l, n_(l+1)) siemens each, the first from the inputs.
        gains: (a, c) of the amplifiers below each layer; (1, 1) each when None. The first c draws on a source.
        biases: currents into each layer, amperes; zero when None.
        signs: diodes of each layer, 1, -1 or 0 per node; `halves` for hidden layers, none at the outputs, when None.
        saturation_a: I_s of the diodes; 0 for ideal ones.
        leak: conductance of every node to ground, siemens.

    Raises:
        InputError: shapes that do not chain, negative conductances or gains, nodes that nothing holds.
    """

    conductances: tuple[Floats, ...]
    gains: tuple[tuple[float, float], ...] | None = None
    biases: tuple[Floats, ...] | None = None
    signs: tuple[npt.NDArray[np.int64], ...] | None = None
    saturation_a: float = 0.0
    thermal_voltage: float = THERMAL_VOLTAGE
    leak: float = 0.0

    def __post_init__(self) -> None:
        if not self.conductances:
            raise InputError("a layered circuit needs at least one array of conductances")
        for l, g in enumerate(self.conductances):
            if g.ndim != 2 or 0 in g.shape or (l and g.shape[0] != self.conductances[l - 1].shape[1]):
                raise InputError(
                    f"arrays of shapes {[c.shape for c in self.conductances]}; expected (n0, n1), (n1, n2), ..."
                )
            if not (np.isfinite(g).all() and (g >= 0).all()):
                raise InputError(f"array {l} has conductances from {g.min():g} to {g.max():g} S; expected zero or more")
        sizes = self.sizes
        for name, parts in (("biases", self.biases), ("signs", self.signs)):
            if parts is not None and [len(p) for p in parts] != list(sizes):
                raise InputError(f"{name} of lengths {[len(p) for p in parts]} for layers of {list(sizes)} nodes")
        if self.gains is not None and (
            len(self.gains) != len(sizes) or not all(0 < x < np.inf for pair in self.gains for x in pair)
        ):
            raise InputError(f"gains {self.gains}; expected a pair (a, c) above zero for each of {len(sizes)} arrays")
        if not (self.saturation_a >= 0 and self.leak >= 0 and self.thermal_voltage > 0):
            raise InputError("saturation current and leak must be zero or more, the thermal voltage above zero")
        loose = np.flatnonzero(self.total_conductance == 0)
        if len(loose):
            raise InputError(
                f"{len(loose)} nodes float (the first is {self.node_name(int(loose[0]))}): no conductance leads to "
                f"them; "
                "give the array a smallest conductance or a leak"
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes of each layer, without the inputs."""
        return tuple(g.shape[1] for g in self.conductances)

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """Offsets of the layers in a state, and its length."""
        return np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)

    @cached_property
    def amplifiers(self) -> tuple[Floats, Floats]:
        """(forward, backward) gain of each array."""
        pairs = self.gains or ((1.0, 1.0),) * len(self.sizes)
        return np.array([a for a, _ in pairs], float), np.array([c for _, c in pairs], float)

    @cached_property
    def scales(self) -> Floats:
        """s_l of each array, the last one 1: what turns Kirchhoff's currents into the derivative of one energy."""
        a, c = self.amplifiers
        s = np.ones(len(self.sizes))
        for l in range(len(s) - 2, -1, -1):  # node l + 1 sees array l as target (s_l), array l + 1 as source (s a / c)
            s[l] = s[l + 1] * a[l + 1] / c[l + 1]
        return s

    @cached_property
    def total_conductance(self) -> Floats:
        """(nodes,) sum of what is tied to each node, as its own voltage sees it."""
        a, c = self.amplifiers
        total = [g.sum(0) for g in self.conductances]
        for l in range(1, len(total)):
            total[l - 1] = total[l - 1] + a[l] * c[l] * self.conductances[l].sum(1)
        return np.concatenate(total) + self.leak

    @cached_property
    def _packed(self) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
        later = self.conductances[1:]
        places = np.concatenate([[0], np.cumsum([g.size for g in later])]).astype(np.int64)
        flat = np.concatenate([g.ravel() for g in later]) if later else np.zeros(1)
        turned = np.concatenate([g.T.ravel() for g in later]) if later else np.zeros(1)
        return flat, turned, places

    @cached_property
    def diodes(self) -> npt.NDArray[np.int64]:
        """(nodes,) 1, -1 or 0."""
        if self.signs is not None:
            return np.concatenate(self.signs).astype(np.int64)
        return np.concatenate([halves(n) for n in self.sizes[:-1]] + [np.zeros(self.sizes[-1], np.int64)])

    @cached_property
    def bias(self) -> Floats:
        """(nodes,) amperes."""
        return np.zeros(int(self.starts[-1])) if self.biases is None else np.concatenate(self.biases).astype(float)

    def drive(self, inputs: npt.ArrayLike) -> Floats:
        """(batch, n1) currents that the inputs (batch, n0), in volts, send into the first layer held at 0 V."""
        x = np.ascontiguousarray(inputs, np.float64)
        if x.ndim != 2 or x.shape[1] != self.conductances[0].shape[0]:
            raise InputError(f"inputs of shape {x.shape}; expected (batch, {self.conductances[0].shape[0]}) volts")
        out = np.empty((len(x), self.sizes[0]))
        first_currents(x, np.ascontiguousarray(self.conductances[0]), self.amplifiers[0][0], out)
        return out

    def check_pull(self, pull: float) -> None:
        """Raise unless the circuit has a minimum with ``pull`` siemens at every output.

        A negative one is an active element. The bound is the conductance of the output node alone, with everything
        else held; it is exact at the sweep, and the network may give up earlier (`solve` then reports no convergence).
        """
        least = float(self.total_conductance[int(self.starts[-2]) :].min())
        if not -pull < least:
            raise InputError(
                f"a nudge of {pull:g} S is a negative conductance as large as that of an output node ({least:g} "
                f"S): the "
                "circuit has no minimum; nudge less, or by a held current"
            )

    def solve(
        self,
        inputs: npt.ArrayLike | None = None,
        *,
        drive: Floats | None = None,
        pull: float = 0.0,
        target: Floats | None = None,
        force: Floats | None = None,
        start: Floats | None = None,
        tolerance_v: float = 1e-12,
        max_sweeps: int = 10_000,
        check_every: int = 1,
    ) -> Solution:
        """Voltages under inputs (or their `drive`), outputs tied by ``pull`` siemens to ``target`` and fed ``force`` A.

        Args:
            start: (batch, nodes) voltages to start from; 0 V when None.
            tolerance_v: a sample stops when a sweep moves no node by more; 0 makes all sweeps.

        Raises:
            InputError: shapes, or a pull that leaves no minimum.
        """
        self.check_pull(pull)
        if drive is None:
            drive = self.drive(inputs if inputs is not None else np.zeros((1, 0)))
        batch, outputs, nodes = len(drive), self.sizes[-1], int(self.starts[-1])
        if (target is not None and target.shape != (batch, outputs)) or (
            force is not None and force.shape != (batch, outputs)
        ):
            raise InputError(f"targets and forces must have the shape {(batch, outputs)} of the outputs")
        if start is not None and start.shape != (batch, nodes):
            raise InputError(f"a start of shape {start.shape}; expected {(batch, nodes)}")
        none = np.zeros((batch, outputs))
        v = np.zeros((batch, nodes)) if start is None else np.array(start, np.float64)
        done, moved = np.zeros(batch, np.int64), np.zeros(batch)
        flat, turned, places = self._packed
        relax(
            drive, self.starts, flat, turned, places, *self.amplifiers, self.bias, self.total_conductance, self.diodes,
            float(self.saturation_a), self.thermal_voltage, float(pull),
            none if target is None else np.ascontiguousarray(target, np.float64),
            none if force is None else np.ascontiguousarray(force, np.float64),
            v, np.empty(max(self.sizes)), max_sweeps, tolerance_v, check_every, done, moved,
        )  # fmt: skip
        return Solution(v, done, moved, np.isfinite(moved) & (moved <= (tolerance_v or 1e-6)))

    def gradient(
        self, inputs: Floats, plus: Floats, minus: Floats, factor: float = 1.0
    ) -> tuple[tuple[Floats, ...], Floats]:
        """(dE/dg summed over the batch, dE/db per node) at ``plus`` minus at ``minus``, times ``factor``.

        With ``factor`` 1 / (2 beta), ``plus`` pulled towards the target by beta and ``minus`` pushed from it by
        beta this is equilibrium propagation's dL/dg and, with the sign that a current has, dL/db.
        """
        x = np.ascontiguousarray(inputs, np.float64)
        flat, _, places = self._packed
        first, rest = np.zeros(self.conductances[0].shape), np.zeros(len(flat))
        a = self.amplifiers[0]
        gradient(x, a[0], x.shape[1], plus, minus, self.starts, a, self.scales, factor, first, rest, places)
        parts = [first] + [
            rest[places[l] : places[l + 1]].reshape(g.shape) for l, g in enumerate(self.conductances[1:])
        ]
        node_scale = np.repeat(self.scales, self.sizes)
        return tuple(parts), -factor * node_scale * (plus - minus).sum(0)

    def dissipated(self, inputs: Floats, voltages: Floats) -> Floats:
        """(batch,) watts turned into heat by the conductances (amplifiers: at their resistor's own ends)."""
        x, a = np.asarray(inputs, float), self.amplifiers[0]
        power = np.zeros(len(x))
        below = a[0] * x
        for l, g in enumerate(self.conductances):
            v = voltages[:, self.starts[l] : self.starts[l + 1]]
            power += (below**2) @ g.sum(1) + (v**2) @ g.sum(0) - 2 * ((below @ g) * v).sum(1)
            below = a[l + 1] * v if l + 1 < len(a) else v
        return power

    def node_name(self, node: int) -> str:
        """``h1_4`` for node 4 of layer 1, ``out_2`` for an output."""
        layer = int(np.searchsorted(self.starts, node, side="right")) - 1
        name = "out" if layer == len(self.sizes) - 1 else f"h{layer + 1}"
        return f"{name}_{node - int(self.starts[layer])}"

    def to_circuit(
        self, x: Sequence[float], *, pull: float = 0.0, target: Floats | None = None, force: Floats | None = None
    ) -> Circuit:
        """The same circuit element by element, under one input x (n0,). Nodes: the state's, then the inputs.

        A pull needs a node at the target's voltage: those come last.
        """
        nodes, n0 = int(self.starts[-1]), self.conductances[0].shape[0]
        a, c = self.amplifiers
        resistors: list[Resistor] = []
        for l, g in enumerate(self.conductances):
            source = nodes if l == 0 else int(self.starts[l - 1])
            back = 1.0 if l == 0 else float(c[l])
            resistors += [
                Resistor(source + i, int(self.starts[l]) + j, float(g[i, j]), float(a[l]), back)
                for i, j in zip(*np.nonzero(g))
            ]
        if self.leak:
            resistors += [Resistor(n, GROUND, self.leak) for n in range(nodes)]
        diodes = [
            Diode(GROUND, n, self.saturation_a) if sign > 0 else Diode(n, GROUND, self.saturation_a)
            for n, sign in enumerate(self.diodes.tolist())
            if sign
        ]
        voltages = {nodes + i: float(value) for i, value in enumerate(x)}
        currents = {n: float(b) for n, b in enumerate(self.bias) if b}
        names = [self.node_name(n) for n in range(nodes)] + [f"in_{i}" for i in range(n0)]
        total = nodes + n0
        for j in range(self.sizes[-1]):
            node = int(self.starts[-2]) + j
            if force is not None:
                currents[node] = currents.get(node, 0.0) + float(force[j])
            if pull and target is not None:
                if pull < 0:
                    raise InputError("a negative conductance is no passive element; export the nudge as a held current")
                voltages[total] = float(target[j])
                names.append(f"target_{j}")
                resistors.append(Resistor(node, total, pull))
                total += 1
        return Circuit(
            total, tuple(resistors), tuple(diodes), voltages, currents, tuple(names), self.thermal_voltage
        )  # fmt: skip
