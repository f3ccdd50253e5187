"""The engine: runs a program step by step on the CPU, with the chip's integers, and counts every event.

The integers are those of Lava's public fixed-point models, and those of ``docs/loihi2_arithmetic.md`` where Lava has
none. ``strict`` stops at the first value that leaves its register; otherwise such values wrap or saturate by the
model's own rule and are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.later import Later
from hw_profiles.ledger import Ledger
from substrates.loihi2.engine.counts import Activity, check_placement, count
from substrates.loihi2.engine.kernel import Work, run_steps
from substrates.loihi2.engine.layout import C_SIZE, C_SLOTS, O_SIZE, O_START, P_SIZE, P_STATE, fed, lay_out
from substrates.loihi2.engine.learning_probes import LearningView
from substrates.loihi2.engine.parts import Parts, mean_fan_out
from substrates.loihi2.learning.draws import CHUNK, Drawn, Draws
from substrates.loihi2.learning.synapses import LearningSynapses
from substrates.loihi2.neurons.base import Int32, State
from substrates.loihi2.program import Connection, Placement, Population, Program
from substrates.loihi2.synapses import Direct
from substrates.loihi2.widths import integer_in
from substrates.threads import available

__all__ = ["Engine", "Probe", "Run", "StateOverflowError"]


class StateOverflowError(InputError):
    """A value left its register while the engine was strict."""


@dataclass(frozen=True)
class Probe:
    """Record ``variable`` of ``population`` ("messages", or a state variable) after every ``every``-th step.

    ``population`` may be the name of a learning connection; then ``variable`` is weights, delays or tags, or a trace:
    x1, x2, y1, y2, y3.
    """

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
        probes: (records, n) int32 per probe, keyed by (population, variable); (records, targets, sources) for the
            synapses of a learning connection.
        sent: per outlet (see `Program.outlets`), how many messages each neuron sent.
    """

    steps: int
    ledger: Ledger
    overflows: Mapping[str, int]
    probes: Mapping[tuple[str, str], Int32]
    sent: Mapping[str, npt.NDArray[np.int64]]


