"""The engine: runs a program step by step on the CPU, with the chip's integers, and counts every event.

The integers are those of Lava's public fixed-point models, and those of ``docs/loihi2_arithmetic.md`` where Lava has
none. ``strict`` stops at the first value that leaves its register; otherwise such values wrap or saturate by the
model's own rule and are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.loihi2.engine.counts import check_placement, count_events
from substrates.loihi2.engine.kernel import run_steps
from substrates.loihi2.engine.layout import P_SIZE, P_START, P_STATE, Layout, lay_out
from substrates.loihi2.neurons.base import Int32, State
from substrates.loihi2.program import Placement, Population, Program
from substrates.loihi2.widths import integer_in

__all__ = ["Engine", "Probe", "Run", "StateOverflowError"]


class StateOverflowError(InputError):
    """A value left its register while the engine was strict."""


@dataclass(frozen=True)
class Probe:
    """Record ``variable`` of ``population`` ("messages", or a state variable) after every ``every``-th step."""

    population: str
    variable: str = "messages"
    every: int = 1


@dataclass(frozen=True, eq=False)
class Run:
    """What one call of `Engine.run` did.

    Attributes:
        steps: steps run.
        ledger: counted events.
        overflows: per population, how many values left their register.
        probes: (records, n) int32 per probe, keyed by (population, variable).
    """

    steps: int
    ledger: Ledger
    overflows: Mapping[str, int]
    probes: Mapping[tuple[str, str], Int32]


class Engine:
    """Holds a program's state and runs it.

    Args:
        program: what to run; later changes to it have no effect.
        strict: raise `StateOverflowError` as soon as a value leaves its register.
        placement: cores of the neurons; with it, messages within and between cores, hops, and per-core counts.
    """

    def __init__(self, program: Program, *, strict: bool = False, placement: Placement | None = None) -> None:
        if not program.populations:
            raise InputError("the program has no population; add one with Program.population")
        if placement is not None:
            check_placement(program, placement)
        self.program, self.strict, self.placement = program, strict, placement
        self._layout = lay_out(program)
        self.reset()

    def reset(self) -> None:
        """Back to the initial state, step 0, with nothing under way in the synapses."""
        layout = self._layout
        n = int(layout.populations[:, P_SIZE].sum())
        self.time = 0
        self._state = layout.state.copy()
        self._a_in, self._out, self._fired = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32)
        self._n_fired = np.zeros(len(layout.names), np.int64)
        self._ring, self._scratch = np.zeros(layout.ring_size, np.int32), np.zeros(layout.scratch_size, np.int32)
        self._part = np.zeros(int(layout.populations[:, P_SIZE].max()), np.int16)
        self._pending = np.full(len(layout.connections), -1, np.int64)
        self._sums = np.zeros(len(layout.connections), np.int64)

    def run(self, steps: int, probes: Sequence[Probe] = ()) -> Run:
        """Run ``steps`` more steps.

        Raises:
            InputError: a probe names what is not there.
            StateOverflowError: the engine is strict and a value left its register; the state is that of this step.
        """
        integer_in("the number of steps", steps, 0, 2**31 - 2 - self.time)
        layout = self._layout
        table, recorded = self._probe_table(probes, steps)
        counts = np.zeros(self._out.size, np.int64)
        overflows = np.zeros(len(layout.names), np.int64)
        done = run_steps(
            self.time + 1, steps, self.strict,
            layout.populations, layout.parameters, layout.bias, layout.tables, self._state, self._a_in, self._out,
            self._fired, self._n_fired, counts, overflows,
            layout.connections, layout.dense, layout.rows, layout.indices, layout.sparse, layout.delays,
            layout.conv, layout.geometry, self._ring, self._scratch, self._part, self._pending, self._sums,
            layout.event_starts, layout.event_indices, layout.event_values, table, recorded,
        )  # fmt: skip
        self.time += done
        by_name = dict(zip(layout.names, (int(k) for k in overflows), strict=True))
        if self.strict and any(by_name.values()):
            where = ", ".join(f"{k} in {name!r}" for name, k in by_name.items() if k)
            raise StateOverflowError(
                f"at step {self.time} values left their registers: {where}; scale weights or biases down, "
                "or run with strict=False to let them wrap or saturate and be counted"
            )
        sent = {name: counts[self._neurons(name)] for name in layout.names}
        ledger = count_events(self.program, self.placement, sent, done)
        return Run(
            done, ledger, {n: by_name[n] for n in self.program.populations}, self._split(probes, table, recorded)
        )

    def state(self, population: str) -> State:
        """The state variables of a population: views that can be read and written between runs."""
        neuron = self._population(population).neuron
        row = self._layout.populations[self._layout.names.index(population)]
        n, start = int(row[P_SIZE]), int(row[P_STATE])
        values = self._state[start : start + n * len(neuron.variables)].reshape(len(neuron.variables), n)
        return State(neuron.variables, values)

    def messages(self, name: str) -> Int32:
        """The messages that a population or source sent in the last step (0 for silence)."""
        self.program.size(name)
        return self._out[self._neurons(name)].copy()

    @property
    def memory_bytes(self) -> int:
        """Memory of all arrays, the program's own copies of its weights not included."""
        arrays = [getattr(self._layout, f.name) for f in fields(Layout)] + list(vars(self).values())
        return sum(a.nbytes for a in arrays if isinstance(a, np.ndarray))

    def _neurons(self, name: str) -> slice:
        row = self._layout.populations[self._layout.names.index(name)]
        return slice(int(row[P_START]), int(row[P_START] + row[P_SIZE]))

    def _population(self, name: str) -> Population:
        if name not in self.program.populations:
            raise InputError(f"no population {name!r}; there are {', '.join(self.program.populations)}")
        return self.program.populations[name]

    def _probe_table(self, probes: Sequence[Probe], steps: int) -> tuple[npt.NDArray[np.int64], Int32]:
        table = np.zeros((len(probes), 5), np.int64)
        size = 0
        for q, probe in enumerate(probes):
            integer_in("a probe's every", probe.every, 1, 2**31 - 1)
            n = self.program.size(probe.population)
            if probe.variable == "messages":
                start = self._neurons(probe.population).start
            else:
                variables = self._population(probe.population).neuron.variables
                if probe.variable not in variables:
                    raise InputError(
                        f"{probe.population!r} has no variable {probe.variable!r}; "
                        f"it has messages{''.join(f', {v}' for v in variables)}"
                    )
                row = self._layout.populations[self._layout.names.index(probe.population)]
                start = int(row[P_STATE]) + variables.index(probe.variable) * n
            table[q] = start, probe.variable == "messages", n, probe.every, size
            size += n * (steps // probe.every)
        return table, np.zeros(size, np.int32)

    @staticmethod
    def _split(probes: Sequence[Probe], table: npt.NDArray[np.int64], recorded: Int32) -> dict[tuple[str, str], Int32]:
        ends = np.append(table[:, 4], recorded.size)[1:]
        return {
            (p.population, p.variable): recorded[row[4] : end].reshape(-1, row[2])
            for p, row, end in zip(probes, table, ends, strict=True)
        }
