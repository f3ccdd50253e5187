"""A resistive circuit as a list of elements: the form that the Newton reference solves and a netlist prints.

Nodes are numbered 0 to n - 1; ground is node -1 and has no voltage of its own. Elements:

    Resistor(i, j, g, a, c)   current g (a v_i - v_j) flows into j, and c times it is drawn from i
    Diode(anode, cathode)     ideal (no voltage forward, no current backward) or I = I_s (exp(v / V_t) - 1)
    current source            amperes into a node
    voltage source            a node whose voltage is given

a = c = 1 is a plain resistor. Otherwise a bidirectional amplifier sits between i and the resistor: a voltage-controlled
voltage source of gain a forward, a current-controlled current source of gain c back (Kendall et al., arXiv 2006.01981).
a = c passes power unchanged (a transformer).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from hw_profiles.errors import InputError

__all__ = ["GROUND", "SETTLING", "THERMAL_VOLTAGE", "Circuit", "Diode", "Resistor"]

GROUND = -1
#: k T / q at 27 degrees Celsius, volts
THERMAL_VOLTAGE = 0.025864186
#: a circuit settles in this many of its slowest time constants (to about 5e-5 of the way)
SETTLING = 10


@dataclass(frozen=True)
class Resistor:
    """Conductance ``g`` in siemens between ``i`` and ``j``, behind an amplifier of gains ``a`` and ``c`` at i's end."""

    i: int
    j: int
    g: float
    a: float = 1.0
    c: float = 1.0


@dataclass(frozen=True)
class Diode:
    """From ``anode`` to ``cathode``; ideal when ``saturation_a`` is 0, else exponential with that I_s in amperes."""

    anode: int
    cathode: int
    saturation_a: float = 0.0


@dataclass(frozen=True)
class Circuit:
    """Elements and sources. `check` says whether every node has one definite voltage.

    Attributes:
        nodes: number of nodes without ground.
        voltages: node to volts, voltage sources to ground.
        currents: node to amperes flowing into it.
        names: one per node, for netlists; ``n0``, ``n1``... when empty.
        thermal_voltage: V_t of the exponential diodes, volts.
    """

    nodes: int
    resistors: tuple[Resistor, ...]
    diodes: tuple[Diode, ...] = ()
    voltages: Mapping[int, float] = field(default_factory=dict)
    currents: Mapping[int, float] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    thermal_voltage: float = THERMAL_VOLTAGE

    def __post_init__(self) -> None:
        self._check_ends()
        self._check_elements()

    def _check_ends(self) -> None:
        ends = [(e.i, e.j) for e in self.resistors] + [(d.anode, d.cathode) for d in self.diodes]
        ends += [(n, GROUND) for n in (*self.voltages, *self.currents)]
        wrong = sorted({n for pair in ends for n in pair if not GROUND <= n < self.nodes})
        if wrong:
            raise InputError(f"an element is tied to node {wrong[0]}; nodes are 0 to {self.nodes - 1}, ground is -1")
        if any(i == j for i, j in ends):
            raise InputError("an element has both ends at one node (or a source stands at ground); remove it")
        if self.names and (len(self.names) != self.nodes or len(set(self.names)) != self.nodes):
            raise InputError(f"{len(self.names)} names for {self.nodes} nodes; expected one each, all different")

    def _check_elements(self) -> None:
        for r in self.resistors:
            if not (r.g >= 0 and np.isfinite(r.g)):
                raise InputError(
                    f"the conductance between {self.name(r.i)} and {self.name(r.j)} is {r.g} S: not passive; "
                    "expected a finite number of zero or more"
                )
            if not (r.a > 0 and r.c > 0 and np.isfinite(r.a) and np.isfinite(r.c)):
                raise InputError(f"amplifier gains must be finite and above zero, got a = {r.a}, c = {r.c}")
        for d in self.diodes:
            if not (d.saturation_a >= 0 and np.isfinite(d.saturation_a)):
                raise InputError(f"a diode's saturation current must be zero (ideal) or more, got {d.saturation_a} A")
        sources = [*self.voltages.values(), *self.currents.values()]
        if not np.isfinite(sources).all():
            raise InputError("a source is not a finite number of volts or amperes")
        if not self.thermal_voltage > 0:
            raise InputError(f"the thermal voltage must be above zero, got {self.thermal_voltage} V")

    def name(self, node: int) -> str:
        """What the node is called in messages and netlists."""
        return "0" if node == GROUND else self.names[node] if self.names else f"n{node}"

    def check(self) -> None:
        """Raise unless every node is held: conductances lead from it to a voltage source or to ground.

        A diode holds nothing by itself: where it blocks, its node floats.

        Raises:
            InputError: names the floating nodes, group by group.
        """
        size, ground = self.nodes + 1, self.nodes
        pairs = [(e.i % size, e.j % size) for e in self.resistors if e.g > 0]
        pairs += [(node, ground) for node in self.voltages]
        rows, cols = zip(*pairs) if pairs else ((), ())
        _, group = connected_components(coo_matrix((np.ones(len(pairs)), (rows, cols)), (size, size)), directed=False)
        loose = np.flatnonzero(group[:-1] != group[ground])
        if len(loose):
            number = len(set(group[loose].tolist()))
            raise InputError(
                f"{len(loose)} nodes in {number} disconnected group{'s' * (number > 1)} float "
                f"({', '.join(self.name(int(n)) for n in loose[:5])}{', ...' * (len(loose) > 5)}): no conductance "
                f"leads "
                "to a voltage source or to ground; add a leak, or remove them"
            )