class Engine:
    """Holds a program's state and runs it.

    Args:
        program: what to run; later changes to it have no effect.
        strict: raise `StateOverflowError` as soon as a value leaves its register.
        placement: cores of the neurons; with it, messages within and between cores, hops, and per-core counts.
        threads: share the synapses of steps with many events; 0 takes all there are. The integers are the same. Strict
            runs take one.
    """

    def __init__(
        self, program: Program, *, strict: bool = False, placement: Placement | None = None, threads: int = 1
    ) -> None:
        if not program.populations:
            raise InputError("the program has no population; add one with Program.population")
        if placement is not None:
            check_placement(program, placement)
        self.program, self.strict, self.placement = program, strict, placement
        self._stored, self._placed = Later(lambda: program), Later(lambda: placement)
        self._layout = lay_out(program)
        self.threads = integer_in("threads", threads, 0, 4096) or available()
        self._parts: Parts | None = None
        if self.threads > 1 and not strict and program.connections:
            self._parts = Parts(self._layout, mean_fan_out(program.connections), self.threads)
        self.reset()

    def reset(self) -> None:
        """Back to the initial state, step 0, with nothing under way in the synapses."""
        layout = self._layout
        tables = layout.tables
        connections = len(tables.connections)
        sums = int((tables.connections[:, C_SIZE] * tables.connections[:, C_SLOTS]).max(initial=0))
        self.time = 0
        self._work = Work(
            state=layout.state.copy(),
            a_in=np.zeros(layout.inputs, np.int32),
            out=np.zeros(layout.messages, np.int32),
            fired=np.zeros(layout.messages, np.int32),
            n_fired=np.zeros(len(layout.outlets), np.int64),
            counts=np.zeros(layout.messages, np.int64),
            overflows=np.zeros(len(layout.populations), np.int64),
            ring=np.zeros(layout.ring_size, np.int32),
            scratch=np.zeros(layout.scratch_size, np.int64),
            exact=np.zeros(sums if self.strict else 0, np.int64),
            part=np.zeros(int(tables.connections[:, C_SIZE].max(initial=0)) * self.threads, np.int16),
            pending=np.full(connections, -1, np.int64),
            sums=np.zeros(connections, np.int64),
            plastic=layout.plastic.copy(),
            traces=np.zeros(layout.traces, np.int32),
            history=np.zeros(layout.history, np.int32),
            updates=np.zeros(layout.updates, np.int64),
            room=np.zeros(8, np.int64),
        )
        self._draws = [Draws(synapses.rule) for _, synapses in self._learning()]

    def feed(self, program: Program) -> None:
        """Begin again with the sources and biases of ``program``, whose populations and synapses are the same.

        A network that runs on many samples is laid out once.

        Raises:
            InputError: something else differs.
        """
        mine = self.program
        same = (
            [(name, s.n) for name, s in mine.sources.items()] == [(name, s.n) for name, s in program.sources.items()]
            and list(mine.populations) == list(program.populations)
            and len(mine.connections) == len(program.connections)
            and all(
                (a.outlet, a.inlet) == (b.outlet, b.inlet)
                and (a.synapses is b.synapses or (isinstance(a.synapses, Direct) and isinstance(b.synapses, Direct)))
                for a, b in zip(mine.connections, program.connections, strict=True)
            )
            and mine.resets == program.resets
            and all(_alike(mine.populations[name], program.populations[name]) for name in mine.populations)
        )
        if not same:
            raise InputError("another network cannot be fed; only sources and biases may differ, make a new Engine")
        self._layout = fed(self._layout, program)
        self.reset()

    def run(self, steps: int, probes: Sequence[Probe] = ()) -> Run:
        """Run ``steps`` more steps.

        Raises:
            InputError: a probe names what is not there.
            StateOverflowError: the engine is strict and a value left its register; the state is that of this step.
        """
        integer_in("the number of steps", steps, 0, 2**31 - 2 - self.time)
        layout, work = self._layout, self._work
        table, recorded = self._probe_table(probes, steps)
        work.counts[:] = 0
        work.overflows[:] = 0
        work.updates[:] = 0
        done = 0
        while done < steps:
            now = min(steps - done, CHUNK) if self._draws else steps
            sources, drawn = len(self.program.sources), self._drawn(now)
            if self._parts is not None:
                ran = self._parts.run(self.time + 1, now, sources, layout, work, table, recorded, done, drawn)
            else:
                ran = run_steps(
                    self.time + 1, now, self.strict, sources, layout.tables, layout.cells, layout.stored,
                    layout.events, work, table, recorded, done, drawn,
                )  # fmt: skip
            self.time += ran
            done += ran
            if ran < now:
                break
        by_name = dict(zip(layout.populations, (int(k) for k in work.overflows), strict=True))
        if self.strict and any(by_name.values()):
            where = ", ".join(f"{k} in {name!r}" for name, k in by_name.items() if k)
            raise StateOverflowError(
                f"at step {self.time} values left their registers: {where}; scale weights or biases down, "
                "or run with strict=False to let them wrap or saturate and be counted"
            )
        sent = {name: work.counts[self._slots(name)].copy() for name in layout.outlets}
        reads = self._reads(probes, done)
        changed = {id(view.connection): view.updates(work).copy() for view in self._views()}
        if changed or self.program.resets:
            first = self.time - done + 1
            ledger = count(self.program, self.placement, sent, done, reads=reads, changed=changed, first=first)
        else:  # linear in what was sent: runs are added up and counted once, when somebody looks
            ledger = Ledger.of(Activity(self._stored, self._placed, sent, done, reads))
        return Run(done, ledger, by_name, self._split(probes, table, recorded), sent)

    def state(self, population: str) -> State:
        """The state variables of a population: views that can be read and written between runs."""
        neuron = self._population(population).neuron
        row = self._layout.tables.populations[self._layout.populations[population]]
        n, start = int(row[P_SIZE]), int(row[P_STATE])
        values = self._work.state[start : start + n * len(neuron.variables)].reshape(len(neuron.variables), n)
        return State(neuron.variables, values)

    def synapses(self, connection: str, variable: str = "weights") -> Int32:
        """Weights, delays or tags of a learning connection as they are now, (targets, sources); a trace as (neurons,).

        Raises:
            InputError: there is no learning connection of this name, or no such variable.
        """
        view = self._view(connection)
        start, n, where = view.place(variable)
        pool = self._work.plastic if where == "plastic" else self._work.traces
        return view.shaped(variable, pool[start : start + n].copy())

    def messages(self, name: str) -> Int32:
        """The messages that a population, one of its ports, or a source sent in the last step (0 for silence)."""
        return self._work.out[self._slots(name)].copy()

    @property
    def memory_bytes(self) -> int:
        """Memory of all arrays, the program's own copies of its weights not included."""
        layout = self._layout
        groups = (layout.tables, layout.cells, layout.stored, layout.events, self._work)
        return layout.state.nbytes + sum(array.nbytes for group in groups for array in group)

    def _learning(self) -> list[tuple[Connection, LearningSynapses]]:
        return [(c, c.synapses) for c in self.program.connections if isinstance(c.synapses, LearningSynapses)]

    def _views(self) -> list[LearningView]:
        return [
            LearningView(c, row) for (c, _), row in zip(self._learning(), self._layout.tables.learning, strict=True)
        ]

    def _view(self, name: str) -> LearningView:
        found = [view for view in self._views() if view.connection.name == name]
        if not found:
            names = ", ".join(c.name for c, _ in self._learning()) or "none"
            raise InputError(f"no learning connection {name!r}; there are {names}")
        return found[0]

    def _drawn(self, steps: int) -> Drawn:
        parts = [draws.take(steps) for draws in self._draws]
        shares = np.concatenate([np.zeros((0, steps if parts else 0, 3)), *(part.shares for part in parts)])
        whole = np.concatenate([np.zeros((0, steps if parts else 0, 3), np.int64), *(part.whole for part in parts)])
        return Drawn(shares, whole)

    def _slots(self, outlet: str) -> slice:
        rows = self._layout.outlets
        if outlet not in rows:
            raise InputError(f"no population, port or source {outlet!r}; there are {', '.join(rows)}")
        row = self._layout.tables.outlets[rows[outlet]]
        return slice(int(row[O_START]), int(row[O_START] + row[O_SIZE]))

    def _population(self, name: str) -> Population:
        if name not in self.program.populations:
            raise InputError(f"no population {name!r}; there are {', '.join(self.program.populations)}")
        return self.program.populations[name]

    def _probe_table(self, probes: Sequence[Probe], steps: int) -> tuple[npt.NDArray[np.int64], Int32]:
        table = np.zeros((len(probes), 5), np.int64)
        size = 0
        for q, probe in enumerate(probes):
            integer_in("a probe's every", probe.every, 1, 2**31 - 1)
            where = 0
            if probe.variable == "messages":
                slots = self._slots(probe.population)
                start, n, where = slots.start, slots.stop - slots.start, 1
            elif self._is_connection(probe.population):
                start, n, pool = self._view(probe.population).place(probe.variable)
                where = 2 if pool == "plastic" else 3
            else:
                variables = self._population(probe.population).neuron.variables
                n = self.program.size(probe.population)
                if probe.variable not in variables:
                    raise InputError(
                        f"{probe.population!r} has no variable {probe.variable!r}; "
                        f"it has messages{''.join(f', {v}' for v in variables)}"
                    )
                row = self._layout.tables.populations[self._layout.populations[probe.population]]
                start = int(row[P_STATE]) + variables.index(probe.variable) * n
            table[q] = start, where, n, probe.every, size
            size += n * (steps // probe.every)
        return table, np.zeros(size, np.int32)

    def _reads(self, probes: Sequence[Probe], steps: int) -> dict[str, int]:
        """Values that the host reads through ``probes``, by population."""
        values: dict[str, int] = {}
        for probe in probes:
            n = self.program.outlets.get(probe.population, 0)
            if self._is_connection(probe.population):
                n = self._view(probe.population).place(probe.variable)[1]
            name = probe.population.partition(".")[0] if "." in probe.population else probe.population
            values[name] = values.get(name, 0) + n * (steps // probe.every)
        return values

    def _split(
        self, probes: Sequence[Probe], table: npt.NDArray[np.int64], recorded: Int32
    ) -> dict[tuple[str, str], Int32]:
        ends = np.append(table[:, 4], recorded.size)[1:]
        found = {}
        for probe, row, end in zip(probes, table, ends, strict=True):
            values = recorded[row[4] : end].reshape(-1, row[2])
            if self._is_connection(probe.population):
                values = self._view(probe.population).shaped(probe.variable, values)
            found[probe.population, probe.variable] = values
        return found

    def _is_connection(self, name: str) -> bool:
        return name not in self.program.populations and any(c.name == name for c, _ in self._learning())


def _alike(a: Population, b: Population) -> bool:
    """Whether two populations differ in their biases at most."""
    if a.n != b.n or type(a.neuron) is not type(b.neuron) or a.initial.keys() != b.initial.keys():
        return False
    if any(not np.array_equal(a.initial[key], b.initial[key]) for key in a.initial):
        return False
    one, other = a.neuron, b.neuron
    return one is other or (
        one.parameters() == other.parameters()
        and np.array_equal(one.table(), other.table())
        and np.array_equal(one.rest(a.n).values, other.rest(b.n).values)
    )
